"""``orgsync``, as a whole process that is told on its standard input, which no answer depends on, what else to do.

(nothing)         run the command
ask               tell whether there is an answer, and give none
loaded            run the command, and tell last what was loaded
tomorrow | ...    the same a day later, or under another Python
meddle CODE       run CODE between what is read and what is kept
"""

import sys

from orgsync import __main__, __version__
from orgsync.replay import asking, facts

assert __version__
WORD, _, CODE = sys.stdin.read().partition(" ")


def ask() -> None:
    question = asking.asked(sys.argv[1:])
    print(question is not None and asking.answer_to(question) is not None)  # noqa: T201


def later() -> None:
    today = facts.today() + 1
    facts.today = lambda: today


def meddling() -> None:
    """Once the plan is made, and before it is shown."""
    from orgsync.cli import planning
    from orgsync.cli.output import Output
    from orgsync.plan import Plan

    show = planning.show

    def shown(output: Output, plan: Plan) -> None:
        exec(CODE, globals())
        show(output, plan)

    planning.show = shown


if WORD == "tomorrow":
    later()
    ask()
elif WORD == "python":
    sys.version = CODE
    ask()
elif WORD == "ask":
    ask()
elif WORD == "loaded":
    try:
        __main__.main()
    finally:
        print(*sorted(sys.modules), file=sys.stderr)  # noqa: T201
else:
    if WORD == "meddle":
        meddling()
    __main__.main()

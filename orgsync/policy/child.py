"""Evaluates rules in CEL: a program of its own, since an expression may run for ever, fill the memory or crash.

In: JSON on stdin: the rules, what they are asked of, the limits. Out: one line of JSON per rule, as soon as it is
known. Never: imports anything of orgsync, or sees its environment.
"""

import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import cel

_LONGEST = 300
_PARSED = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?: \||$)")


def main() -> None:
    asked = json.load(sys.stdin)
    _limit(asked["seconds"], asked["bytes"])
    for rule in asked["rules"]:
        sys.stdout.write(json.dumps(answer(rule, asked)) + "\n")
        sys.stdout.flush()


def answer(rule: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """``broken``: the numbers of those for which the rule is not true; or ``fault``: why it cannot be used."""
    try:
        program = cel.compile(rule["require"])
    except ValueError as error:
        return {"fault": _words(error)}
    broken: list[int] = []
    for number, subject in enumerate(asked["subjects"][rule["each"]]):
        try:
            result = program.execute({**asked["common"], rule["each"]: _seen(subject, rule["fields"], asked["shared"])})
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            return {"fault": _words(error), "of": number}
        if not isinstance(result, bool):
            return {"fault": f"it gives {_sort(result)}, not true or false", "of": number}
        if not result:
            broken.append(number)
    return {"broken": broken}


def _seen(subject: Mapping[str, Any], fields: list[str], shared: list[Any]) -> dict[str, Any]:
    """What the rule asks for. The table of what is allowed is one that many have in common."""
    return {name: shared[subject[name]] if name == "access" else subject[name] for name in fields}


def _words(error: Exception) -> str:
    """What the library says first, on one line; of a KeyError it is the name of the field.

    Of a text that does not parse it draws a picture with an arrow, which no line can hold.
    """
    said = f"there is no {error.args[0]!r}" if isinstance(error, KeyError) and error.args else str(error)
    line = " ".join(said.split()).partition(". ")[0]
    if parsed := _PARSED.search(line):
        line = "line {}, column {} of it: {}".format(*parsed.groups())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _sort(value: object) -> str:
    return {"str": "a text", "int": "a number", "float": "a number", "list": "a list", "dict": "a mapping"}.get(
        type(value).__name__, "something"
    )


def _limit(seconds: int, size: int) -> None:
    """Where the system has such limits; the time is watched from outside, too."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415  (not there on every system)

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds + 1, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


if __name__ == "__main__":
    main()

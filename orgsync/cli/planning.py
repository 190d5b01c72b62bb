"""Making, showing, saving and opening plans, for the commands that do so.

In: a Session. Out: Plans, and their rendering on stdout. Never: applies.
"""

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from orgsync.cli.output import Output
from orgsync.cli.progress import watching
from orgsync.cli.session import Session, now
from orgsync.errors import OrgsyncError
from orgsync.explain import attributes
from orgsync.plan import Plan
from orgsync.plan import open_plan as open_file
from orgsync.plan import save as save_file


def make(
    session: Session,
    *,
    accept: frozenset[str] = frozenset(),
    actor: str = "",
    as_of: datetime | None = None,
    seen: Callable[[Mapping[str, str]], None] | None = None,
) -> Plan:
    """Plans for the session's target; warns of an ``--accept`` that names no guard. ``seen`` as in ``make_plan``."""
    from orgsync import pipeline

    with watching(session.output) as watch:
        plan = pipeline.make_plan(
            session.root,
            session.settings,
            session.target,
            today=session.today(as_of),
            environment=session.environment,
            watch=watch,
            accept=accept,
            cache=session.cache,
            actor=actor,
            as_of=as_of.date() if as_of else None,
            seen=seen,
        )
    warn_unused(session.output, plan, accept)
    return plan


def roll_back(session: Session, run: str, *, accept: frozenset[str] = frozenset()) -> Plan:
    """A plan that takes back what a run did."""
    from orgsync import pipeline

    with watching(session.output) as watch:
        plan = pipeline.make_rollback(
            session.root,
            session.settings,
            run,
            today=session.today(),
            environment=session.environment,
            watch=watch,
            accept=accept,
        )
    warn_unused(session.output, plan, accept)
    return plan


def warn_unused(output: Output, plan: Plan, accept: frozenset[str]) -> None:
    violated = {guard.name for guard in plan.guards if guard.violated}
    for name in sorted(accept - violated):
        output.say(f"warning: --accept {name}: no such guard refuses this plan")


def show(output: Output, plan: Plan) -> None:
    """On stdout, in the format that was asked for."""
    match output.options.format:
        case "text":
            from orgsync.render import text

            output.lines(text.plan(plan, output.page(), output.source))
        case "json":
            from orgsync.render import shapes

            output.write(shapes.text(shapes.plan(plan)))
        case "markdown":
            from orgsync.render import markdown

            output.write(markdown.plan(plan))
        case "html":
            from orgsync.render import html

            output.write(html.plan(plan))
        case "github":
            from orgsync.render import github

            output.write(github.plan(plan))
        case _:
            from orgsync.render import sarif, shapes

            output.write(shapes.text(sarif.plan(plan)))


def save(output: Output, plan: Plan, path: Path) -> None:
    try:
        save_file(plan, path, attributes)
    except OSError as error:
        raise OrgsyncError(f"cannot write {path}: {error.strerror}", remedy="choose another path for -o") from None
    from orgsync.render.numbers import count
    from orgsync.render.view import refused

    if plan.as_of not in {"", now().date().isoformat()}:
        output.say(f"saved to look ahead: apply refuses it on any day but {plan.as_of}")
        return
    refusing = [] if plan.empty else refused(plan)
    if refusing:
        output.say(f"saved; apply would refuse it: {count(len(refusing), 'guard')} not accepted (see above)")
    command = f"orgsync apply {shlex.quote(str(path))} --expect-digest {plan.change_digest}"
    accepted = "".join(f" --accept {guard.name}" for guard in refusing)
    means = "if all of that is meant" if refusing else "saved; to apply exactly this"
    output.say(f"{means}: {command}{accepted}")


def open_plan(path: Path) -> Plan:
    return open_file(path, attributes)

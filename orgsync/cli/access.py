"""``orgsync access``: who can do what, and why; and what differs."""

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orgsync.cli.app import offering
from orgsync.cli.known import DAY, FILE, known_of, note, of_commit, sources

if TYPE_CHECKING:
    from orgsync.access import AccessDiff, Allowance, Privilege
    from orgsync.cli.session import Session

_PRIVILEGE = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*):([A-Za-z][A-Za-z0-9_-]*)")
_FORMATS = ("text", "json", "csv")


@click.group(name="access")
@offering(*_FORMATS)
def access() -> None:
    """Show who can do what, and why: as declared, in the CRM (--live), after a saved plan, or at a past date.

    An (object, action) has the highest scope that any role gives, in the unit that gives it. Ended assignments and
    deactivated users give nothing. What a role of the CRM's own allows is not known, and said to be so.
    """


@access.command(name="who-can", short_help="List who can do OBJECT:ACTION.")
@click.argument("privilege", metavar="OBJECT:ACTION")
@click.option(
    "--scope",
    type=click.Choice(["own", "unit", "subtree", "organization"]),
    default="own",
    show_default=True,
    help="At least that far.",
)
@click.option("--unit", metavar="KEY", help="With records of this unit, from within it or from above.")
@sources
@offering(*_FORMATS)
def who_can(privilege: str, scope: str, unit: str | None, **sources: Any) -> int:
    """List who can do OBJECT:ACTION, how far, and through which role."""
    from orgsync import access as evaluated
    from orgsync.cli.session import begin
    from orgsync.errors import BadUsage
    from orgsync.render import text

    session, asked = begin(), _privilege(privilege)
    known = known_of(session, **sources)
    if unit is not None and f"unit/{unit}" not in known.access.resources:
        raise BadUsage(f'there is no unit "{unit}"', remedy="name it by its key, such as germany-sales")
    found = evaluated.who_can(known.access, asked, scope=scope, unit=unit)
    if not found and (doubt := known.doubt_of(asked)):
        session.output.say(f"warning: {doubt}")
    if not _written(session, found):
        title = f"{privilege}, {scope} or further" if scope != "own" else privilege
        session.output.lines(text.who_can(found, title, known.names, session.output.page()))
        note(session, known)
    return 0


@access.command(name="explain", short_help="Draw why USER can do it.")
@click.argument("user")
@click.argument("privilege", metavar="[OBJECT:ACTION]", required=False)
@sources
@offering(*_FORMATS)
def explain(user: str, privilege: str | None, **sources: Any) -> int:
    """Draw how USER (a login) comes to OBJECT:ACTION, or to everything that they can do."""
    from orgsync import access as evaluated
    from orgsync.cli.session import begin
    from orgsync.render import text

    session, login = begin(), user.lower()
    asked = _privilege(privilege) if privilege else None
    known = known_of(session, **sources)
    found = evaluated.allowances(known.access, login, asked)
    if not found and (doubt := known.doubt_about(login)):
        session.output.say(f"warning: {doubt}")
    if not _written(session, found):
        steps = {step for one in found for path in one.paths for step in path.steps}
        places = {step: place.rpartition(":")[0] for step in steps if (place := known.place(step))}
        page = session.output.page()
        session.output.lines(text.explain(login, found, known.names, places, page, asked=privilege or ""))
        note(session, known)
    return 0


@access.command(name="diff", short_help="Compare the access of commits, or of CRM and plan.")
@click.argument("before", metavar="[REV1]", required=False)
@click.argument("after", metavar="[REV2]", required=False)
@click.option("--at", type=DAY, metavar="DATE", help="Instead of REV1: what was declared at the end of that day.")
@click.option("--plan", "plan_file", type=FILE, metavar="FILE", help="What a saved plan would change.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 where anybody gains or loses anything.")
@offering(*_FORMATS)
def diff(
    before: str | None,
    after: str | None,
    at: datetime | None,
    plan_file: Path | None,
    exit_code: bool,  # noqa: FBT001
) -> int:
    """Compare the access that two commits declare; one and the files as they are; or, without any, the CRM and what a
    plan would make of it.

    The work tree is not touched. With -v, and as JSON or CSV, nothing is cut: what a large plan sums up can be read
    here.
    """
    from orgsync.cli.session import begin
    from orgsync.render import access as words
    from orgsync.render import shapes, table, text

    if sum(one is not None for one in (before, at, plan_file)) > 1:
        raise click.UsageError("REV1, --at and --plan exclude one another")
    session = begin()
    found, names, places = (
        _of_plan(session, plan_file) if before is None and at is None else _between(session, before, after, at)
    )
    output, page = session.output, session.output.page()
    if output.options.format == "json":
        output.write(shapes.text(shapes.access_diff(found)))
    elif output.options.format == "csv":
        output.write(table.access_diff(found))
    else:
        users = None if page.verbose else text.USERS
        output.lines(text.access_diff(found, words.said(found, names, places, users=users), page))
    if not found.complete:
        output.say("a plan file does not list everything: orgsync access diff, without --plan, does")
    return 3 if exit_code and not found.empty else 0


def _privilege(text: str) -> "Privilege":
    found = _PRIVILEGE.fullmatch(text)
    if found is None:
        raise click.UsageError(f"{text!r} is no OBJECT:ACTION such as opportunity:delete")
    return found[1], found[2]


_Difference = tuple["AccessDiff", dict[str, str], dict[str, str]]
"""The diff, names, and places by cause."""


def _of_plan(session: "Session", plan_file: Path | None) -> _Difference:
    from orgsync import pipeline
    from orgsync.cli.planning import open_plan
    from orgsync.cli.progress import watching

    if plan_file is not None:
        plan = open_plan(plan_file)
        return plan.access, dict(plan.names), dict(plan.origins)
    with watching(session.output) as watch:
        plan = pipeline.find_access_diff(
            session.root,
            session.settings,
            session.target,
            today=session.today(),
            environment=session.environment,
            watch=watch,
            cache=session.cache,
        )
    return plan.access, dict(plan.names), dict(plan.origins)


def _between(session: "Session", before: str | None, after: str | None, at: datetime | None) -> _Difference:
    """Both evaluated today, or the earlier one on its day."""
    from orgsync import pipeline

    first = pipeline.commit_at(session.root, at.date()) if at else pipeline.commit_of(session.root, str(before))
    second = pipeline.commit_of(session.root, after) if after is not None else None
    one = of_commit(session, first, at)
    other = of_commit(session, second) if second is not None else known_of(session)
    found, places = pipeline.compare_access(one, other)
    return found, {**one.names, **other.names}, places


def _written(session: "Session", found: "list[Allowance]") -> bool:
    """Whether a machine's format was asked for, which then is on stdout."""
    from orgsync.render import shapes, table

    output = session.output
    if output.options.format == "json":
        output.write(shapes.text(shapes.allowances(found)))
    elif output.options.format == "csv":
        output.write(table.allowances(found))
    return output.options.format != "text"

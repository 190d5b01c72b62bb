"""Whose organization a command speaks of: as declared, as it lives, as a plan makes it, or as a commit declared it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from orgsync.cli.session import Session
    from orgsync.pipeline import Known


class _Day(click.DateTime):
    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no day that exists, written as year-month-day: 2027-03-31", param, ctx)


DAY = _Day()
FILE = click.Path(dir_okay=False, path_type=Path)
_Decorated = Callable[..., Any]


def sources(function: _Decorated) -> _Decorated:
    """Whose access: what is declared, unless one of these says otherwise."""
    for option in (
        click.option("--at", type=DAY, metavar="DATE", help="What was declared at the end of that day (git)."),
        click.option("--plan", "plan_file", type=FILE, metavar="FILE", help="What a saved plan makes of the CRM."),
        click.option("--live", is_flag=True, help="What lives in the CRM."),
    ):
        function = option(function)
    return function


def known_of(
    session: "Session", *, live: bool = False, plan_file: Path | None = None, at: datetime | None = None
) -> "Known":
    from orgsync import pipeline
    from orgsync.cli.progress import watching

    if sum((live, plan_file is not None, at is not None)) > 1:
        raise click.UsageError("--live, --plan and --at exclude one another")
    if at is not None:
        return of_commit(session, pipeline.commit_at(session.root, at.date()), at)
    if live or plan_file is not None:
        return _live(session, plan_file)
    with watching(session.output) as watch:
        return pipeline.declared_access(
            session.root, session.settings, _target(session), today=session.today(), watch=watch, cache=session.cache
        )


def of_commit(session: "Session", commit: str, at: datetime | None = None) -> "Known":
    from orgsync import pipeline
    from orgsync.cli.progress import watching

    with watching(session.output) as watch:
        return pipeline.access_of_commit(
            session.root, session.settings, _target(session), commit, today=session.today(at), watch=watch
        )


def _live(session: "Session", plan_file: Path | None) -> "Known":
    from orgsync import pipeline
    from orgsync.cli.planning import open_plan
    from orgsync.cli.progress import watching

    plan = open_plan(plan_file) if plan_file is not None else None
    with watching(session.output) as watch:
        return pipeline.live_access(
            session.root,
            session.settings,
            plan.target.name if plan is not None else session.target,
            today=session.today(),
            environment=session.environment,
            watch=watch,
            plan=plan,
            cache=session.cache,
        )


def _target(session: "Session") -> str | None:
    """What is declared needs none; where there is one, its `bind` entries count."""
    return session.target if session.options.target else session.settings.only_target


def note(session: "Session", known: "Known") -> None:
    from orgsync.render.access import AS_DECLARED

    if known.as_declared:
        session.output.say(AS_DECLARED)

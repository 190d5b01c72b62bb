"""``orgsync plan``: what would change."""

from datetime import datetime
from pathlib import Path

import click

from orgsync.cli.app import FORMATS, offering
from orgsync.cli.known import DAY


def _named(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """A CI that passes nothing must not read as nobody to ask about."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty", context, parameter)
    return (value or "").strip()


@click.command(name="plan")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save the plan.")
@click.option("--accept", multiple=True, metavar="GUARD", help="Accept a guard by its name; repeatable.")
@click.option("--actor", callback=_named, metavar="WHO", help="Who proposes it: an account, or a login.")
@click.option("--as-of", type=DAY, metavar="DATE", help="Plan as if it were that day.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 where there are changes.")
@offering(*FORMATS)
def plan(
    out: Path | None,
    accept: tuple[str, ...],
    actor: str,
    as_of: datetime | None,
    exit_code: bool,  # noqa: FBT001
) -> int:
    """Show what would change, risky things first.

    Reads the CRM and changes nothing. A saved plan is what `orgsync apply FILE` applies; one that was made with --as-of
    is for looking ahead, and is applied on that day only. With --actor nobody may raise their own access.
    """
    from orgsync import pipeline
    from orgsync.cli.planning import make, save, show
    from orgsync.cli.session import begin
    from orgsync.cli.witness import witness_of

    session = begin()
    with pipeline.expected(session.root, session.cache):
        witness = witness_of(session) if out is None else None
        seen = None if witness is None else witness.all_was_read
        made = make(session, accept=frozenset(accept), actor=actor, as_of=as_of, seen=seen)
    show(session.output, made)
    if out is not None:
        save(session.output, made, out)
    code = 3 if exit_code and not made.empty else 0
    if witness is not None:
        witness.keep(made, code)
    return code

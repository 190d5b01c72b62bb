"""``orgsync rollback``: a plan that takes back what a run did."""

from pathlib import Path

import click

from orgsync.cli.app import FORMATS, offering


@click.command(name="rollback")
@click.argument("run")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save the plan.")
@click.option("--accept", multiple=True, metavar="GUARD", help="Accept a guard by its name; repeatable.")
@offering(*FORMATS)
def rollback(run: str, out: Path | None, accept: tuple[str, ...]) -> int:
    """Plan to take back what RUN did, as `orgsync history` lists it; `orgsync apply FILE` then does it.

    What somebody changed since is told and left alone. Reads the CRM and changes nothing.
    """
    from orgsync.cli.planning import roll_back, save, show
    from orgsync.cli.session import begin

    session = begin()
    made = roll_back(session, run, accept=frozenset(accept))
    show(session.output, made)
    if not made.empty:
        session.output.say(
            "the YAML still declares what this takes back: revert it too, or the next apply does it again"
        )
    if out is not None:
        save(session.output, made, out)
    return 0

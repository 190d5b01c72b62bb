"""``orgsync show``: a saved plan, read without a CRM or credentials."""

from pathlib import Path

import click

from orgsync.cli.app import FORMATS, offering


@click.command(name="show")
@click.argument("plan_file", type=click.Path(dir_okay=False, path_type=Path))
@offering(*FORMATS)
def show(plan_file: Path) -> int:
    """Show a saved plan; an edited one is refused."""
    from orgsync.cli import planning
    from orgsync.cli.session import begin

    session = begin()
    session.output.source = lambda _: ""  # the files may have changed since the plan was made
    planning.show(session.output, planning.open_plan(plan_file))
    return 0

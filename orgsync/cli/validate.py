"""``orgsync validate``: findings only."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from orgsync.cli.app import offering
from orgsync.cli.known import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orgsync.cli.output import Output
    from orgsync.cli.session import Session
    from orgsync.finding import Finding, Position


@click.command(name="validate")
@click.option("--as-of", type=DAY, metavar="DATE", help="Check as if it were that day.")
@click.option("--hints", is_flag=True, help="Hints at less privilege, too.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@offering("text", "json", "markdown", "github", "sarif")
def validate(as_of: datetime | None, hints: bool, strict: bool) -> int:  # noqa: FBT001
    """Check the YAML, the settings and the policies: no CRM, no credentials.

    Exits with 2 where there are errors.
    """
    from orgsync import pipeline
    from orgsync.cli.progress import watching
    from orgsync.cli.session import begin
    from orgsync.finding import Severity

    session = begin()
    stated = tuple(_targets(session))
    with watching(session.output) as watch:
        declared = pipeline.validate(
            session.root,
            today=session.today(as_of),
            watch=watch,
            cache=session.cache,
            policies=session.settings.policies,
            hints=hints,
        )
    found = (*stated, *declared.findings)
    files = len({document.file for document in declared.repository.documents})
    _show(session.output, found, files)
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return 2 if any(finding.severity in bad for finding in found) else 0


def _targets(session: "Session") -> "Iterator[Finding]":
    """What the adapters say about the options of every target; none is opened."""
    if session.settings.sound:
        return
    from orgsync.adapters import check_options

    for name, target in session.settings.targets.items():
        yield from check_options(target.adapter, target, partial(_place, session, name))


def _place(session: "Session", target: str, path: "Sequence[str]") -> "Position":
    from orgsync.settings import position_of

    return position_of(session.root, ("targets", target, *path))


def _show(output: "Output", found: "tuple[Finding, ...]", files: int) -> None:
    from orgsync.render.numbers import count, tally

    counted = f"{tally(found)} in {count(files, 'file')}"
    if output.options.format == "text":
        if found:
            from orgsync.render.text import findings

            output.lines(findings(found, output.page(), output.source))
        output.write(f"validate: {counted}\n")
    elif output.options.format == "markdown":
        from orgsync.render import markdown

        output.write(markdown.findings(found, counted))
    else:
        output.findings_as(output.options.format, found)

"""``orgsync validate``: findings only."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from orgsync.cli.app import shared

if TYPE_CHECKING:
    from orgsync.cli.output import Output
    from orgsync.finding import Finding


@click.command(name="validate")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Check as if it were that day.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@shared
def validate(as_of: datetime | None, strict: bool) -> int:  # noqa: FBT001
    """Check the YAML: no CRM, no credentials.

    Exits with 2 where there are errors.
    """
    from orgsync import pipeline
    from orgsync.cli.progress import watching
    from orgsync.cli.session import begin
    from orgsync.finding import Severity

    session = begin(("text", "json", "markdown", "github", "sarif"))
    _ = session.settings
    with watching(session.output) as watch:
        declared = pipeline.validate(session.root, today=session.today(as_of), watch=watch)
    files = len({document.file for document in declared.repository.documents})
    _show(session.output, declared.findings, files)
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return 2 if any(finding.severity in bad for finding in declared.findings) else 0


def _show(output: "Output", found: "tuple[Finding, ...]", files: int) -> None:
    from orgsync.render import markdown
    from orgsync.render.text import findings
    from orgsync.render.text.findings import tally
    from orgsync.render.view import count

    counted = f"{tally(found)} in {count(files, 'file')}"
    if output.options.format == "text":
        output.lines(findings(found, output.page(), output.source))
        output.write(f"validate: {counted}\n")
    elif output.options.format == "markdown":
        output.write(markdown.findings(found, counted))
    else:
        output.findings_as(output.options.format, found)

"""``orgsync history``: what was applied, when, by whom."""

from typing import TYPE_CHECKING

import click

from orgsync.cli.app import shared

if TYPE_CHECKING:
    from orgsync.journal import Run


@click.command(name="history")
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs.")
@shared
def history(number: int) -> int:
    """List earlier runs, newest first; with --target only that one's."""
    from orgsync import pipeline
    from orgsync.cli.session import begin
    from orgsync.render import shapes, text

    session = begin()
    only = session.options.target
    found = [
        run
        for run in pipeline.runs(session.root, session.settings, environment=session.environment)
        if only in {None, run.target}
    ][:number]
    if session.options.format == "json":
        session.output.write(shapes.text([_json(run) for run in found]))
    elif found:
        titles = ("run", "started", "target", "by", "config", "outcome")
        session.output.lines(text.table(titles, [_row(run) for run in found], session.output.page()))
    else:
        session.output.write("No runs: nothing was applied yet.\n")
    return 0


def _row(run: "Run") -> tuple[str, ...]:
    commit, plus, dirty = run.revision.partition("+")
    outcome = ", ".join(f"{number} {status}" for status, number in run.summary.items() if number)
    cut_off = "" if run.finished else "not finished"
    return (
        run.id,
        f"{run.started:%Y-%m-%d %H:%M}",
        run.target,
        run.actor,
        f"{commit[:12]}{plus}{dirty}",
        outcome or cut_off or "nothing",
    )


def _json(run: "Run") -> dict[str, object]:
    return {
        "run": run.id,
        "target": run.target,
        "actor": run.actor,
        "digest": run.digest,
        "revision": run.revision,
        "started": run.started.isoformat(),
        "finished": run.finished.isoformat() if run.finished else None,
        "summary": dict(run.summary),
    }

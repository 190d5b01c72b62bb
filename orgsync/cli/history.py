"""``orgsync history``: what was applied, when, by whom; and whether the journal still says what was written into it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orgsync.cli.app import shared

if TYPE_CHECKING:
    from orgsync.cli.session import Session
    from orgsync.journal import Run, Taken


@click.command(name="history")
@click.argument("run", required=False)
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs.")
@click.option("--verify", is_flag=True, help="Check that no entry was edited, removed, added or cut off.")
@click.option("--expect", default="", metavar="HEAD", help="With --verify: a head noted earlier must still be there.")
@shared
def history(run: str | None, number: int, verify: bool, expect: str) -> int:  # noqa: FBT001
    """List earlier runs, newest first, with --target only that one's; or the steps of RUN.

    The head that --verify prints (and every apply) covers all entries up to it. Whoever can write to the journal's
    database can rewrite all of it: keep a head elsewhere, such as in CI's log, and --expect finds that out.
    """
    from orgsync.cli.session import begin

    session = begin()
    if expect and not verify:
        raise click.UsageError("--expect goes with --verify")
    if verify:
        return _verify(session, expect)
    if run is not None:
        _one(session, run)
    else:
        _list(session, number)
    return 0


def _list(session: "Session", number: int) -> None:
    from orgsync import pipeline
    from orgsync.render import shapes, text

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
        where = f" to a target {only}" if only else ""
        session.output.write(f"No runs: nothing was applied{where} yet.\n")


def _one(session: "Session", name: str) -> None:
    from orgsync import pipeline
    from orgsync.render import shapes, text

    run, steps = pipeline.steps(session.root, session.settings, name, environment=session.environment)
    if session.options.format == "json":
        session.output.write(shapes.text({**_json(run), "steps": [_json_step(step) for step in steps]}))
        return
    page = session.output.page()
    session.output.lines(text.table(("run", "started", "target", "by", "config", "outcome"), [_row(run)], page))
    session.output.write("\n")
    session.output.lines(text.table(("at", "action", "address", "outcome"), [_step_row(one) for one in steps], page))


def _verify(session: "Session", expect: str) -> int:
    from orgsync import pipeline
    from orgsync.render import shapes

    found = pipeline.check_journal(session.root, session.settings, expected=expect, environment=session.environment)
    if session.options.format == "json":
        shown = {"entries": found.entries, "head": found.head, "faults": list(found.faults)}
        session.output.write(shapes.text(shown))
    else:
        session.output.write(_sentence(found.entries, found.head, found.faults))
    return 1 if found.faults else 0


def _sentence(entries: int, head: str, faults: Sequence[str]) -> str:
    if faults:
        return "The journal is not as it was written:\n" + "".join(f"  {fault}\n" for fault in faults)
    return f"The journal is whole: {entries:,} entries, head {head}\n" if head else "There is no journal yet.\n"


def _row(run: "Run") -> tuple[str, ...]:
    commit, plus, dirty = run.revision.partition("+")
    outcome = ", ".join(f"{number} {status}" for status, number in run.summary.items() if number)
    cut_off = "" if run.finished else "not finished"
    undoes = f"undoes {run.undoes}: " if run.undoes else ""
    return (
        run.id,
        f"{run.started:%Y-%m-%d %H:%M}",
        run.target,
        run.actor,
        f"{commit[:12]}{plus}{dirty}",
        undoes + (outcome or cut_off or "nothing"),
    )


def _step_row(one: "Taken") -> tuple[str, ...]:
    outcome = str(one.status) if one.status else "nobody knows"
    return (f"{one.at:%H:%M:%S}", one.step.action, one.step.address, f"{outcome} {one.detail}".strip())


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
        "undoes": run.undoes,
        "tookOver": run.took_over,
    }


def _json_step(one: "Taken") -> dict[str, object]:
    return {
        "at": one.at.isoformat(),
        "address": one.step.address,
        "action": one.step.action,
        "before": dict(one.step.before),
        "after": dict(one.step.after),
        "status": one.status,
        "detail": one.detail,
    }

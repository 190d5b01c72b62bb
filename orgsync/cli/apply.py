"""``orgsync apply``: a saved plan, or one made now, shown and asked about."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orgsync.cli.app import offering

if TYPE_CHECKING:
    from orgsync.cli.session import Session
    from orgsync.pipeline import Report
    from orgsync.plan import Plan


@click.command(name="apply")
@click.argument("plan_file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@click.option("--accept", multiple=True, metavar="GUARD", help="Accept a guard by its name; repeatable.")
@click.option("--expect-digest", metavar="DIGEST", help="Refuse any plan but the one that was reviewed.")
@click.option("--take-over", default="", metavar="RUN", help="Take the target over from a run that died.")
@offering("text", "json", "markdown")
def apply(
    plan_file: Path | None,
    yes: bool,  # noqa: FBT001
    accept: tuple[str, ...],
    expect_digest: str | None,
    take_over: str,
) -> int:
    """Apply a saved plan; or plan, show, ask, and apply.

    A saved plan is refused where it was edited, is for another target, or the CRM moved since.
    """
    from orgsync.cli.output import is_terminal
    from orgsync.cli.session import begin

    session = begin()
    if not yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise click.UsageError("there is no terminal to ask on: repeat with --yes once the plan is reviewed")
    accepted = frozenset(accept)
    plan = _plan(session, plan_file, accepted)
    _check(session, plan, expect_digest)
    _show(session, plan)
    if plan.empty:
        _finish(session, plan, None)
        return 0
    _refuse(plan, accepted)
    if not yes and not _agreed(plan):
        session.output.say("nothing was applied")
        return 1
    report, interrupted = _apply(session, plan, accepted, take_over)
    _finish(session, plan, report)
    return 130 if interrupted else 0 if report.complete else 1


def _plan(session: "Session", plan_file: Path | None, accept: frozenset[str]) -> "Plan":
    from orgsync.cli import planning

    if plan_file is None:
        return planning.make(session, accept=accept)
    plan = planning.open_plan(plan_file)
    planning.warn_unused(session.output, plan, accept)
    return plan


def _check(session: "Session", plan: "Plan", expected: str | None) -> None:
    """Whatever was reviewed must be what is about to be applied."""
    from orgsync.errors import PlanRefused

    asked = session.options.target
    if asked is not None and asked != plan.target.name:
        raise PlanRefused(f"this plan is for {plan.target.name}, not for {asked}", remedy="leave --target out")
    if expected is not None and expected not in {plan.change_digest, plan.digest}:
        raise PlanRefused(
            f"this is not the plan that was reviewed: its digest is {plan.change_digest}",
            remedy="the declaration, the settings or the CRM changed since; review the new plan",
        )


def _show(session: "Session", plan: "Plan") -> None:
    """With ``--format text`` only: in other formats the report is the one result."""
    from orgsync.cli import planning

    if session.options.format == "text":
        planning.show(session.output, plan)


def _refuse(plan: "Plan", accept: frozenset[str]) -> None:
    """Before anybody is asked to agree to what would be refused anyway."""
    from orgsync.errors import Refused
    from orgsync.plan import violations

    if refused := violations(plan.guards, accept):
        raise Refused(refused)


def _agreed(plan: "Plan") -> bool:
    from orgsync.render.escape import visible
    from orgsync.render.numbers import count

    risky = f", {len(plan.risky):,} of them risky" if plan.risky else ""
    question = f"Apply {count(len(plan.changes), 'change')}{risky} to {visible(plan.target.name)}?"
    return click.confirm(question, default=False, err=True)


def _apply(session: "Session", plan: "Plan", accept: frozenset[str], take_over: str) -> "tuple[Report, bool]":
    """The report, and whether somebody asked to stop."""
    from orgsync import pipeline
    from orgsync.cli.interrupt import stopping
    from orgsync.cli.progress import watching
    from orgsync.cli.session import now
    from orgsync.render.view import sentences

    with stopping(session.output) as stop, watching(session.output, sentences(plan)) as watch:
        report = pipeline.apply_plan(
            plan,
            session.root,
            session.settings,
            actor=session.actor,
            environment=session.environment,
            clock=now,
            watch=watch,
            accept=accept,
            take_over=take_over,
            stop=stop,
        )
        return report, bool(stop())


def _finish(session: "Session", plan: "Plan", report: "Report | None") -> None:
    from orgsync.render import markdown, shapes, text
    from orgsync.render.view import sentences

    output = session.output
    run, outcomes, differences = (report.run, report.outcomes, report.differences) if report else ("", (), ())
    head = report.journal if report else ""
    if output.options.format == "json":
        output.write(shapes.text(shapes.report(run, outcomes, differences, head)))
    elif output.options.format == "markdown":
        output.write(markdown.report(run, outcomes, differences, sentences(plan)))
    elif report is not None:
        output.lines(text.report(run, outcomes, differences, sentences(plan), output.page()))
    if head:
        seq, _, digest = head.partition(":")
        output.say(f"journal {seq}:{digest[:16]} (orgsync history --verify --expect {seq}:{digest[:16]})")

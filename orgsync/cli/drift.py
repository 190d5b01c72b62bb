"""``orgsync drift``: what changed in the CRM without a commit."""

import click

from orgsync.cli.app import offering


@click.command(name="drift")
@click.option("--exit-code", is_flag=True, help="Exit with 3 where something differs; foreign things do not count.")
@click.option("--hints", is_flag=True, help="Hints at less privilege, too.")
@offering("text", "json", "markdown")
def drift(exit_code: bool, hints: bool) -> int:  # noqa: FBT001
    """Show what changed in the CRM without a commit: by whom and when, where the CRM knows.

    What is declared and not applied yet is a difference too. So is a policy that what lives there breaks as an error.
    """
    from orgsync import pipeline
    from orgsync.cli.progress import watching
    from orgsync.cli.session import begin
    from orgsync.finding import has_errors
    from orgsync.render import markdown, shapes, text

    session = begin()
    with watching(session.output) as watch:
        found = pipeline.find_drift(
            session.root,
            session.settings,
            session.target,
            today=session.today(),
            environment=session.environment,
            watch=watch,
            cache=session.cache,
            hints=hints,
        )
    output, plan = session.output, found.plan
    if output.options.format == "json":
        output.write(shapes.text(shapes.drift(plan, found.foreign, found.changed, found.broken)))
    elif output.options.format == "markdown":
        output.write(markdown.drift(plan, found.foreign, found.changed, found.broken))
    else:
        output.lines(text.drift(plan, found.foreign, found.changed, output.page(), found.broken, output.source))
    differs = plan.changes or plan.withheld or has_errors(found.broken)
    return 3 if exit_code and differs else 0

"""A plan as one HTML page without scripts, for whoever does not read Markdown.

In: a Plan. Out: a complete page. Never: loads anything from anywhere.
"""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orgsync.plan import Plan
from orgsync.render.access import AS_DECLARED, headline, said_of, unlisted
from orgsync.render.escape import inert, visible
from orgsync.render.view import Group, details, header, summary, summary_line, view

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters["visible"] = lambda value: visible(str(value))


def plan(plan: Plan) -> str:
    """Everything, uncut."""
    seen = view(plan)
    sections = [("Risky", seen.risky), ("Safe", seen.safe), ("Withheld: shown, not done", seen.withheld)]
    page = _ENVIRONMENT.get_template("plan.html.j2").render(
        plan=plan,
        header=header(plan),
        summary_line=summary_line(plan),
        sections=[(title, groups, _folded(title, groups)) for title, groups in sections if groups],
        details=details,
        said=said_of(plan),
        headline=headline(plan.access),
        left=unlisted(plan.access.more_gains, plan.access.more_losses),
        note=AS_DECLARED if plan.access.as_declared else "",
    )
    return inert(page, "&#{};")


_OPEN = 100


def _folded(title: str, groups: Sequence[Group]) -> str:
    """What stands for a long list until somebody opens it, so that who gains what is not below thousands of lines."""
    entries = [entry for group in groups for entry in group.entries]
    return "" if title == "Risky" or len(entries) <= _OPEN else summary(entries)

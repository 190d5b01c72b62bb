"""Markdown that fits a pull-request comment.

In: plans, drift, reports, findings. Out: Markdown below GitHub's 65,536 characters, cut with a note where it must be.
Never: lets a name ring somebody's bell, close a table cell, or bring HTML.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orgsync.adapter import Changed, Foreign
from orgsync.change import Outcome, Status
from orgsync.finding import Finding
from orgsync.plan import Plan
from orgsync.render.access import AS_DECLARED, headline, said_of, unlisted
from orgsync.render.escape import markdown
from orgsync.render.numbers import count
from orgsync.render.picture.mermaid import mermaid
from orgsync.render.picture.moves import moves
from orgsync.render.view import (
    Entry,
    Group,
    View,
    details,
    differences,
    header,
    refused,
    summary,
    summary_line,
    view,
)

LIMIT = 65_000
"""GitHub refuses comments of more than 65,536 characters; the rest is room for what a workflow adds."""
_FIELDS = 20
_FIELD = 160
_TEXT = 480
_GROUPS = 40
_OPEN = 10
"""With more groups than that the access diff is folded."""
_USERS = 10
_ROWS = 1_500
"""No table that fits has more rows."""


def plan(plan: Plan) -> str:
    """Starts with ``<!-- orgsync-plan TARGET -->``, by which a workflow finds its comment again."""
    seen = view(plan)
    sections = [("Risky", seen.risky), ("Safe", seen.safe), ("Withheld: shown, not done", seen.withheld)]
    return _fit(
        lambda rows: _render(
            "plan.md.j2",
            plan=plan,
            header=header(plan),
            summary_line=summary_line(plan),
            sections=[_section(title, groups, rows) for title, groups in sections if groups],
            refused=refused(plan),
            picture=_picture(plan, seen) if rows else "",
            effects=plan.effects[:rows],
            access=_access(plan, rows),
            findings=plan.findings[:rows],
            rows=rows,
        )
    )


def _picture(plan: Plan, seen: View) -> str:
    """Mermaid of what moves, "" where nothing does."""
    moving = moves(plan, seen)
    return _Raw(mermaid(moving)) if moving is not None else ""


def _access(plan: Plan, rows: int) -> dict[str, Any]:
    """Gains before losses, up to a number of rows each, and what is left."""
    everything, diff = said_of(plan, users=_USERS), plan.access
    gains, losses = [one for one in everything if one.gain], [one for one in everything if not one.gain]
    shown = min(rows, _GROUPS)
    left = (max(0, len(groups) - shown) for groups in (gains, losses))
    more_gains, more_losses = left
    return {
        "headline": headline(diff),
        "rows": [*gains[:shown], *losses[:shown]],
        "left": unlisted(more_gains + diff.more_gains, more_losses + diff.more_losses),
        "note": AS_DECLARED if diff.as_declared else "",
        "folded": len(everything) > _OPEN,
    }


def findings(found: Sequence[Finding], tally: str) -> str:
    return _fit(lambda rows: _render("findings.md.j2", found=found[:rows], left=max(0, len(found) - rows), tally=tally))


def drift(
    plan: Plan, foreign: Sequence[Foreign], changed: Mapping[str, Changed], broken: Sequence[Finding] = ()
) -> str:
    found = list(differences(plan))
    return _fit(
        lambda rows: _render(
            "drift.md.j2",
            plan=plan,
            header=header(plan),
            found=found[:rows],
            foreign=foreign[:rows],
            broken=broken[:rows],
            left=sum(max(0, len(listed) - rows) for listed in (found, foreign, broken)),
            total=len(found) + len(foreign),
            of_them=len(foreign),
            changed=changed,
        )
    )


def report(
    run: str, outcomes: Sequence[Outcome], found: Sequence[Finding], sentences: Mapping[str, tuple[str, str]]
) -> str:
    troubled = [one for one in outcomes if one.status is not Status.APPLIED]
    return _fit(
        lambda rows: _render(
            "report.md.j2",
            run=run,
            counts={str(status): sum(one.status is status for one in outcomes) for status in Status},
            troubled=troubled[:rows],
            left=max(0, len(troubled) - rows),
            findings=found[:rows],
            sentences=sentences,
        )
    )


def _section(title: str, groups: Sequence[Group], rows: int) -> dict[str, Any]:
    """The groups' entries up to a number of rows, and what is left of each."""
    ends = list(accumulate(len(group.entries) for group in groups))
    entries = [
        (group.title, entry)
        for group, end in zip(groups, ends, strict=True)
        for entry in group.entries[: max(0, rows - (end - len(group.entries)))]
    ]
    everything = [entry for group in groups for entry in group.entries]
    left = everything[len(entries) :]
    return {
        "title": title,
        "total": len(everything),
        "summary": summary(everything),
        "rows": entries,
        "left": count(len(left), "more entry", "more entries") + f": {summary(left)}" if left else "",
    }


def _fit(render: Callable[[int], str]) -> str:
    """The rendering with as many rows as fit; halves them until it does. Without any, the counts are left."""
    rows = _ROWS
    while len(text := render(rows)) > LIMIT and rows:
        rows //= 2
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}\n\n(cut: too long for a comment)\n"


def _fields(entry: Entry) -> list[str]:
    """Never cut without saying so."""
    found = [_shortened(one, _FIELD) for one in details(entry)]
    left = len(found) - _FIELDS
    return found if left <= 0 else [*found[:_FIELDS], f"and {count(left, 'more field')}"]


def _shortened(text: str, length: int) -> str:
    """One text must not take the room of all that a reviewer should see."""
    left = len(text) - length
    return text if left <= 0 else f"{text[:length]}… (and {count(left, 'more character')})"


def _render(template: str, **values: object) -> str:
    return _ENVIRONMENT.get_template(template).render(**values)


def _environment() -> Environment:
    """Escaping is Markdown's own: every expression passes through ``markdown`` unless marked ``safe``."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  (finalize escapes every expression)
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(fields=_fields, count=count, raw=_Raw, comment=_comment)
    return environment


class _Raw(str):
    """A string of ours that is Markdown already."""

    __slots__ = ()


def _comment(text: str) -> _Raw:
    """For inside ``<!-- -->``: only what cannot end the comment."""
    return _Raw("".join(one if (one.isascii() and one.isalnum()) or one in "._" else "-" for one in text))


def _finalize(value: object) -> object:
    """Called for every expression, and for the template's own text, which arrives as ``TemplateData``."""
    return (
        value
        if isinstance(value, (_Raw, int)) or hasattr(value, "__html__")
        else markdown(_shortened(str(value), _TEXT))
    )


_ENVIRONMENT = _environment()

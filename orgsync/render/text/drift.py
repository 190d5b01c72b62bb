"""Drift for a terminal: what the CRM holds against what is declared, who did it and when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from rich.text import Text

from orgsync.adapter import Changed, Foreign
from orgsync.finding import Finding
from orgsync.plan import Plan
from orgsync.render.escape import visible
from orgsync.render.numbers import count
from orgsync.render.text.findings import Source, findings
from orgsync.render.text.page import STYLES, Page, line, symbolled, wrapped
from orgsync.render.view import Difference, differences, header

SHOWN = 100


def drift(
    plan: Plan,
    foreign: Sequence[Foreign],
    changed: Mapping[str, Changed],
    page: Page,
    broken: Sequence[Finding] = (),
    source: Source = lambda _: "",
) -> list[Text]:
    """Differences as seen from the declaration: ``+`` is in the CRM and not declared. ``broken``: policies that do not
    hold there."""
    return [one for block in _blocks(plan, foreign, changed, broken, page, source) for one in block]


def _blocks(
    plan: Plan,
    foreign: Sequence[Foreign],
    changed: Mapping[str, Changed],
    broken: Sequence[Finding],
    page: Page,
    source: Source,
) -> Iterator[Iterable[Text]]:
    total = len(plan.changes) + len(plan.withheld) + len(foreign)
    yield wrapped(Text("orgsync drift · ", "bold").append(visible(header(plan)), "not bold"), page, hanging=2)
    if broken:
        heading = Text("POLICIES", "bold").append("  what lives in the CRM", "not bold dim default")
        yield [heading, *findings(broken, page, source)]
    if not total:
        yield [Text("No drift: the CRM is as declared.", STYLES["good"])]
        return
    yield wrapped(_title(plan, total, len(foreign)), page, hanging=2)
    yield _cut(_differences(plan, changed, page), total - len(foreign), page)
    yield _cut(_foreign(foreign, page), len(foreign), page)
    if total > len(foreign):
        advice = (
            "next: orgsync plan and apply take the CRM back to what is declared (withheld ones stay); "
            "to keep a difference, write it into the YAML"
        )
        yield wrapped(Text(advice), page, hanging=6)


def _title(plan: Plan, total: int, foreign: int) -> Text:
    of_them = f", {foreign:,} of them foreign" if foreign else ""
    said = f"{visible(plan.target.name)}: {count(total, 'difference')}{of_them}"
    return (
        Text("DRIFT ", "bold red")
        .append(said, "bold default")
        .append("  (declared -> in the CRM)", "not bold dim default")
    )


def _differences(plan: Plan, changed: Mapping[str, Changed], page: Page) -> Iterator[list[Text]]:
    for one in differences(plan):
        yield [
            *symbolled(one.symbol, one.sentence, _margin(one, changed), page),
            *(piece for text in one.fields for piece in wrapped(line(text, indent=6), page, hanging=8)),
        ]


def _margin(one: Difference, changed: Mapping[str, Changed]) -> str:
    """Who, when, and where the YAML says otherwise."""
    return "  ".join(filter(None, (who(changed.get(one.change.address)), one.origin)))


def _foreign(foreign: Sequence[Foreign], page: Page) -> Iterator[list[Text]]:
    for one in foreign:
        what = f"foreign {one.kind.replace('-', ' ')} {one.name} (id {one.id})"
        yield list(symbolled("?", what, who(one.changed), page))


def who(changed: Changed | None) -> str:
    """``by j.doe 2026-11-21 09:14``, as far as the CRM knows."""
    if changed is None:
        return ""
    return f"by {changed.by} {changed.at:%Y-%m-%d %H:%M}" if changed.by else f"changed {changed.at:%Y-%m-%d %H:%M}"


def _cut(blocks: Iterator[list[Text]], total: int, page: Page) -> Iterator[Text]:
    for block in blocks if page.verbose else islice(blocks, SHOWN):
        yield from block
    if total > SHOWN and not page.verbose:
        yield line(f"and {total - SHOWN:,} more  (-v for all)", "dim", indent=2)

"""A plan for a terminal: what is risky first, people by unit, fields below; a large one by counts per unit."""

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from orgsync.plan import Guard, Plan
from orgsync.render.access import said_of
from orgsync.render.escape import visible
from orgsync.render.numbers import count
from orgsync.render.text.access import USERS, access_diff
from orgsync.render.text.findings import Source, findings
from orgsync.render.text.page import STYLES, Page, line, symbolled, wrapped
from orgsync.render.view import Entry, Group, details, header, short_digest, summary, summary_line, view

ALONE = 12
"""A group with more entries than this is summed up once the section is long."""
SECTION = 60
"""Entries that a section shows one by one before its larger groups are summed up."""
GROUPS = 40
"""Lines of groups that are shown before the rest is summed up in one line."""
DETAILS = 8

_ALL = "(-v for all)"


def plan(plan: Plan, page: Page, source: Source) -> list[Text]:
    """The whole plan; the last line is the summary that people quote."""
    return [line for block in _blocks(plan, page, source) for line in block]


def _blocks(plan: Plan, page: Page, source: Source) -> Iterator[Iterable[Text]]:
    yield wrapped(Text("orgsync plan · ", "bold").append(visible(header(plan)), "not bold"), page, hanging=2)
    yield [Text()]
    yield findings(plan.findings, page, source)
    if plan.empty:
        yield [Text("Nothing to do: the CRM is as declared.", STYLES["good"])]
        if not plan.withheld:
            return
        yield [Text()]
    seen = view(plan)
    yield section("RISKY", "bold red", seen.risky, page)
    yield section("SAFE", "bold green", seen.safe, page)
    yield section("WITHHELD (shown, not done)", "bold yellow", seen.withheld, page)
    yield _access(plan, page)
    yield _effects(plan, page)
    yield _guards(plan, page)
    yield _last(plan, page)


def section(title: str, style: str, groups: Sequence[Group], page: Page) -> Iterator[Text]:
    """A heading and its groups, each whole or summed up; nothing where there is none."""
    entries = [entry for group in groups for entry in group.entries]
    if not entries:
        return
    heading = Text(title, style).append(f"  {count(len(entries), 'entry', 'entries')}", "not bold dim default")
    yield from wrapped(heading, page, hanging=2)
    long = len(entries) > SECTION and not page.verbose
    shown = groups if not long else groups[:GROUPS]
    for group in shown:
        yield from _summed_up(group, page) if long and len(group.entries) > ALONE else _whole(group, page, brief=long)
    if rest := groups[len(shown) :]:
        left = summary(entry for group in rest for entry in group.entries)
        text = Text(f"  and {count(len(rest), 'more group')}: {left}  ").append(_ALL, "dim")
        yield from wrapped(text, page, hanging=4)
    yield Text()


def _summed_up(group: Group, page: Page) -> Iterator[Text]:
    """One line of counts; what is risky and gained is never summed up."""
    gains = [entry for entry in group.entries if entry.symbol == "!"]
    text = line(group.title, "title", indent=2).append("   ").append(visible(group.summary()), "not bold")
    yield from wrapped(text.append(f"   {_ALL}", "not bold dim default"), page, hanging=4)
    for entry in gains[:SECTION]:
        yield from symbolled(entry.symbol, entry.short, entry.origin, page, indent=4)
    if len(gains) > SECTION:
        yield line(f"and {count(len(gains) - SECTION, 'more')} of these  {_ALL}", "dim", indent=4)


def _whole(group: Group, page: Page, *, brief: bool) -> Iterator[Text]:
    yield from wrapped(line(group.title, "title", indent=2), page, hanging=4)
    for entry in group.entries:
        yield from symbolled(entry.symbol, entry.short, entry.origin, page, indent=4)
        yield from _details(entry, page, brief=brief)


def _details(entry: Entry, page: Page, *, brief: bool) -> Iterator[Text]:
    found = details(entry)
    limit = len(found) if page.verbose or len(found) <= DETAILS + 1 else 2 if brief else DETAILS
    for text in found[:limit]:
        yield from wrapped(line(text, indent=8), page, hanging=10)
    if found[limit:]:
        yield line(f"and {len(found) - limit} more fields  {_ALL}", "dim", indent=8)


def _access(plan: Plan, page: Page) -> Iterator[Text]:
    if not plan.access.empty:
        lines = access_diff(plan.access, said_of(plan, users=None if page.verbose else USERS), page)
        yield from (*lines, Text())


def _effects(plan: Plan, page: Page) -> Iterator[Text]:
    """What the CRM will do by itself."""
    if not plan.effects:
        return
    heading = Text("Effects", "bold").append("  what the CRM will do by itself", "not bold dim default")
    yield from wrapped(heading, page, hanging=2)
    shown = plan.effects if page.verbose else plan.effects[:ALONE]
    for effect in shown:
        drops = f" (drops {len(effect.drops)})" if effect.drops else ""
        yield from symbolled("!", effect.summary + drops, "", page)
    if rest := plan.effects[len(shown) :]:
        lost = sum(len(effect.drops) for effect in rest)
        yield line(f"and {count(len(rest), 'more effect')} dropping {lost:,}  {_ALL}", "dim", indent=2)
    yield Text()


def _guards(plan: Plan, page: Page) -> Iterator[Text]:
    """Guards that refuse one by one; the others on one line, with the seats."""
    for guard in plan.guards:
        if guard.violated:
            yield from _violated(guard, page)
    quiet = [guard.text for guard in plan.guards if not guard.violated]
    if plan.seats:
        quiet.append(f"seats {plan.seats[0]:,} of {plan.seats[1]:,}")
    if quiet:
        yield from wrapped(Text("Guards  ", "bold").append(visible(" · ".join(quiet)), "not bold"), page, hanging=8)


def _violated(guard: Guard, page: Page) -> Iterator[Text]:
    verdict = "accepted" if guard.accepted else f"REFUSED; if this is meant: --accept {visible(guard.name)}"
    text = Text("Guard   ", "bold").append(f"{visible(guard.text)}: ", "not bold")
    yield from wrapped(text.append(verdict, "yellow" if guard.accepted else "bold red"), page, hanging=8)


def _last(plan: Plan, page: Page) -> Iterator[Text]:
    digest = plan.change_digest if page.verbose else short_digest(plan.change_digest)
    tail = f" · digest {visible(digest)}" if digest else ""
    yield from wrapped(Text("Plan: ", "bold").append(summary_line(plan) + tail, "not bold"), page, hanging=6)

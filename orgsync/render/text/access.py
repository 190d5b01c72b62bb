"""Access for a terminal: who gains and loses what, who can do something, and the tree of why."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from orgsync.access import LEVELS, UNKNOWN, AccessDiff, Allowance, Path
from orgsync.render.access import AS_DECLARED, Names, Said, headline, unit_name, unlisted
from orgsync.render.numbers import count
from orgsync.render.text.page import Page, line, symbolled, wrapped
from orgsync.render.text.tables import table
from orgsync.resources import NO_UNIT, Kind, key_of, kind_of

GROUPS = 12
"""Gains, and as many losses, that are shown before the rest is summed up."""
USERS = 6
"""So many users of a group are named."""
DETAILS = 12
"""So many lines of one group are shown."""
BRIEF = 5
"""With more groups than that only sentences are shown."""

_ALL = "(-v for all)"
_MORE = "(orgsync access diff lists them all)"


def access_diff(diff: AccessDiff, said: Sequence[Said], page: Page) -> list[Text]:
    """A headline, gains, losses; what is not shown is counted."""
    heading = Text("ACCESS", "bold magenta").append(f"  {headline(diff)}", "not bold dim default")
    return [*wrapped(heading, page, hanging=2), *_groups(diff, said, page)]


def _groups(diff: AccessDiff, said: Sequence[Said], page: Page) -> Iterator[Text]:
    gains, losses = [one for one in said if one.gain], [one for one in said if not one.gain]
    whole = page.verbose or len(said) <= GROUPS
    brief = len(said) > BRIEF and not page.verbose
    for groups in (gains, losses):
        for one in groups if whole else groups[: GROUPS // 2]:
            yield from symbolled(one.symbol, one.sentence, one.origin, page)
            yield from _details(() if brief else one.details, page)
    cut = [0 if whole else max(0, len(groups) - GROUPS // 2) for groups in (gains, losses)]
    if left := unlisted(cut[0] + diff.more_gains, cut[1] + diff.more_losses):
        yield from wrapped(line(f"and {left}  {_MORE if whole else _ALL}", "dim", indent=2), page, hanging=4)
    elif brief and any(one.details for one in said):
        yield line(f"who and what in detail is left out  {_ALL}", "dim", indent=2)
    if diff.as_declared:
        yield from wrapped(line(AS_DECLARED, "dim", indent=2), page, hanging=4)


def _details(found: Sequence[str], page: Page) -> Iterator[Text]:
    shown = found if page.verbose or len(found) <= DETAILS + 1 else found[:DETAILS]
    for detail in shown:
        yield from wrapped(line(detail, "dim", indent=6), page, hanging=8)
    if left := len(found) - len(shown):
        yield line(f"and {count(left, 'more line')}  {_ALL}", "dim", indent=6)


def who_can(found: Sequence[Allowance], asked: str, names: Names, page: Page) -> list[Text]:
    """A table of people, and a line about those of whom nobody knows."""
    known, unknown = [one for one in found if one.object != UNKNOWN], [one for one in found if one.object == UNKNOWN]
    heading = line(asked, "title").append(f"  {count(len(known), 'user')}", "not bold dim")
    lines = list(wrapped(heading, page, hanging=2))
    if known:
        rows = [(one.user, _reaches(one, names), _through(one.paths, names)) for one in known]
        lines += table(("user", "scope", "through"), rows, page)
    if unknown:
        roles = ", ".join(sorted({one.action for one in unknown}))
        people = count(len({one.user for one in unknown}), "user")
        said = f"{people} not listed above may be able to as well: nobody knows what {roles} allows in the CRM"
        lines += [Text(), *wrapped(line(said, "warning"), page, hanging=2)]
    return lines


def _reaches(one: Allowance, names: Names) -> str:
    """``organization``, or ``subtree of EMEA Sales, unit Sales Team``."""
    return ", ".join(_reach(scope, unit, names) for scope, unit in one.reaches)


def _reach(scope: str, unit: str, names: Names) -> str:
    if not unit:
        return scope
    name = "their own unit" if unit == NO_UNIT else unit_name(unit, names)
    return f"subtree of {name}" if scope == "subtree" else f"{scope} {name}"


def _through(paths: Sequence[Path], names: Names) -> str:
    """Of the widest paths the roles that the user holds, with their units."""
    widest = max((LEVELS.index(path.scope) for path in paths), default=0)
    held = dict.fromkeys((_held(path), path.unit) for path in paths if LEVELS.index(path.scope) == widest)
    return ", ".join(f"{role} in {unit_name(unit, names)}" if unit else role for role, unit in held)


def _held(path: Path) -> str:
    """The first role of a path: what is included comes after it."""
    return next(key_of(step) for step in path.steps if kind_of(step) is Kind.ROLE)

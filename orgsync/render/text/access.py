"""Access for a terminal: who gains and loses what, who can do something, and the tree of why."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from orgsync.access import AccessDiff
from orgsync.render.access import AS_DECLARED, Said, headline, unlisted
from orgsync.render.text.page import Page, line, symbolled, wrapped

GROUPS = 12
"""Gains, and as many losses, that are shown before the rest is summed up."""
USERS = 6
"""So many users of a group are named."""
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
    for groups in (gains, losses):
        for one in groups if whole else groups[: GROUPS // 2]:
            yield from symbolled(one.symbol, one.sentence, one.origin, page)
            for detail in one.details if page.verbose or len(said) <= BRIEF else ():
                yield from wrapped(line(detail, "dim", indent=6), page, hanging=8)
    cut = [0 if whole else max(0, len(groups) - GROUPS // 2) for groups in (gains, losses)]
    if left := unlisted(cut[0] + diff.more_gains, cut[1] + diff.more_losses):
        yield line(f"{left}  {_MORE if whole else _ALL}", "dim", indent=2)
    if diff.as_declared:
        yield from wrapped(line(AS_DECLARED, "dim", indent=2), page, hanging=4)

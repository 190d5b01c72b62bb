"""Findings as compilers print them: the code, the summary, the place with its source line, the remedy."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from orgsync.finding import UNSHOWN, Finding, Position
from orgsync.render.escape import visible
from orgsync.render.text.page import STYLES, Page, wrapped

Source = Callable[[Position], str]
"""The source line at a position, or "" where it cannot be shown."""


ALIKE = 5
"""Findings of one code and summary that are shown one by one before the rest is counted."""


def findings(found: Sequence[Finding], page: Page, source: Source) -> list[Text]:
    """All findings, each followed by an empty line; of many that are alike the first, and how many more there are."""
    return [one for block in _blocks(found, page, source) for one in (*block, Text())]


def _blocks(found: Sequence[Finding], page: Page, source: Source) -> Iterator[Iterable[Text]]:
    alike = Counter((one.code, one.summary) for one in found)
    shown: Counter[tuple[str, str]] = Counter()
    for one in found:
        kind = (one.code, one.summary)
        limit = alike[kind] if page.verbose or alike[kind] <= ALIKE + 1 else ALIKE
        shown[kind] += 1
        if shown[kind] <= limit:
            yield _finding(one, page, source)
        elif shown[kind] == limit + 1:
            yield [_more(one, alike[kind] - limit)]


def _more(finding: Finding, number: int) -> Text:
    title = Text(f"{finding.severity}[{visible(finding.code)}]", STYLES[finding.severity])
    return title.append(f" and {number:,} more like this", "not bold default").append("  (-v for all)", "dim not bold")


def _finding(finding: Finding, page: Page, source: Source) -> Iterator[Text]:
    title = Text(f"{finding.severity}[{visible(finding.code)}]", STYLES[finding.severity])
    said = f"{finding.summary}: {finding.detail}" if finding.detail else finding.summary
    yield from wrapped(title.append(f" {visible(said)}", "not bold default"), page, hanging=2)
    gutter = 2
    if finding.position is not None:
        text = "" if finding.code in UNSHOWN else source(finding.position)
        gutter = len(str(finding.position.line)) if text else 1
        yield Text(" " * gutter + "--> ").append(visible(str(finding.position)), "cyan")
        yield from _frame(finding, text, gutter) if text else ()
    elif finding.address:
        yield Text("  --> ").append(visible(finding.address), "cyan")
    if finding.position is not None and finding.address:
        yield Text(f"{' ' * gutter} = in {visible(finding.address)}", "dim")
    if finding.waiver:
        yield from wrapped(Text(f"{' ' * gutter} = waived {visible(finding.waiver)}"), page, hanging=gutter + 3)
        return
    for remedy in filter(None, finding.remedy.split("\n")):
        yield from wrapped(Text(f"{' ' * gutter} = {visible(remedy)}"), page, hanging=gutter + 3)


def _frame(finding: Finding, text: str, gutter: int) -> Iterator[Text]:
    position = finding.position
    if position is None:
        return
    before, width = _caret(text, position.column, finding.detail)
    yield Text(f"{' ' * gutter} |", "dim")
    yield Text(f"{position.line:>{gutter}} | ", "dim").append(visible(text.rstrip()), "not dim")
    yield Text(f"{' ' * gutter} | ", "dim").append(" " * before + "^" * width, STYLES[finding.severity])


def _caret(text: str, column: int, detail: str) -> tuple[int, int]:
    """(cells before, cells of) what the column points at: what the detail quotes, else the YAML word there."""
    start = min(column - 1, len(text))
    rest = text[start:]
    quoted = (word for word in re.findall(r'"([^"]+)"', detail) if rest.lstrip("\"'").startswith(word))
    word = max(quoted, key=len, default="")
    if not word:
        plain = re.match(r"\"[^\"]*\"|'[^']*'|[^\s,\]}#:]+(?::[^\s,\]}#]+)*", rest)
        word = plain.group() if plain else ""
    return cell_len(visible(text[:start])), max(1, cell_len(visible(word)))

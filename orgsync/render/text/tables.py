"""Small tables and lists of facts, for targets, history and doctor."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

from orgsync.render.escape import visible
from orgsync.render.text.page import Page, line, wrapped


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], page: Page) -> list[Text]:
    """Columns as wide as their contents; where they do not fit, one block of facts per row."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(titles, *cells, strict=True)]
    if sum(widths) + 2 * len(widths) > page.width and page.wrap:
        blocks = [facts(list(zip(titles, row, strict=True)), page) for row in rows]
        return [one for block in blocks for one in (*block, Text())]
    head = Text(_row([title.upper() for title in titles], widths), "dim")
    return [head, *(Text(_row(row, widths)) for row in cells)]


def _row(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def facts(pairs: Sequence[tuple[str, str]], page: Page, *, indent: int = 0) -> list[Text]:
    """``name   value`` with the values aligned."""
    width = max((cell_len(name) for name, _ in pairs), default=0) + 2
    lines: list[Text] = []
    for name, value in pairs:
        text = line(f"{name:<{width}}", "dim", indent=indent).append(visible(value), "not dim")
        lines += wrapped(text, page, hanging=indent + width)
    return lines

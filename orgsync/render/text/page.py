"""Where text goes and how wide it is; lines with a margin on the right, wrapped with a hanging indent.

In: strings and styles. Out: ``rich.text.Text`` lines. Never: interprets markup; what is shown is what was given.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO

from rich.cells import cell_len, chop_cells
from rich.text import Text

from orgsync.render.escape import inert, visible

STYLES = {
    "+": "green",
    "~": "yellow",
    "-": "red",
    ">": "cyan",
    "!": "bold red",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold blue",
    "title": "bold",
    "dim": "dim",
    "good": "bold green",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """``width`` in terminal cells; ``wrap``: False leaves long lines alone, so that logs can be searched;
    ``verbose``: everything, however long."""

    width: int = 100
    wrap: bool = False
    verbose: bool = False


def line(text: str, style: str = "", *, indent: int = 0) -> Text:
    """One line of ours or of theirs, made visible."""
    return Text(" " * indent + visible(text), STYLES.get(style, style))


def symbolled(symbol: str, sentence: str, origin: str, page: Page, *, indent: int = 2) -> Iterator[Text]:
    """``  + sentence                 file:line``; the origin goes below where the width is not enough."""
    first = Text(" " * indent).append(f"{symbol} ", STYLES.get(symbol, "")).append(visible(sentence))
    margin = page.width - cell_len(first.plain) - cell_len(origin)
    if origin and margin >= 2:  # noqa: PLR2004
        yield first.append(" " * margin).append(visible(origin), "dim")
        return
    yield from wrapped(first, page, hanging=indent + 2)
    if origin:
        yield line(origin, "dim", indent=indent + 4)


def wrapped(text: Text, page: Page, *, hanging: int) -> Iterator[Text]:
    """The line, or several with the later ones indented, where the page wraps."""
    if not page.wrap or cell_len(text.plain) <= page.width:
        yield text
        return
    hanging = min(hanging, page.width // 2)
    start, first = 0, True
    for end in _breaks(text.plain, page.width, page.width - hanging):
        if not first:
            start += len(text.plain[start:end]) - len(text.plain[start:end].lstrip())
        piece = text[start:end]
        piece.rstrip()
        yield piece if first else Text(" " * hanging).append_text(piece)
        start, first = end, False


def _breaks(plain: str, first: int, rest: int) -> Iterator[int]:
    """Where lines end, in characters: after a space where there is one, inside a word that is too long."""
    end, used, room, blank = 0, 0, first, True
    for word in re.findall(r"\s*\S+\s*?(?=\s|$)|\s+$", plain):
        size = cell_len(word)
        if not blank and used + size > room:
            yield end
            used, room, blank = 0, rest, True
            size = cell_len(word)
        for piece in chop_cells(word, room) if size > room else [word]:
            if used and used + cell_len(piece) > room:
                yield end
                used, room = 0, rest
            end, used, blank = end + len(piece), used + cell_len(piece), False
    yield end


def to_string(lines: Iterable[Text], *, color: bool) -> str:
    """The lines as one string, with ANSI colours if asked; ends with a line break unless empty."""
    if not color:
        return inert("".join(f"{one.plain.rstrip()}\n" for one in lines))
    from rich.console import Console  # noqa: PLC0415  (only colours need it, and it takes as long to load as the rest)

    console = Console(
        file=StringIO(), force_terminal=True, color_system="standard", width=10_000, markup=False, highlight=False
    )
    with console.capture() as captured:
        for one in lines:
            console.print(one, soft_wrap=True)
    return inert(captured.get())

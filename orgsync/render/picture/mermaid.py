"""A picture in Mermaid, which GitHub and GitLab draw inside Markdown.

In: a Picture, or how to make one with less detail. Out: Mermaid. Never: more than Mermaid draws without being told so
by whoever serves the page, or a name as anything but the text of a label.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from orgsync.render.escape import mermaid as escaped
from orgsync.render.picture.look import INK, Look, class_of, look_of
from orgsync.render.picture.values import Arrow, Detail, Line, Picture, cut, wrapped

MOST_TEXT = 50_000
"""``maxTextSize``, https://mermaid.js.org/config/schema-docs/config.html."""
MOST_ARROWS = 500
"""``maxEdges``, of the same page."""


def fitting(draw: Callable[[Detail], Picture], wanted: Detail) -> tuple[Picture, str]:
    """The picture with as much detail as Mermaid draws, and its text."""
    for detail in chain([wanted], _less(wanted)):
        picture = cut(draw(detail), detail.boxes)
        text = mermaid(picture)
        if len(picture.arrows) <= MOST_ARROWS and len(text) <= MOST_TEXT:
            break
    return picture, text


def _less(wanted: Detail) -> Iterator[Detail]:
    """Shorter lists first, then fewer levels, at last fewer boxes."""
    rows, depth = wanted.rows or MOST_ARROWS, min(wanted.depth or _DEEPEST, _DEEPEST)
    yield from (Detail(rows=fewer, depth=wanted.depth) for fewer in (20, 8, 3) if fewer < rows)
    yield from (Detail(rows=1, depth=fewer) for fewer in range(depth - 1, _FLAT, -1))
    yield from (Detail(rows=1, depth=min(depth, _FLAT), boxes=boxes) for boxes in (400, 200, 100, 50, 20, 0))


_DEEPEST, _FLAT = 12, 3


def mermaid(picture: Picture) -> str:
    return "".join(f"{line}\n" for line in _lines(picture))


def _lines(picture: Picture) -> Iterator[str]:
    names = {box.key: f"b{number}" for number, box in enumerate(picture.boxes, start=1)}
    yield '%%{init: {"flowchart": {"wrappingWidth": 600}}}%%'
    yield "flowchart LR"
    for number, part in enumerate(picture.parts, start=1):
        boxes = [f"  {names[box.key]}[{_quoted(box.lines)}]:::{class_of(box)}" for box in part.boxes]
        frame = [f"  subgraph s{number}[{_quoted([part.title])}]", "  direction LR"]
        yield from [*frame, *boxes, "  end"] if part.title and boxes else boxes
    for arrow in picture.arrows:
        yield f"  {names[arrow.start]} {_line(arrow)} {names[arrow.end]}"
    for name, look in {class_of(box): look_of(box) for box in picture.boxes}.items():
        yield f"  classDef {name} {_style(look)}"


def _line(arrow: Arrow) -> str:
    line = _LINES[arrow.line]
    return f"{line}|{_quoted([arrow.label])}|" if arrow.label else line


_LINES = {Line.PLAIN: "-->", Line.DASHED: "-.->", Line.THICK: "==>"}


def _quoted(lines: Iterable[str]) -> str:
    return f'"{"<br/>".join(escaped(piece) for line in lines for piece in wrapped(line))}"'


def _style(look: Look) -> str:
    line = f"stroke-width:{2 if look.bold else 1}px" + (",stroke-dasharray:4 3" if look.dashed else "")
    return f"fill:{look.fill},stroke:{look.line},color:{INK},text-align:left,{line}"

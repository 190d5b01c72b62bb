"""What a picture is made of, in words that every format can draw."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import wrap

from orgsync.render.escape import visible
from orgsync.render.numbers import count
from orgsync.resources import Address, Fields


class Tone(StrEnum):
    """How a box looks; HUE takes its colour from ``Box.hue``."""

    PLAIN = "plain"
    HUE = "hue"
    PRIVILEGED = "privileged"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """``key`` is what arrows speak of; the first of ``lines`` is the title; ``hue`` counts from 0."""

    key: str
    lines: tuple[str, ...]
    tone: Tone = Tone.PLAIN
    hue: int = 0


class Line(StrEnum):
    PLAIN = "plain"
    DASHED = "dashed"
    THICK = "thick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    start: str
    end: str
    label: str = ""
    line: Line = Line.PLAIN

    @property
    def ends(self) -> tuple[str, str]:
        return self.start, self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Boxes in a frame with a title; without a title there is no frame."""

    title: str = ""
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """``counted``: how many things it does not name, and only counts."""

    parts: tuple[Part, ...]
    arrows: tuple[Arrow, ...] = ()
    counted: int = 0

    @property
    def boxes(self) -> tuple[Box, ...]:
        return tuple(box for part in self.parts for box in part.boxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How much is drawn; None for everything. What is not is counted.

    rows    names in a box that many share
    alone   so many things that hang in the picture in the same way have a box each; more of them share one
    depth   levels of units
    boxes   of the picture, the first ones
    """

    rows: int | None = 20
    alone: int = 4
    depth: int | None = None
    boxes: int | None = None


def listed(title: str, rows: Iterable[str], most: int | None) -> tuple[tuple[str, ...], int]:
    """The lines of a shared box with at most that many rows, and how many things have none."""
    everything = tuple(rows)
    shown = everything[:most]
    left = len(everything) - len(shown)
    return (title, *shown, *((f"and {left:,} more",) if left else ())), left


def cut(picture: Picture, most: int | None) -> Picture:
    """The first boxes alone, and one that counts the others."""
    left = len(picture.boxes) - (most if most is not None else len(picture.boxes))
    if most is None or left <= 0:
        return picture
    kept = {box.key for box in picture.boxes[:most]}
    arrows = tuple(one for one in picture.arrows if one.start in kept and one.end in kept)
    gone = count(len(picture.arrows) - len(arrows), "arrow")
    note = Box(key="", lines=(f"{count(left, 'more box', 'more boxes')} and {gone} are not drawn",), tone=Tone.NOTE)
    parts = [
        Part(title=part.title, boxes=tuple(box for box in part.boxes if box.key in kept)) for part in picture.parts
    ]
    return Picture(parts=(*parts, Part(boxes=(note,))), arrows=arrows, counted=picture.counted + left)


def joined(words: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    found = list(words)
    left = len(found) - most
    return ", ".join(found) if left <= 0 else f"{', '.join(found[:most])} and {left:,} more"


def name_of(resources: Mapping[Address, Fields], address: Address) -> str:
    name = resources.get(address, {}).get("name")
    return name if isinstance(name, str) and name else address.partition("/")[2]


def by_name(resources: Mapping[Address, Fields], address: Address) -> tuple[object, ...]:
    """For sorting, as people do: Team 2 before Team 10."""
    pieces = re.split(r"([0-9]+)", name_of(resources, address).casefold())
    return *((0, int(one), "") if one.isdecimal() else (1, 0, one) for one in pieces), (2, 0, address)


def wrapped(line: str, width: int = 90) -> Sequence[str]:
    """Lines that a box can hold, harmless to look at; a text of thousands of characters does not fill the picture."""
    left = len(line) - _LONGEST
    shown = visible(line if left <= 0 else f"{line[:_LONGEST]}… (and {count(left, 'more character')})")
    return wrap(shown, width, break_on_hyphens=False) or [""]


_LONGEST = 240

"""How boxes look, the same in every format; text is dark on light, also on a dark page."""

from collections.abc import Mapping
from dataclasses import dataclass

from orgsync.render.picture.values import Box, Tone

INK, LINE = "#1f2328", "#8a8a8a"
_HUES = ("#dbe9f6", "#fde0c8", "#d9f0d3", "#eadcf4", "#fff3bf", "#d5f1ef", "#fbdce6", "#e6e6d3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    fill: str
    line: str = LINE
    bold: bool = False
    dashed: bool = False


_TONES: Mapping[Tone, Look] = {
    Tone.PLAIN: Look(fill="#f6f6f6"),
    Tone.PRIVILEGED: Look(fill="#ffe3e3", line="#c62828", bold=True),
    Tone.NEW: Look(fill="#d9f0d3", line="#2e7d32", bold=True),
    Tone.CHANGED: Look(fill="#fff3bf", line="#9a6700", bold=True),
    Tone.GONE: Look(fill="#ffe3e3", line="#c62828", dashed=True),
    Tone.NOTE: Look(fill="#ffffff", dashed=True),
}


def class_of(box: Box) -> str:
    """The same for boxes that look the same."""
    return f"hue{box.hue % len(_HUES)}" if box.tone is Tone.HUE else str(box.tone)


def look_of(box: Box) -> Look:
    return Look(fill=_HUES[box.hue % len(_HUES)]) if box.tone is Tone.HUE else _TONES[box.tone]

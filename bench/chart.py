"""Every target beside what was reached, as an SVG for light and dark pages.

In: what a result says about its targets. Out: the text of an SVG. Never: needs a library, so that a test can hold a
chart that was committed against its figures.
"""

from collections.abc import Iterator, Sequence
from html import escape
from math import log2

from bench.report import Told, reached, wanted, what

_WIDTH, _ROW, _TOP, _BOTTOM = 900, 22, 62, 30
_TARGET, _WHAT, _LEFT, _RIGHT, _REACHED, _WANTED = 20, 164, 520, 740, 812, 880
_LEAST, _MOST = 1 / 16, 4
"""How many times better than asked for is drawn; what is beyond ends at the edge."""
_STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.head { font-weight: 600 } .soft { fill: #59636e } .end { text-anchor: end } .mid { text-anchor: middle }
.page { fill: #ffffff; stroke: #d1d9e0 } .line { stroke: #1f2328; stroke-width: 1.5 } .tick { stroke: #d1d9e0 }
.met { fill: #1a7f37 } .missed { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .soft { fill: #9198a1 }
  .page { fill: #0d1117; stroke: #3d444d } .line { stroke: #f0f6fc } .tick { stroke: #3d444d }
  .met { fill: #3fb950 } .missed { fill: #f0883e }
}
"""


def draw(targets: Sequence[Told]) -> str:
    height = _TOP + _ROW * len(targets) + _BOTTOM
    return "\n".join(_parts(targets, height)) + "\n"


def _parts(targets: Sequence[Told], height: int) -> Iterator[str]:
    met = sum(one["met"] for one in targets)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
    yield f"<title>{met} of {len(targets)} targets are met</title>"
    yield f"<style>{_STYLE}</style>"
    yield f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>'
    yield _text(_TARGET, 28, f"{met} of {len(targets)} targets are met", "head")
    yield _text((_LEFT + _RIGHT) / 2, 28, "times better than asked for", "soft mid")
    yield from (_text(x, 28, word, "soft end") for x, word in ((_REACHED, "reached"), (_WANTED, "wanted")))
    foot = height - _BOTTOM + 6
    for tick in (_LEAST, 1 / 4, 1, _MOST):
        yield f'<path class="tick" d="M{_at(tick):.1f} {_TOP - 14}V{foot - 8}"/>'
        yield _text(
            _at(tick), foot + 8, "1" if tick == 1 else f"{tick:g}" if tick > 1 else f"1/{1 / tick:g}", "soft mid"
        )
    for number, one in enumerate(targets):
        first = not number or targets[number - 1]["target"] != one["target"]
        yield from _row(one, _TOP + _ROW * number, first=first)
    yield f'<path class="line" d="M{_at(1):.1f} {_TOP - 14}V{foot - 8}"/>'
    yield "</svg>"


def _row(one: Told, y: int, *, first: bool) -> Iterator[str]:
    word, begin, end = "met" if one["met"] else "missed", *sorted((_at(1), _at(better(one))))
    if first:
        yield _text(_TARGET, y + 4, one["target"], "soft")
    yield _text(_WHAT, y + 4, what(one))
    yield f'<rect class="{word}" x="{begin:.1f}" y="{y - 7}" width="{max(end - begin, 3):.1f}" height="14" rx="2"/>'
    yield _text(_REACHED, y + 4, reached(one), f"{word} head end")
    yield _text(_WANTED, y + 4, wanted(one), "end")


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y}">{escape(text)}</text>'


def _at(times: float) -> float:
    share = log2(min(max(times, _LEAST), _MOST) / _LEAST) / log2(_MOST / _LEAST)
    return _LEFT + share * (_RIGHT - _LEFT)


def better(one: Told) -> float:
    """How many times better than asked for; 1 is just met."""
    value, bound = float(one["value"]), float(one["wanted"])
    if not bound or not value:  # nothing was asked for, or nothing used
        return 1.0 if one["met"] else _LEAST
    return value / bound if one["at_least"] else bound / value

"""What Mermaid itself, run in an embedded JavaScript engine, makes of a text.

In: Mermaid. Out: its boxes, arrows and frames with their labels as they would be shown. Nothing is laid out: that
takes a browser.
"""

import html
import json
import re
import time
from dataclasses import dataclass
from functools import cache

from mermaidx.engines._common import context_scripts
from py_mini_racer import MiniRacer

_HOOKS = ("__log", "__measureText", "__measureTextFull", "__measureGlyphs", "__measureForeignObject")
_ASK = """
globalThis.answer = null;
mermaid.parse(source).then(() => mermaid.mermaidAPI.getDiagramFromText(source)).then(
  ({db}) => {
    answer = JSON.stringify({
      boxes: [...db.getVertices().values()].map((one) => [one.id, one.text, one.classes]),
      arrows: db.getEdges().map((one) => [one.start, one.end, one.text, one.stroke]),
      frames: db.getSubGraphs().map((one) => [one.title, one.nodes]),
      classes: [...db.getClasses().keys()],
    })
  },
  (error) => { answer = JSON.stringify({error: String(error)}) },
);
0
"""


class Refused(Exception):
    """Mermaid's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """``boxes``: id -> label; ``arrows``: (from, to, label, stroke); ``frames``: title -> ids."""

    boxes: dict[str, str]
    looks: dict[str, list[str]]
    arrows: list[tuple[str, str, str, str]]
    frames: dict[str, list[str]]
    classes: set[str]

    def named(self) -> list[tuple[str, str]]:
        """Arrows between the titles of boxes."""
        return [(self.title(start), self.title(end)) for start, end, *_ in self.arrows]

    def title(self, box: str) -> str:
        return self.boxes[box].split("\n")[0]


@cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    for script in (*(f"globalThis.{name} = () => 0" for name in _HOOKS), *context_scripts()):
        engine.eval(f"{script}\n;0")
    return engine


def drawn(text: str) -> Drawn:
    """Raises Refused."""
    engine = _engine()
    engine.eval(f"globalThis.source = {json.dumps(text)}; {_ASK}")
    while (answer := engine.eval("answer")) is None:
        time.sleep(0.01)
    found = json.loads(str(answer))
    if "error" in found:
        raise Refused(found["error"])
    return Drawn(
        boxes={key: shown(label) for key, label, _ in found["boxes"]},
        looks={key: looks for key, _, looks in found["boxes"]},
        arrows=[(start, end, shown(label), stroke) for start, end, label, stroke in found["arrows"]],
        frames={shown(title): nodes for title, nodes in found["frames"]},
        classes=set(found["classes"]),
    )


def shown(label: str) -> str:
    """What a browser shows: Mermaid turns its own spelling of references into HTML's when it writes the picture."""
    lines = re.split(r"<br\s*/?>", label)
    assert not [line for line in lines if re.search(r"[<>\"`]|&(?!\w)", line)], label
    referenced = label.replace("ﬂ°°", "&#").replace("ﬂ°", "&").replace("¶ß", ";")
    return html.unescape(re.sub(r"<br\s*/?>", "\n", referenced))

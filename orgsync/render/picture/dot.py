"""A picture in DOT, the language of Graphviz.

In: a Picture. Out: DOT. Never: writes a name as anything but the text of a label.
"""

import re
from html import escape

from graphviz import Digraph

from orgsync.render.escape import inert, visible
from orgsync.render.picture.look import INK, LINE, look_of
from orgsync.render.picture.values import Box, Part, Picture, wrapped

_FONT = {"fontname": "Helvetica,Arial,sans-serif", "fontcolor": INK}


def dot(picture: Picture) -> str:
    """From left to right, so that many units below one are many lines and no endless row."""
    graph = Digraph(
        "orgsync",
        graph_attr={"rankdir": "LR", "bgcolor": "white", "ranksep": "0.5", "nodesep": "0.12", **_FONT},
        node_attr={"shape": "box", "fontsize": "11", "margin": "0.12,0.07", **_FONT},
        edge_attr={"color": LINE, "arrowsize": "0.6", "fontsize": "10", **_FONT},
    )
    names = {box.key: f"b{number}" for number, box in enumerate(picture.boxes, start=1)}
    for number, part in enumerate(picture.parts):
        _draw(graph, part, names, f"cluster_{number}")
    for arrow in picture.arrows:
        graph.edge(names[arrow.start], names[arrow.end])
    return inert(graph.source.expandtabs(2), "&#{};")


def _draw(graph: Digraph, part: Part, names: dict[str, str], frame: str) -> None:
    title = f"<{_escaped(part.title)}>"
    into = Digraph(frame, graph_attr={"label": title, "color": LINE, "style": "rounded"}) if part.title else graph
    for box in part.boxes:
        into.node(names[box.key], label=_label(box), **_style(box))
    if part.title and part.boxes:
        graph.subgraph(into)


def _style(box: Box) -> dict[str, str]:
    look = look_of(box)
    style = "filled,rounded,dashed" if look.dashed else "filled,rounded"
    return {"style": style, "fillcolor": look.fill, "color": look.line, "penwidth": "2" if look.bold else "1"}


def _label(box: Box) -> str:
    """As Graphviz's HTML: the title in bold, all lines at the left."""
    title, *rest = (_escaped(piece) for line in box.lines for piece in wrapped(line))
    return f"<<b>{title}</b>{''.join(f'<br align={_LEFT}/>{line}' for line in rest)}<br align={_LEFT}/>>"


def _escaped(text: str) -> str:
    """Within Graphviz's HTML, where a backslash before one of these letters stands for a name of the graph or box."""
    return re.sub(r"\\([NGLETH])", rf'\\<font color="{INK}">\1</font>', escape(visible(text)))


_LEFT = '"left"'

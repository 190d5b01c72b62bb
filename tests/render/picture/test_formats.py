"""Mermaid, DOT and SVG of the same picture; what names would like to do there, and how much each can hold."""

import re
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pygraphviz
import pytest

from orgsync.errors import OrgsyncError
from orgsync.render.escape import visible
from orgsync.render.picture import svg as drawing
from orgsync.render.picture.chart import chart
from orgsync.render.picture.dot import dot
from orgsync.render.picture.mermaid import MOST_ARROWS, MOST_TEXT, fitting, mermaid
from orgsync.render.picture.svg import svg
from orgsync.render.picture.values import Arrow, Box, Detail, Line, Part, Picture, Tone
from orgsync.resources import Fields
from tests.hostile import TEXTS, controls, workflow_commands
from tests.mermaid import Refused, drawn

SVG = "{http://www.w3.org/2000/svg}"
SMALL = Picture(
    parts=(
        Part(boxes=(Box(key="a", lines=("Sales", "3 members"), tone=Tone.HUE, hue=9), Box(key="b", lines=("UK",)))),
        Part(title="Frame", boxes=(Box(key="c", lines=("C",), tone=Tone.NOTE),)),
    ),
    arrows=(Arrow(start="a", end="b"), Arrow(start="b", end="c", label="moves", line=Line.DASHED)),
)
# Two things that Mermaid itself writes while it reads, and words and signs of its grammar.
OURS = {
    "placeholders": "ﬂ°°60¶ßb ﬂ°lt¶ß",
    "style that loses its end": "Lifestyle: a#b; classDef x:#;",
    "words": "end subgraph graph click class",
    "Markdown": "`**bold**` _it_ # x",
    "icon": "fa:fa-car",
    "directive": '%%{init: {"securityLevel": "loose"}}%%',
    "ends": '"] --> x["',
    "HTML of Graphviz": "<b>x</b> <br/> <img src='/etc/passwd'/>",
    "escapes of Graphviz": "\\N \\G \\L \\n \\",
    "references": "&amp; &#60; #35; #quot;",
}
HOSTILE = {**TEXTS, **OURS}


def bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def hostile() -> Picture:
    """Every text as a title, a line and the title of a frame."""
    boxes = tuple(Box(key=name, lines=(text, f"x {text}")) for name, text in HOSTILE.items())
    return Picture(parts=(Part(title=HOSTILE["script"], boxes=boxes),), arrows=(Arrow(start="code", end="script"),))


def expected(text: str) -> str:
    long = visible(text) if len(text) <= 240 else f"{visible(text[:240])}… (and {len(text) - 240:,} more characters)"
    return bare(long)


def test_a_picture_is_the_same_in_mermaid() -> None:
    found = drawn(mermaid(SMALL))
    assert found.boxes == {"b1": "Sales\n3 members", "b2": "UK", "b3": "C"}
    assert found.arrows == [("b1", "b2", "", "normal"), ("b2", "b3", "moves", "dotted")]
    assert found.frames == {"Frame": ["b3"]}
    assert {look for looks in found.looks.values() for look in looks} == found.classes


def test_a_picture_is_the_same_in_dot() -> None:
    found = pygraphviz.AGraph(string=dot(SMALL))
    assert sorted(found.edges()) == [("b1", "b2"), ("b2", "b3")]
    (frame,) = found.subgraphs()
    assert (frame.graph_attr["label"], frame.nodes()) == ("Frame", ["b3"])


def test_a_picture_is_the_same_in_svg() -> None:
    root = ET.fromstring(svg(dot(SMALL)))
    shown = sorted(str(one.text) for one in root.iter(f"{SVG}text"))
    assert shown == ["3 members", "C", "Frame", "Sales", "UK"]
    assert len([one for one in root.iter(f"{SVG}g") if one.get("class") == "edge"]) == 2


def test_no_name_acts_in_mermaid() -> None:
    text = mermaid(hostile())
    found = drawn(text)
    shown = dict(zip(HOSTILE, found.boxes.values(), strict=True))
    assert {name: bare(label) for name, label in shown.items()} == {
        name: expected(line) + "x" + expected(f"x {line}")[1:] for name, line in HOSTILE.items()
    }
    assert len(found.arrows) == 1
    assert not controls(text)
    assert not workflow_commands(text)
    assert "`" not in text  # it stands in a fence


def test_no_name_acts_in_dot() -> None:
    text = dot(hostile())
    assert sorted(pygraphviz.AGraph(string=text).nodes()) == sorted(f"b{n + 1}" for n in range(len(HOSTILE)))
    assert not controls(text)
    assert not workflow_commands(text)


def test_no_name_acts_in_svg() -> None:
    text = svg(dot(hostile()))
    root = ET.fromstring(text)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "g", "title", "text", "path", "polygon"}
    assert not {name for one in root.iter() for name in one.attrib if name.startswith("on") or "href" in name}
    shown = "".join(bare(one.text or "") for one in root.iter(f"{SVG}text"))
    assert [name for name, line in HOSTILE.items() if expected(line) not in shown] == []
    assert not controls(text)
    assert not workflow_commands(text)


def company(units: int, below: int) -> dict[str, Fields]:
    """``below``: how many hang below each."""
    state: dict[str, Fields] = {
        f"unit/unit-{n:05}": {
            "name": f"Unit {n:05} of many",
            "roles": ["some-role", "another-role"],
            **({"parent": f"unit-{(n - 1) // below:05}"} if n else {}),
        }
        for n in range(units)
    }
    return state


@pytest.mark.parametrize(("units", "below"), [(800, 20), (800, 2), (1500, 1), (3000, 3)])
def test_mermaid_is_never_given_more_than_it_draws_and_no_unit_is_lost(units: int, below: int) -> None:
    state = company(units, below)
    picture, text = fitting(lambda detail: chart(state, today=date(2026, 1, 1), detail=detail), Detail(rows=None))
    assert len(text) <= MOST_TEXT
    assert text.count(" --> ") == len(picture.arrows) <= MOST_ARROWS
    assert len(picture.boxes) > 10
    named = len(set(re.findall(r"unit-\d{5}", text)))
    assert named + picture.counted >= units


def test_so_many_arrows_mermaid_draws_and_not_one_more() -> None:
    arrows = "".join(f"  a{n} --> b\n" for n in range(MOST_ARROWS))
    assert len(drawn(f"flowchart LR\n{arrows}").arrows) == MOST_ARROWS
    with pytest.raises(Refused, match="Edge limit exceeded"):
        drawn(f"flowchart LR\n{arrows}  c --> b\n")


def test_without_graphviz_the_remedy_is_its_package_or_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    with pytest.raises(OrgsyncError, match="needs Graphviz") as caught:
        svg("digraph {}")
    assert "pip install 'orgsync[svg]'" in caught.value.remedy
    assert "dot -Tsvg" in caught.value.remedy


def test_what_graphviz_does_not_draw_is_an_error_in_its_words() -> None:
    with pytest.raises(OrgsyncError, match=r"Graphviz did not draw it: .*Invalid Input$"):
        svg("this is no graph")


def test_a_picture_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_PATIENCE", 0)
    with pytest.raises(OrgsyncError, match="within 0 seconds") as caught:
        svg(dot(SMALL))
    assert "--unit KEY" in caught.value.remedy


def test_graphviz_is_not_imported_from_the_folder_that_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pygraphviz.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    assert "<svg" in svg(dot(SMALL))
    assert not (tmp_path / "ran").exists()

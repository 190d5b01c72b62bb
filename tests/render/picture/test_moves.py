"""What a plan moves, in its Markdown: seen through Mermaid's own parser."""

import re

from orgsync.change import Change
from orgsync.render import markdown
from orgsync.render.picture.mermaid import mermaid
from orgsync.render.picture.moves import moves
from orgsync.render.picture.values import Picture
from orgsync.render.view import view
from tests.mermaid import Drawn, drawn
from tests.render.plans import create, delete, of, update

NAMES = {"unit/sales": "Sales Team", "unit/de": "Germany", "unit/uk": "UK"}


def picture(*changes: Change) -> Picture | None:
    plan = of(*changes, names=NAMES)
    return moves(plan, view(plan))


def seen(*changes: Change) -> Drawn:
    found = picture(*changes)
    assert found is not None
    return drawn(mermaid(found))


def walk(user: str, old: str = "de", new: str = "uk") -> tuple[Change, Change]:
    return delete(f"membership/{old}/{user}@x.org"), create(f"membership/{new}/{user}@x.org")


def test_people_who_change_units_are_counted_on_an_arrow() -> None:
    found = seen(*walk("ana"), *walk("bob"), *walk("cid", "uk", "sales"))
    assert sorted(found.boxes.values()) == ["Germany", "Sales Team", "UK"]
    assert [(found.title(start), found.title(end), label, stroke) for start, end, label, stroke in found.arrows] == [
        ("Germany", "UK", "2 people move", "thick"),
        ("UK", "Sales Team", "1 person moves", "thick"),
    ]


def test_units_that_come_go_and_hang_elsewhere_are_marked() -> None:
    found = seen(
        create("unit/uk", name="UK", parent="sales"),
        Change(address="unit/old", action=delete("unit/old").action, before={"parent": "de"}),
        update("unit/de", {"parent": "sales"}, {"parent": None}),
        update("unit/be", {"parent": None, "businessUnit": "a"}, {"parent": "de", "businessUnit": "b"}),
        create("business-unit/b", name="B", parent="a"),
    )
    assert found.boxes == {
        "b1": "old\nremoved unit",
        "b2": "be\nwas topmost, now below Germany\nwas in a, now in b",
        "b3": "Germany\nwas below Sales Team, now topmost",
        "b4": "b\nnew business unit",
        "b5": "UK\nnew unit",
        "b6": "Sales Team",
        "b7": "a",
    }
    assert [found.looks[one] for one in found.boxes] == [
        [look] for look in ("gone", "changed", "changed", "new", "new", "plain", "plain")
    ]
    assert {(*arrow, stroke) for arrow, (_, _, _, stroke) in zip(found.named(), found.arrows, strict=True)} == {
        ("Germany", "old", "dotted"),
        ("Germany", "be", "normal"),
        ("Sales Team", "Germany", "dotted"),
        ("a", "b", "normal"),
        ("Sales Team", "UK", "normal"),
    }


def test_where_nothing_moves_there_is_no_picture() -> None:
    assert picture() is None
    assert picture(create("membership/uk/ana@x.org"), delete("membership/de/bob@x.org")) is None
    assert picture(update("unit/uk", {"name": "U"}, {"name": "UK"}), create("role/r")) is None
    assert "```mermaid" not in markdown.plan(of(create("role/r")))


def test_what_is_not_drawn_is_counted() -> None:
    units = [create(f"unit/u{n:03}", name="U") for n in range(40)]
    people = [change for n in range(20) for change in walk(f"p{n}", f"old{n}", f"new{n}")]
    people += [change for n in range(3) for change in walk(f"q{n}")]
    found = picture(*units, *people)
    assert found is not None
    assert found.boxes[-1].lines == ("not drawn: 32 more units, 13 more people move",)
    labels = sorted(one.label for one in found.arrows)
    assert labels == ["1 person moves"] * 7 + ["3 people move"]


def test_a_unit_that_others_hang_on_is_never_drawn_as_if_it_were_there_already() -> None:
    units = [create(f"unit/u{n:03}", name="U", parent="z") for n in range(20)]
    found = picture(*units, create("unit/z", name="Z"))
    assert found is not None
    assert {box.lines for box in found.boxes if box.key == "unit/z"} == {("z", "new unit")}
    assert found.boxes[-1].lines == ("not drawn: 12 more units",)


def test_a_large_plan_with_its_picture_fits_a_comment() -> None:
    plan = of(*(create(f"unit/u{n:04}", name="N" * 200, parent=f"u{n // 9:04}") for n in range(3000)))
    shown = markdown.plan(plan)
    assert len(shown) < 65_536
    (text,) = re.findall(r"```mermaid\n(.*?)```", shown, re.DOTALL)
    (left,) = [label for label in drawn(text).boxes.values() if label.startswith("not drawn")]
    assert left == "not drawn: 2,992 more units"
    assert len(text) < 6_000

"""The organization chart: every unit is named or counted, whatever the forest looks like."""

import re
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.render.picture.chart import chart
from orgsync.render.picture.values import Detail, Picture, Tone, cut
from orgsync.resources import Fields

TODAY = date(2026, 11, 1)
State = dict[str, Fields]
STATE: State = {
    "business-unit/all": {"name": "All"},
    "business-unit/west": {"name": "West", "parent": "all"},
    "business-unit/unused": {"name": "Unused"},
    "unit/hq": {"name": "Headquarters", "businessUnit": "all", "roles": ["user"]},
    "unit/sales": {"name": "Sales", "businessUnit": "all", "parent": "hq", "roles": ["a", "b", "c", "d"]},
    "unit/uk": {"name": "UK", "businessUnit": "west", "parent": "sales"},
    "membership/hq/ana@x.org": {},
    "membership/hq/bob@x.org": {"until": "2026-11-01"},
    "membership/hq/cid@x.org": {"until": "2026-10-31"},
    "membership/uk/dee@x.org": {},
}


def drawn(state: State, *, unit: str | None = None, **detail: int | None) -> Picture:
    return chart(state, today=TODAY, unit=unit, detail=Detail(**detail))  # type: ignore[arg-type]


def boxes(picture: Picture) -> dict[str, tuple[str, ...]]:
    return {box.key: box.lines for box in picture.boxes}


def arrows(picture: Picture) -> set[tuple[str, str]]:
    return {(one.start, one.end) for one in picture.arrows}


def test_a_unit_says_its_name_its_members_its_roles_and_a_business_unit_that_is_not_its_parents() -> None:
    found = boxes(drawn(STATE))
    assert found["unit/hq"] == ("Headquarters", "hq · 2 members", "roles: user", "in All")
    assert found["unit/sales"] == ("Sales", "sales · 0 members", "roles: a, b, c and 1 more")
    assert found["unit/uk"] == ("UK", "uk · 1 member", "in West")


def test_units_and_business_units_hang_below_their_parents_and_share_colours() -> None:
    picture = drawn(STATE)
    assert arrows(picture) == {
        ("unit/hq", "unit/sales"),
        ("unit/sales", "unit/uk"),
        ("business-unit/all", "business-unit/west"),
    }
    assert [part.title for part in picture.parts] == ["", "Business units"]
    hues = {box.key: box.hue for box in picture.boxes}
    assert {box.tone for box in picture.boxes} == {Tone.HUE}
    assert hues["unit/hq"] == hues["unit/sales"] == hues["business-unit/all"]
    assert hues["unit/uk"] == hues["business-unit/west"] != hues["unit/hq"]
    assert "business-unit/unused" not in hues


def test_a_part_of_the_chart_begins_with_its_unit() -> None:
    picture = drawn(STATE, unit="sales")
    assert [key for key in boxes(picture) if key.startswith("unit/")] == ["unit/sales", "unit/uk"]
    assert boxes(picture)["unit/sales"][-1] == "in All"


def test_what_is_deeper_than_the_depth_is_counted_where_it_hangs() -> None:
    picture = drawn(STATE, depth=1)
    assert boxes(picture)["unit/hq"][-1] == "+ 2 units, 1 member below"
    assert picture.counted == 2


def many(number: int, **fields: str) -> State:
    return STATE | {
        f"unit/t{n}": {"name": f"Team {n}", "businessUnit": "west", "parent": "uk", **fields} for n in range(number)
    }


def test_many_units_at_the_end_of_a_branch_share_a_box_in_the_order_of_people() -> None:
    state = many(12) | {f"membership/t11/{n}@x.org": {} for n in range(3)}
    picture = drawn(state, rows=3)
    assert boxes(picture)["unit/uk/alike"] == (
        "12 units, 3 members",
        "Team 0 · t0 · 0 members",
        "Team 1 · t1 · 0 members",
        "Team 2 · t2 · 0 members",
        "and 9 more",
    )
    assert picture.counted == 9
    assert ("unit/uk", "unit/uk/alike") in arrows(picture)
    assert boxes(drawn(state, rows=None))["unit/uk/alike"][-1] == "Team 11 · t11 · 3 members"


def test_few_units_have_a_box_each() -> None:
    assert "unit/t3" in boxes(drawn(many(4)))


def test_a_crm_without_a_hierarchy_is_a_box_for_each_business_unit() -> None:
    state: State = {
        f"unit/{key}{n}": {"name": f"{key}{n}", "businessUnit": key} for key in ("east", "west") for n in range(9)
    }
    state |= {"business-unit/east": {"name": "East"}, "business-unit/west": {"name": "West"}}
    picture = drawn(state)
    assert [lines[0] for lines in boxes(picture).values()] == ["9 units, 0 members"] * 2 + ["East", "West"]
    assert arrows(picture) == set()


UNITS = tuple(f"u{number:02}" for number in range(14))


@st.composite
def states(draw: st.DrawFn) -> State:
    """Rings, parents and business units that are not there, members without a unit."""
    state: State = {"business-unit/b": {"parent": draw(st.sampled_from(["b", "c"]))}, "business-unit/c": {}}
    above = st.sampled_from([None, *UNITS[:5], "gone"])
    for key in draw(st.sets(st.sampled_from(UNITS), min_size=1)):
        state[f"unit/{key}"] = {"parent": draw(above), "businessUnit": draw(st.sampled_from(["b", "c", "gone", None]))}
    for unit in draw(st.lists(st.sampled_from(UNITS), max_size=20)):
        state[f"membership/{unit}/{len(state)}@x.org"] = {}
    return state


@settings(max_examples=300, deadline=None)
@given(states(), st.integers(0, 4), st.sampled_from([None, 1, 2, 3]), st.sampled_from([None, 0, 3]))
def test_every_unit_is_named_once_or_counted(state: State, rows: int, depth: int | None, most: int | None) -> None:
    picture = chart(state, today=TODAY, detail=Detail(rows=rows, depth=depth))
    lines = [line for box in picture.parts[0].boxes for line in box.lines]
    named = [key for line in lines for key in re.findall(r"(?:^| · )(u\d\d) · \d+ member", line)]
    units = {address.removeprefix("unit/") for address in state if address.startswith("unit/")}
    assert len(named) == len(set(named))
    assert len(named) + picture.counted == len(units)
    unnamed = [int(one[1]) for line in lines if (one := re.search(r"^and (\d+) more$", line))]
    below = [re.search(r"\+ (\d+) units?, \d+ members? below$", line) for line in lines_of_boxes(picture)]
    assert sum(unnamed) + sum(int(one[1]) for one in below if one) == picture.counted
    assert {end for one in picture.arrows for end in one.ends} <= {box.key for box in picture.boxes}
    if most is not None:
        shorter = cut(picture, most)
        assert {box.key for box in shorter.boxes} >= {box.key for box in picture.boxes[:most]}
        left = len(picture.boxes) - most
        assert left <= 0 or f"{left} more box" in shorter.boxes[-1].lines[0]


def lines_of_boxes(picture: Picture) -> list[str]:
    """Of a shared box only the title, which sums up what its rows say."""
    found = picture.parts[0].boxes
    return [line for box in found for line in (box.lines[:1] if box.key.endswith("/alike") else box.lines)]

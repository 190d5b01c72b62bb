"""Which roles include which."""

from datetime import date

from orgsync.access import evaluate
from orgsync.render.picture.roles import inclusions
from orgsync.render.picture.values import Detail, Picture, Tone
from orgsync.resources import Fields

STATE: dict[str, Fields] = {
    "role/user": {"name": "User"},
    "role/rep": {"name": "Representative", "includes": ["user"], "functions": {"leads": "own"}},
    "role/admin": {"name": "Administrator", "includes": ["user", "gone"]},
    "unit/sales": {"roles": ["rep"]},
    "membership/sales/ana@x.org": {},
    "membership/sales/bob@x.org": {},
    "grant/sales/bob@x.org/admin": {},
}


def drawn(more: dict[str, Fields] | None = None, **detail: int | None) -> Picture:
    found = evaluate({**STATE, **(more or {})}, today=date(2026, 11, 1))
    return inclusions(found, frozenset({"admin"}), detail=Detail(**detail))  # type: ignore[arg-type]


def test_an_arrow_leads_from_a_role_to_what_it_includes() -> None:
    picture = drawn()
    assert {(one.start, one.end) for one in picture.arrows} == {
        ("role/rep", "role/user"),
        ("role/admin", "role/user"),
        ("role/admin", "role/gone"),
    }


def test_a_role_says_its_holders_its_functions_and_whether_it_is_privileged() -> None:
    found = {box.key: box for box in drawn().boxes}
    assert found["role/rep"].lines == ("Representative", "rep · 2 holders", "functions: leads")
    assert found["role/admin"].lines == ("Administrator", "admin · 1 holder", "privileged")
    assert found["role/admin"].tone is Tone.PRIVILEGED
    assert found["role/gone"].lines == ("gone", "gone · 0 holders", "not known here")


def test_roles_that_include_the_same_share_a_box_unless_one_is_included_or_privileged() -> None:
    more: dict[str, Fields] = {f"role/r{n}": {"name": f"R {n}", "includes": ["user"]} for n in range(10)}
    more["role/above"] = {"includes": ["r3"]}
    picture = drawn(more, rows=2)
    lines = {box.lines for box in picture.boxes}
    assert ("10 roles", "R 0 · r0 · 0 holders", "R 1 · r1 · 0 holders", "and 8 more") in lines  # with rep, without r3
    assert {"role/admin", "role/r3"} <= {box.key for box in picture.boxes}
    assert picture.counted == 8
    (shared,) = [box.key for box in picture.boxes if box.lines[0] == "10 roles"]
    assert [one.end for one in picture.arrows if one.start == shared] == ["role/user"]


def test_a_ring_of_roles_is_drawn_as_one() -> None:
    picture = drawn({"role/user": {"includes": ["rep"]}})
    assert {("role/user", "role/rep"), ("role/rep", "role/user")} <= {(one.start, one.end) for one in picture.arrows}

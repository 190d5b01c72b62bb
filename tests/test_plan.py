"""A plan in a file: it comes back as it was, or not at all."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgsync.access import NO_ACCESS, AccessDiff, AccessGroup, Shift
from orgsync.change import RELEASE, Effect
from orgsync.errors import OrgsyncError, PlanRefused
from orgsync.explain import attributes
from orgsync.finding import Finding, Position, Severity
from orgsync.plan import Guard, Plan, Target, digest_of, digest_of_resources, open_plan, save, seal, to_json
from orgsync.resources import Fields, Kind
from orgsync.seal import Judged, seen
from orgsync.seal import seal as seal_judged
from tests.organizations import (
    EVERY_FIELD,
    TARGET,
    create,
    delete,
    empty,
    plan_of,
    sample,
    snapshot,
    update,
    wanted,
)

ACCESS = AccessDiff(
    groups=(
        AccessGroup(
            gain=True,
            privileged=True,
            roles=("r",),
            privileges=(Shift(object="lead", action="read", scope="unit", other="own"),),
            privilege_count=1,
            units={"u": 1},
            unit_count=1,
            users=("p@x",),
            user_count=1,
            causes=("role/r",),
        ),
    ),
    gaining=1,
    privileged=1,
    more_losses=2,
    as_declared=True,
)
MOVE = replace(
    update("unit/u", {"parent": "a", "roles": ["r"]}, {"parent": None, "roles": ["r", "s"]}),
    waits_for=("unit/b",),
    remote_id="17",
    reason="because",
)
PLAN = seal(
    plan_of(
        [
            create("unit/b", name="B", roles=[], description=None),
            MOVE,
            replace(update("unit/u", {"name": "a"}, {"name": "u~renaming"}), id="unit/u" + RELEASE),
            update("role/r", {"privileges": {"lead": {"read": "own"}}}, {"privileges": {"lead": {"read": "unit"}}}),
        ],
        withheld=(delete("unit/c", name="C"),),
        risky=frozenset({"unit/u", "unit/c"}),
        effects=(Effect(cause="unit/u", summary="it drops", drops=("grant/u/p@x/r",)),),
        guards=(Guard(name="protected", text="protected: unit/u", violated=True, accepted=True),),
        findings=(
            Finding(code="a", summary="b", position=Position(file="units/x.yaml", line=3, column=5)),
            Finding(code="c", severity=Severity.INFO, summary="d", detail="e", remedy="f", address="unit/u"),
        ),
        settings={"prune": ["unit"], "safety": {"allowance": 3}},
        seen={"unit/u": {"name": "a", "roles": []}, "unit/c": {"parent": None}},
        roles={"role/r": {"privileged": True, "includes": ["s"]}},
        contents="c" * 64,
        origins={"unit/u": "units/x.yaml:3:5"},
        names={"unit/u": "Sales – Süd"},
        bound={"role/seat": "Seat"},
        seats=(118, 120),
        access=ACCESS,
        live={"unit": 3},
    )
)


def saved(plan: Plan, folder: Path) -> Path:
    save(plan, folder / "plan.json", attributes)
    return folder / "plan.json"


def test_a_saved_plan_opens_as_it_was(tmp_path: Path) -> None:
    assert open_plan(saved(PLAN, tmp_path), attributes) == PLAN


def test_an_empty_plan_opens_as_it_was(tmp_path: Path) -> None:
    plan = seal(plan_of([]))
    opened = open_plan(saved(plan, tmp_path), attributes)
    assert opened == plan
    assert opened.empty
    assert opened.summary == {"create": 0, "update": 0, "delete": 0, "withheld": 0}


@pytest.mark.parametrize(("kind", "name"), EVERY_FIELD)
def test_absent_empty_and_listed_stay_apart_in_a_file(kind: Kind, name: str, tmp_path: Path) -> None:
    address = {Kind.MEMBERSHIP: "membership/u/p@x", Kind.GRANT: "grant/u/p@x/r"}.get(kind, f"{kind}/x")
    for before, after in (({}, {name: empty(kind, name)}), ({name: empty(kind, name)}, {name: sample(kind, name)})):
        plan = seal(plan_of([update(address, before, after)]))
        (change,) = open_plan(saved(plan, tmp_path), attributes).changes
        assert (change.before, change.after) == (before, after)


def test_a_summary_counts_a_resource_once_although_it_gives_its_name_up_first() -> None:
    assert PLAN.summary == {"create": 1, "update": 2, "delete": 0, "withheld": 1}


def test_saving_again_gives_the_same_bytes(tmp_path: Path) -> None:
    first = saved(PLAN, tmp_path).read_bytes()
    assert saved(open_plan(tmp_path / "plan.json", attributes), tmp_path).read_bytes() == first


Steps = tuple[str | int, ...]


def paths(value: Any, at: Steps = ()) -> Iterator[Steps]:
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield from paths(item, (*at, name))


def edits(value: Any) -> Iterator[tuple[str, Any]]:
    """The document with one member changed, taken out, or put in, at every path there is."""
    for path in paths(value):
        for label, edit in (("changed", _other), ("grown", _grown)):
            edited = copy.deepcopy(value)
            target, last = _inside(edited, path)
            old = edited if last is None else target[last]
            if (new := edit(old)) != old or type(new) is not type(old):
                if last is None:
                    edited = new
                else:
                    target[last] = new
                yield f"{'.'.join(map(str, path))} {label}", edited
        if path:
            edited = copy.deepcopy(value)
            target, last = _inside(edited, path)
            del target[last]
            yield f"{'.'.join(map(str, path))} taken out", edited


def _inside(value: Any, path: Steps) -> tuple[Any, Any]:
    for step in path[:-1]:
        value = value[step]
    return value, path[-1] if path else None


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return "x" if value is None else None


def _grown(value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, "another": "member"}
    return [*value, "another"] if isinstance(value, list) else value


def test_every_single_edited_member_is_refused(tmp_path: Path) -> None:
    path = saved(PLAN, tmp_path)
    value = json.loads(path.read_bytes())
    tried = 0
    for label, edited in edits({name: part for name, part in value.items() if name != "signature"}):
        path.write_bytes(_canonical(edited if edited is None else {**edited, "signature": value["signature"]}))
        with pytest.raises(PlanRefused):
            pytest.fail(f"accepted: {open_plan(path, attributes)} after {label}")
        tried += 1
    assert tried > 400
    path.write_bytes(_canonical(value))
    assert open_plan(path, attributes) == PLAN


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_member_that_stands_twice_is_refused_although_the_last_one_counts(tmp_path: Path) -> None:
    path = saved(PLAN, tmp_path)
    path.write_bytes(b'{"revision":"another",' + path.read_bytes()[1:])
    with pytest.raises(PlanRefused, match="edited"):
        open_plan(path, attributes)


@pytest.mark.parametrize("version", [0, 1, 2, 4, "3", None, True])
def test_another_format_version_is_refused(version: object, tmp_path: Path) -> None:
    path = saved(PLAN, tmp_path)
    path.write_bytes(_canonical({**json.loads(path.read_bytes()), "formatVersion": version}))
    with pytest.raises(PlanRefused):
        open_plan(path, attributes)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b'"plan"',
        b"{",
        b"\xff\xfe\x00",
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"formatVersion":3,"a":' + b"[" * 100_000,
        b'{"formatVersion":3,"a":' + b"9" * 10_000 + b"}",
        b'{"formatVersion":3}',
        b'{"formatVersion":3,"target":1}',
        b'{"formatVersion":3,"target":"\\ud800"}',
        b"NaN",
    ],
    ids=lambda content: repr(content[:24]),
)
def test_garbage_is_refused_as_a_plan(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(PlanRefused) as caught:
        open_plan(path, attributes)
    assert "orgsync plan" in caught.value.remedy


def test_values_nested_deeper_than_anyone_nests_them_are_refused_as_a_plan(tmp_path: Path) -> None:
    path = saved(PLAN, tmp_path)
    deep = "[" * 600 + "]" * 600
    path.write_bytes(path.read_bytes().replace(b'"unit/u#release"', deep.encode(), 1))
    with pytest.raises(PlanRefused):
        open_plan(path, attributes)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(OrgsyncError, match=r"plan\.json"):
        open_plan(tmp_path / "plan.json", attributes)


SAME_CHANGE = {
    "revision": "def+dirty",
    "origins": {"unit/u": "units/y.yaml:1:1"},
    "findings": (),
    "names": {},
    "guards": (),
    "seats": None,
    "live": {},
    "journal": "1:" + "a" * 64,
}
"""What may differ between two plans of the same change: where it is written down, and how it is shown or judged."""

OTHER_CHANGE = {
    "target": Target(name="demo", adapter="memory", identity="production"),
    "changes": PLAN.changes[:-1],
    "withheld": (),
    "risky": frozenset[str](),
    "effects": (),
    "access": replace(ACCESS, gaining=2),
    "settings": {"prune": []},
    "seen": {"unit/u": {"name": "a", "roles": ["r"]}},
    "roles": {},
    "contents": "d" * 64,
    "bound": {},
    "as_of": "2027-01-31",
    "undoes": "7b1ec09",
}


@pytest.mark.parametrize("name", SAME_CHANGE)
def test_the_change_digest_is_the_same_wherever_the_change_is_written_down(name: str) -> None:
    other = seal(replace(PLAN, **{name: SAME_CHANGE[name]}))  # type: ignore[arg-type]
    assert other.change_digest == PLAN.change_digest
    assert other.digest != PLAN.digest


@pytest.mark.parametrize("name", OTHER_CHANGE)
def test_the_change_digest_covers_what_is_done_to_which_system_from_which_state(name: str) -> None:
    other = seal(replace(PLAN, **{name: OTHER_CHANGE[name]}))  # type: ignore[arg-type]
    assert other.change_digest != PLAN.change_digest
    assert other.digest != PLAN.digest


def test_every_member_is_covered_by_one_of_the_two_tests_above() -> None:
    named = {*SAME_CHANGE, *OTHER_CHANGE}
    assert named == set(Plan.__dataclass_fields__) - {"digest", "change_digest", "signature"}


@pytest.mark.parametrize("part", ["name", "adapter", "identity"])
def test_each_part_of_the_target_is_covered(part: str) -> None:
    assert seal(replace(PLAN, target=replace(TARGET, **{part: "x"}))).change_digest != PLAN.change_digest


def test_the_published_shape_says_summary_and_attributes() -> None:
    value = to_json(PLAN, attributes)
    assert value["summary"]["withheld"] == 1
    assert value["changes"][3]["attributes"] == [{"path": "privileges.lead.read", "before": "own", "after": "unit"}]
    assert [change["risky"] for change in value["changes"]] == [False, True, False, False]


def judged(*changes: Any) -> Judged:
    return Judged(changes=changes, withheld=(), risky=frozenset(), effects=(), guards=(), findings=())


def sealed(desired: Any, live: Any, *changes: Any) -> Plan:
    return seal_judged(
        judged(*changes),
        desired,
        live,
        contents="c" * 64,
        target=TARGET,
        revision="r",
        settings={},
        origins={},
        bound={},
        roles={},
        access=NO_ACCESS,
    )


def test_a_plan_keeps_what_it_saw_of_all_that_is_touched_or_referred_to_and_of_nothing_else() -> None:
    live: dict[str, Fields] = {
        "unit/u": {"parent": "a"},
        "unit/a": {"name": "A"},
        "unit/b": {"name": "B"},
        "unit/z": {"name": "Z"},
    }
    change = update("unit/u", {"parent": "a"}, {"parent": "b"})
    kept = seen([change, create("unit/new", parent="b")], snapshot(live))
    assert kept == {address: live[address] for address in ("unit/a", "unit/b", "unit/u")}


def test_a_plan_names_what_it_speaks_of_and_counts_what_lives() -> None:
    live = snapshot({"unit/u": {"name": "Sales Team"}, "user/p@x": {"name": None}, "role/r": {"name": "r"}})
    plan = sealed(wanted({}), live, create("grant/u/p@x/r"))
    assert plan.names == {"unit/u": "Sales Team"}
    assert {kind: count for kind, count in plan.live.items() if count} == {"unit": 1, "user": 1, "role": 1}


def test_contents_cover_what_is_declared_and_what_is_managed() -> None:
    one = digest_of_resources({"unit/u": {}}, {"unit/u"})
    assert digest_of_resources({"unit/u": {}}, ()) != one
    assert digest_of_resources({"unit/u": {"name": "U"}}, {"unit/u"}) != one
    assert digest_of_resources({"unit/u": {}}, {"unit/u"}) == one


TEXTS = st.sampled_from(["", "a", "b", "\0", "a\0b", "\0a", '["a"]', "null", '"', "\\ud800", "\ud800", "ü"])
VALUES = st.none() | st.booleans() | st.integers(0, 1) | TEXTS | st.lists(TEXTS, max_size=2)
FIELDS = st.dictionaries(st.sampled_from(["until", "reason", "a"]), VALUES | st.dictionaries(TEXTS, TEXTS, max_size=2))
DECLARED = st.tuples(st.dictionaries(TEXTS, FIELDS, max_size=4), st.frozensets(TEXTS, max_size=2))


@given(DECLARED, DECLARED)
def test_only_equal_declarations_have_the_same_digest(
    one: tuple[dict[str, Fields], frozenset[str]], other: tuple[dict[str, Fields], frozenset[str]]
) -> None:
    """As with the slow digest: that of one JSON text with everything in it."""
    slow = [digest_of([resources, sorted(managed)]) for resources, managed in (one, other)]
    assert (digest_of_resources(*one) == digest_of_resources(*other)) == (slow[0] == slow[1])


@given(DECLARED, st.randoms(use_true_random=False))
def test_the_digest_of_a_declaration_knows_no_order(
    declared: tuple[dict[str, Fields], frozenset[str]], by: Any
) -> None:
    def shuffled(value: Any) -> Any:
        items = list(value.items())
        by.shuffle(items)
        return {name: shuffled(item) if isinstance(item, dict) else item for name, item in items}

    assert digest_of_resources(shuffled(declared[0]), declared[1]) == digest_of_resources(*declared)


@given(TEXTS, TEXTS, TEXTS)
def test_no_text_of_a_declaration_passes_for_that_of_its_neighbour(one: str, two: str, three: str) -> None:
    def digest(*reasons: str) -> str:
        return digest_of_resources({f"membership/u/{at}": {"reason": text} for at, text in enumerate(reasons)}, ())

    assert (digest(one, two) == digest(three, one)) == ((one, two) == (three, one))
    assert (digest(one + two, three) == digest(one, two + three)) == ((one + two, three) == (one, two + three))

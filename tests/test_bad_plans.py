"""Plan files that somebody tampered with: edited, cut off, or sealed again by someone who knows how that is done.

Every leaf of a plan that has a bit of everything is tried alone. Three walls are asked: the plan's own digests, the
digest that was reviewed (``apply --expect-digest``) or the signature, and the target itself before the first call.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from orgsync import plan as plans
from orgsync.change import RELEASE, Effect
from orgsync.errors import OrgsyncError, PlanRefused, StalePlan
from orgsync.explain import attributes
from orgsync.finding import Finding, Position, Severity
from orgsync.plan import Guard, Plan, Target, open_plan, save, seal
from orgsync.signing import check_signature, signed
from tests.figures import record
from tests.organizations import create, delete, plan_of, update
from tests.repository import applied, edit, planned, repository

_KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
PRIVATE = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

RICH = signed(
    seal(
        plan_of(
            [
                create("business-unit/west", name="West", parent="main"),
                replace(update("unit/u", {"name": "A"}, {"name": "u~renaming"}), id="unit/u" + RELEASE),
                replace(
                    update("unit/u", {"name": "A", "roles": ["r"]}, {"name": "B", "roles": ["r", "s"]}),
                    waits_for=("business-unit/west", "unit/u" + RELEASE),
                    remote_id="17",
                    reason="was unit/v",
                ),
                update("role/r", {"privileges": {"lead": {"read": "own"}}}, {"privileges": {"lead": {"read": "unit"}}}),
                create("membership/u/p@example.com", until="2027-01-01", reason="Stands in"),
                create("grant/u/p@example.com/r", until=None),
                replace(delete("grant/u/q@example.com/r", until=None), remote_id="4", reason="ended on 2026-10-01"),
                update("user/p@example.com", {"active": False}, {"active": True}),
            ],
            withheld=(replace(delete("unit/c", name="C"), reason="prune does not name unit for this target"),),
            risky=frozenset({"grant/u/q@example.com/r", "unit/c"}),
            effects=(Effect(cause="unit/u", summary="it drops", drops=("grant/u/p@example.com/s",)),),
            guards=(
                Guard(name="protected", text="protected: unit/u", violated=True, accepted=True),
                Guard(name="grant-removals", text="removals 1 of 2 grants"),
            ),
            findings=(
                Finding(code="a", summary="b", position=Position(file="units/x.yaml", line=3, column=5)),
                Finding(code="c", severity=Severity.INFO, summary="d", detail="e", remedy="f", address="unit/u"),
            ),
            settings={"prune": ["unit"], "runsAs": None, "safety": {"allowance": 3, "removals": {"share": 0.25}}},
            seen={"unit/u": {"name": "A", "roles": ["r"]}, "role/r": {"privileged": True}},
            roles={"role/r": {"privileged": True, "includes": ["s"], "holders": {"min": 1}}},
            contents="c" * 64,
            origins={"unit/u": "units/x.yaml:3:5"},
            names={"unit/u": "Sales – Süd"},
            bound={"role/seat": "Seat"},
            seats=(118, 120),
            live={"unit": 3},
            undoes="7b1ec09a",
            journal="41:" + "7b" * 32,
        )
    ),
    PRIVATE,
)
OUTSIDE = {"digest", "changeDigest", "signature", "summary"}
"""Members that are made from the others, or vouch for them."""

Way = tuple[str | int, ...]


def leaves(value: Any, at: Way = ()) -> Iterator[Way]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield from leaves(item, (*at, name))
    if not isinstance(value, (dict, list)) or not value:
        yield at


def members(value: Any, at: Way = ()) -> Iterator[Way]:
    """Everything that stands in something else."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield (*at, name)
        yield from members(item, (*at, name))


def at(value: Any, way: Way) -> Any:
    for step in way:
        value = value[step]
    return value


def changed(value: Any, way: Way, edit_: Callable[[Any, Any], None]) -> Any:
    """A copy in which ``edit_`` was given what holds the last step, and that step."""
    edited = copy.deepcopy(value)
    edit_(at(edited, way[:-1]), way[-1])
    return edited


def others(value: Any) -> list[Any]:
    """What a leaf might be made into: of the same type, of none, of another."""
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, (int, float)):
        return [value + 1, -value or 1, None]
    if isinstance(value, str):
        return [value + "x", value[1:] or "y", None]
    return ["x", 1, ["x"]] if value is None else ["x", None]


def put(new: Any) -> Callable[[Any, Any], None]:
    def edit_(holder: Any, name: Any) -> None:
        holder[name] = new

    return edit_


def taken_out(holder: Any, name: Any) -> None:
    del holder[name]


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def shuffled(value: Any) -> Any:
    """The same members, the other way round."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in sorted(value, reverse=True)}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


def edits(document: Any) -> Iterator[tuple[str, Any]]:
    for way in leaves(document):
        for new in others(at(document, way)):
            yield f"{way} is {new!r}", changed(document, way, put(new))
    for way in members(document):
        yield f"{way} taken out", changed(document, way, taken_out)
        if isinstance(at(document, way), dict):
            yield f"{way} grown", changed(document, (*way, "another"), put("member"))
        if isinstance(at(document, way), list):
            yield f"{way} grown", changed(document, way, put([*at(document, way), "another"]))
            if at(document, way)[::-1] != at(document, way):
                yield f"{way} turned round", changed(document, way, put(at(document, way)[::-1]))
    yield "grown", {**document, "another": "member"}


def damaged(content: bytes) -> Iterator[tuple[str, bytes]]:
    text, document = content.decode(), json.loads(content)
    for length in range(0, len(content) - 1, 64):
        yield f"cut off after {length}", content[:length]
    for name in document:
        twice = json.dumps(name) + ":" + canonical(document[name]).decode()
        yield f"{name} twice", f"{{{twice},{text[1:]}".encode()
        yield f"{name} twice, at the end", f"{text.rstrip()[:-1]},{twice}}}".encode()
    for version in (0, 1, 2, 4, "3", None, True, 3.0):
        yield f"version {version!r}", canonical({**document, "formatVersion": version})
    yield "the other way round", json.dumps(shuffled(document), separators=(",", ":"), ensure_ascii=False).encode()
    yield "with spaces", json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    yield "escaped", json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    yield "with a mark", b"\xef\xbb\xbf" + content
    yield "in another encoding", text.encode("utf-16")
    yield "two of them", content + content
    yield "in a list", b"[" + content.strip() + b"]"


def refused(path: Path, content: bytes) -> bool:
    """Any other error than PlanRefused fails the test."""
    path.write_bytes(content)
    try:
        opened = open_plan(path, attributes)
        check_signature(opened, [PUBLIC])
    except PlanRefused:
        return True
    return False


def opens(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        open_plan(path, attributes)
    except PlanRefused:
        return False
    return True


def written(plan: Plan, folder: Path) -> tuple[Path, bytes]:
    save(plan, folder / "plan.json", attributes)
    return folder / "plan.json", (folder / "plan.json").read_bytes()


def test_a_plan_file_with_any_one_thing_edited_is_refused(tmp_path: Path) -> None:
    path, content = written(RICH, tmp_path)
    document = json.loads(content)
    tried = [(label, canonical(edited)) for label, edited in edits(document)]
    tried += damaged(content)
    through = [
        label for label, bad in tried if (not refused(path, bad) if "'signature'" in label else opens(path, bad))
    ]
    record("bad plan files", "edited", tried=len(tried), unexplained=len(through))
    assert through == []
    assert len(tried) > 1000
    assert not refused(path, content)


def resealed(document: Any, path: Path) -> Plan | None:
    """What an attacker makes who recomputes both digests and all that is derived; None where it is no plan any more."""
    try:
        forged = seal(plans._from_json(document))
        save(forged, path, attributes)
        return open_plan(path, attributes)
    except (PlanRefused, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None


def test_a_plan_that_was_sealed_again_is_not_the_one_that_was_reviewed_or_signed(tmp_path: Path) -> None:
    path, content = written(RICH, tmp_path)
    document = json.loads(content)
    tried, unreviewed, unsigned = 0, [], []
    for label, edited in edits(document):
        forged = resealed(edited, path)
        if forged is None or path.read_bytes() == content:  # no plan, or only what is derived from the rest
            continue
        tried += 1
        part = label[2:].partition("'")[0]
        if part in plans._REVIEWED and RICH.change_digest in {forged.change_digest, forged.digest}:
            unreviewed.append(label)
        if not refused(path, path.read_bytes()):
            unsigned.append(label)
    record("bad plan files", "sealed again", tried=tried, unexplained=len({*unreviewed, *unsigned}))
    assert unreviewed == []
    assert unsigned == []
    assert tried > 300


# --- the target itself


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repository(tmp_path)
    applied(tmp_path, planned(tmp_path))
    edit(tmp_path, "name: Sales Team", "name: Revenue Team")
    edit(tmp_path, "  - user: ana@example.com\n", "")
    return tmp_path


def _other_target(plan: Plan) -> Plan:
    return replace(plan, target=Target(name="other", adapter="local", identity=plan.target.identity))


def _other_identity(plan: Plan) -> Plan:
    return replace(plan, target=replace(plan.target, identity="sqlite:///.orgsync/other.db"))


def _unknown_target(plan: Plan) -> Plan:
    return replace(plan, target=replace(plan.target, name="production"))


def _other_settings(plan: Plan) -> Plan:
    return replace(plan, settings={**plan.settings, "prune": []})


def _no_settings(plan: Plan) -> Plan:
    return replace(plan, settings={})


def _other_seen(plan: Plan) -> Plan:
    return replace(plan, seen={**plan.seen, "unit/sales": {**plan.seen["unit/sales"], "type": "team"}})


def _more_seen(plan: Plan) -> Plan:
    return replace(plan, seen={**plan.seen, "unit/nowhere": {"name": "Nowhere"}})


def _journal(head: str) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, journal=head)


def _other_before(plan: Plan) -> Plan:
    changes = [
        replace(one, before={**one.before, "name": "X"}) if one.before and "name" in one.before else one
        for one in plan.changes
    ]
    return replace(plan, changes=tuple(changes))


def _other_terms(plan: Plan) -> Plan:
    changes = [
        replace(one, before={**one.before, "until": "2030-01-01"}) if one.before and "until" in one.before else one
        for one in plan.changes
    ]
    return replace(plan, changes=tuple(changes))


def _nowhere(plan: Plan) -> Plan:
    return replace(plan, changes=(*plan.changes, update("unit/nowhere", {"name": "A"}, {"name": "B"})))


def _dangling(plan: Plan) -> Plan:
    return replace(plan, changes=(*plan.changes, create("grant/sales/ben@example.com/nothing", until=None)))


def _existing(plan: Plan) -> Plan:
    return replace(plan, changes=(*plan.changes, create("role/rep", name="Another")))


FORGERIES: dict[str, tuple[Callable[[Plan], Plan], type[OrgsyncError]]] = {
    "another target": (_other_target, PlanRefused),
    "another identity": (_other_identity, PlanRefused),
    "an unknown target": (_unknown_target, OrgsyncError),
    "other settings": (_other_settings, PlanRefused),
    "no settings": (_no_settings, PlanRefused),
    "other live fields": (_other_seen, StalePlan),
    "something that never lived": (_more_seen, StalePlan),
    "a journal that is longer": (_journal("9999:" + "a" * 64), PlanRefused),
    "a journal that was rewritten": (_journal("1:" + "a" * 64), PlanRefused),
    "a journal with half a hash": (_journal("1:a"), PlanRefused),
    "a journal without a hash": (_journal("1"), PlanRefused),
    "a journal without a number": (_journal("x:" + "a" * 64), PlanRefused),
    "no journal to speak of": (_journal(":"), PlanRefused),
    "another former name": (_other_before, StalePlan),
    "other former terms": (_other_terms, StalePlan),
    "a change to nothing": (_nowhere, StalePlan),
    "a grant of nothing": (_dangling, StalePlan),
    "a creation of what is there": (_existing, StalePlan),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_plan_stops_before_the_first_call_to_the_crm(root: Path, forgery: str) -> None:
    forge, error = FORGERIES[forgery]
    forged = seal(forge(planned(root)))
    crm = (root / ".orgsync" / "demo.db").read_bytes()
    save(forged, root / "plan.json", attributes)
    opened = open_plan(root / "plan.json", attributes)
    stopped = False
    try:
        applied(root, opened)
    except error:
        stopped = True
    finally:
        untouched = (root / ".orgsync" / "demo.db").read_bytes() == crm
        elsewhere = (root / ".orgsync" / "other.db").exists()
        record("bad plan files", forgery, unexplained=int(not stopped or not untouched or elsewhere))
    assert stopped
    assert untouched
    assert not elsewhere


def test_the_same_plan_unforged_is_applied(root: Path) -> None:
    assert applied(root, planned(root)).complete

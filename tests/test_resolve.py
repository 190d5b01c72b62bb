"""From documents to the desired organization: three states kept apart, and all that one document cannot show."""

from datetime import date
from pathlib import Path

import pytest

from orgsync import resolve as module
from orgsync.documents import check
from orgsync.finding import Finding
from orgsync.load import Document as Loaded
from orgsync.load import Repository, parse
from orgsync.resolve import resolve
from orgsync.resources import FIELDS, Kind, Organization, Shape

TODAY = date(2026, 11, 1)
COMPANY = "{apiVersion: orgsync/v1, kind: BusinessUnit, key: company, name: Company}"
HEADS = {
    Kind.BUSINESS_UNIT: "apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: x\nname: X\n",
    Kind.FUNCTION: "apiVersion: orgsync/v1\nkind: Function\nkey: x\nname: X\n",
    Kind.ROLE: "apiVersion: orgsync/v1\nkind: Role\nkey: x\nname: X\n",
    Kind.UNIT: "apiVersion: orgsync/v1\nkind: Unit\nkey: x\nname: X\nbusinessUnit: company\n",
}
UNIT = HEADS[Kind.UNIT] + "owner: o@example.com\n"


def resolved(*units: str, roles: str = "") -> tuple[Organization, list[Finding]]:
    texts = {"units/a.yaml": "\n---\n".join([COMPANY, *units]).encode(), "roles/a.yaml": roles.encode()}
    documents = []
    for file, text in texts.items():
        values, faults = parse(text, file)
        assert faults == []
        documents += [Loaded(value=v, file=file, number=n) for n, v in enumerate(values) if isinstance(v, dict)]
    repository = Repository(root=Path(), documents=documents, texts=texts)
    checked, invalid = check(repository)
    assert invalid == []
    return resolve(checked, repository, today=TODAY)


def codes(findings: list[Finding]) -> list[str]:
    return [one.code for one in findings]


COLLECTIONS = [
    (kind, name)
    for kind in HEADS
    for name, spec in FIELDS[kind].items()
    if spec.shape in {Shape.REFS, Shape.REF_MAP, Shape.MAP} or name in {"workflows", "conflictsWith"}
]


@pytest.mark.parametrize(("kind", "name"), COLLECTIONS)
def test_an_absent_collection_is_not_an_empty_one(kind: Kind, name: str) -> None:
    def fields(line: str) -> object:
        text = HEADS[kind] + line
        organization, _ = resolved(text) if kind in {Kind.BUSINESS_UNIT, Kind.UNIT} else resolved(roles=text)
        return organization.resources[f"{kind}/x"].get(name, "absent")

    empty = "{}" if FIELDS[kind][name].shape in {Shape.REF_MAP, Shape.MAP} else "[]"
    nothing: object = {} if empty == "{}" else []
    assert fields("") == "absent"
    assert fields(f"{name}: {empty}\n") == nothing
    if (kind, name) != (Kind.FUNCTION, "privileges"):  # a function is its privileges: nothing is not among them
        assert fields(f"{name}:\n") == nothing


@pytest.mark.parametrize(
    ("kind", "name"), [(Kind.UNIT, "description"), (Kind.UNIT, "parent"), (Kind.UNIT, "review"), (Kind.UNIT, "type")]
)
def test_an_explicit_null_clears_and_an_absent_field_says_nothing(kind: Kind, name: str) -> None:
    assert name not in resolved(HEADS[kind])[0].resources[f"{kind}/x"]
    assert resolved(HEADS[kind] + f"{name}: null\n")[0].resources[f"{kind}/x"][name] is None


def test_assignments_that_are_not_stated_leave_a_unit_unmanaged() -> None:
    assert resolved(UNIT)[0].managed == frozenset()
    for stated in ("assignments: []\n", "assignments:\n"):
        assert resolved(UNIT + stated)[0].managed == {"unit/x"}


def test_logins_are_compared_without_case() -> None:
    organization, findings = resolved(UNIT + "assignments: [{user: Ana.Kim@Example.com}]\n")
    assert findings == []
    assert "membership/x/ana.kim@example.com" in organization.resources
    assert "user/ana.kim@example.com" in organization.resources


@pytest.mark.parametrize(("until", "desired"), [("2026-10-31", False), ("2026-11-01", True), ("2026-11-02", True)])
def test_until_is_inclusive(until: str, desired: bool) -> None:  # noqa: FBT001
    organization, findings = resolved(UNIT + f"assignments: [{{user: a@example.com, until: {until}}}]\n")
    assert ("membership/x/a@example.com" in organization.resources) is desired
    assert ("user/a@example.com" in organization.resources) is desired
    assert codes(findings) == ([] if desired else ["expired-assignment"])
    assert organization.managed == {"unit/x"}


def test_a_former_key_is_a_former_address() -> None:
    organization, _ = resolved(UNIT + "previously: [sales, unit/older]\n")
    assert organization.previously == {"unit/x": ("unit/sales", "unit/older")}


def test_a_key_that_is_used_twice_names_both_places() -> None:
    _, findings = resolved(UNIT, UNIT.replace("name: X", "name: Y"))
    assert codes(findings) == ["duplicate-resource"]
    assert str(findings[0].position) == "units/a.yaml:13:6"
    assert "units/a.yaml:3:1" in findings[0].detail


ROLES = """
{apiVersion: orgsync/v1, kind: Role, key: boss, name: Boss, privileged: true}
---
{apiVersion: orgsync/v1, kind: Role, key: chief, name: Chief, includes: [boss]}
---
{apiVersion: orgsync/v1, kind: Role, key: payer, name: Payer, conflictsWith: [approver]}
---
{apiVersion: orgsync/v1, kind: Role, key: approver, name: Approver}
---
{apiVersion: orgsync/v1, kind: Role, key: checker, name: Checker, includes: [approver]}
"""
SECOND = UNIT.replace("key: x", "key: y").replace("name: X", "name: Y")


def test_a_privileged_role_needs_terms_through_inclusion_and_unit_roles_too() -> None:
    for text in (
        UNIT + "assignments: [{user: a@example.com, roles: [chief]}]\n",
        UNIT + "roles: [chief]\nassignments: [{user: a@example.com}]\n",
    ):
        assert codes(resolved(text, roles=ROLES)[1]) == ["privileged-without-terms"]
    text = UNIT + "assignments: [{user: a@example.com, roles: [chief], until: 2029-01-01, reason: Lead}]\n"
    assert resolved(text, roles=ROLES)[1] == []


def test_conflicts_are_seen_across_units_and_through_inclusion() -> None:
    first = UNIT + "assignments: [{user: a@example.com, roles: [payer]}]\n"
    second = (
        SECOND + "assignments: [{user: a@example.com, roles: [checker]}, {user: b@example.com, roles: [checker]}]\n"
    )
    _, findings = resolved(first, second, roles=ROLES)
    assert codes(findings) == ["conflicting-roles"]
    assert "a@example.com would hold both approver and payer" in findings[0].detail


def test_numbers_of_holders_count_people_once_and_through_inclusion() -> None:
    roles = ROLES.replace("name: Approver}", "name: Approver, holders: {min: 2, max: 2}}")
    members = "assignments: [{user: a@example.com, roles: [approver, checker]}, {user: b@example.com, roles: [checker]}"
    assert resolved(UNIT + members + "]\n", roles=roles)[1] == []
    more = members + ", {user: c@example.com, roles: [approver]}]\n"
    assert codes(resolved(UNIT + more, roles=roles)[1]) == ["too-many-holders"]
    assert codes(resolved(UNIT + "assignments: []\n", roles=roles)[1]) == ["too-few-holders"]
    assert resolved(UNIT, roles=roles)[1] == [], "nobody knows who is in a unit that lists no one"


def test_every_ring_is_found_once() -> None:
    def ring(a: str, b: str) -> list[str]:
        return [
            UNIT.replace("key: x", f"key: {one}").replace("name: X", f"name: {one}") + f"parent: {other}\n"
            for one, other in ((a, b), (b, a))
        ]

    _, findings = resolved(*ring("a", "b"), *ring("c", "d"))
    assert [(one.code, one.detail) for one in findings] == [
        ("parent-ring", "a → b → a"),
        ("parent-ring", "c → d → c"),
    ]


def test_thousands_of_unknown_references_are_told_without_comparing_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def suggest(word: str, _known: object) -> str:
        asked.append(word)
        return ""

    monkeypatch.setattr(module, "suggestion", suggest)
    members = ", ".join(f"{{user: p{number}@example.com, roles: [role-{number}]}}" for number in range(5000))
    _, findings = resolved(UNIT + f"assignments: [{members}]\n")
    assert len(findings) == 5000
    assert len(asked) == 200

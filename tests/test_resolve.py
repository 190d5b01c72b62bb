"""From documents to the desired organization: three states kept apart, and all that one document cannot show."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync import resolve as module
from orgsync.documents import check
from orgsync.finding import Finding
from orgsync.load import Checked, Repository, load, parse
from orgsync.load import Document as Loaded
from orgsync.policy import declared_state, holding
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


def read_in(*units: str, roles: str = "") -> Repository:
    texts = {"units/a.yaml": "\n---\n".join([COMPANY, *units]).encode(), "roles/a.yaml": roles.encode()}
    documents = []
    for file, text in texts.items():
        values, faults = parse(text, file)
        assert {one.code for one in faults} <= {"empty-document"}
        documents += [Loaded(value=v, file=file, number=n) for n, v in enumerate(values) if isinstance(v, dict)]
    return Repository(root=Path(), documents=documents, texts=texts)


def resolved(*units: str, roles: str = "") -> tuple[Organization, list[Finding]]:
    repository = read_in(*units, roles=roles)
    checked, invalid = check(repository)
    assert invalid == []
    return judged(checked, repository)


def judged(checked: list[Checked], repository: Repository) -> tuple[Organization, list[Finding]]:
    """With what is said about who holds what."""
    desired, findings = resolve(checked, repository, today=TODAY)
    sound = not repository.unread and len(checked) == len(repository.documents)
    state = declared_state(desired, repository.position, sound=sound, today=TODAY)
    return desired, [*findings, *holding.conflicts(state), *holding.terms(state), *holding.numbers(state)]


def told(root: Path, **files: str) -> list[str]:
    """The codes of all findings about files, where a double underscore stands for a slash."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    repository = load(root)
    checked, invalid = check(repository)
    return codes([*repository.findings, *invalid, *judged(checked, repository)[1]])


@pytest.mark.parametrize("broken", ["kind: [\n", "- kind: Role\n  key: clerk\n", "key: *clerk\n"])
def test_what_may_stand_in_a_broken_file_is_not_missed(tmp_path: Path, broken: str) -> None:
    boss = HEADS[Kind.ROLE] + "includes: [clerk]\nfunctions: {work: own}\nholders: {min: 2}\n"
    unit = UNIT + "parent: head\nroles: [clerk]\nassignments: [{user: a@example.com, roles: [clerk]}]\n"
    files = {"units__a": unit, "roles__a": boss}
    alone = {"unknown-business-unit", "unknown-unit", "unknown-role", "unknown-function", "too-few-holders"}
    assert set(told(tmp_path, **files)) == alone
    fault, *rest = told(tmp_path, **files, roles__broken=broken)
    assert fault in {"yaml-syntax", "not-a-document", "unknown-alias"}
    assert rest == ["checks-wait"]


def test_what_a_broken_file_cannot_mend_is_told_at_once(tmp_path: Path) -> None:
    twice = UNIT + "assignments: [{user: a@example.com}, {user: a@example.com}]\n"
    found = told(tmp_path, units__a=twice, units__b="kind: [\n")
    assert found == ["yaml-syntax", "duplicate-assignment", "checks-wait"]


def test_a_faulty_unit_is_no_reason_to_miss_holders(tmp_path: Path) -> None:
    role = HEADS[Kind.ROLE] + "holders: {min: 1}\n"
    unit = UNIT + "assignments: [{user: a@example.com, roles: [x], untli: never}]\n"
    assert told(tmp_path, units__a=f"{COMPANY}\n---\n{unit}", roles__a=role) == ["unknown-field"]


def test_a_document_of_a_misspelled_kind_is_not_missed(tmp_path: Path) -> None:
    role = HEADS[Kind.ROLE].replace("Role", "Rolle")
    assert told(tmp_path, units__a=f"{COMPANY}\n---\n{UNIT}roles: [x]\n", roles__a=role) == ["unknown-kind"]


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


ROLE_HEAD = HEADS[Kind.ROLE]
UNIT_HEAD = HEADS[Kind.UNIT] + "owner: o@example.com\n"


@pytest.mark.parametrize(
    ("units", "roles", "code", "near"),
    [
        ([UNIT_HEAD.replace("Unit: company", "Unit: compny")], "", "unknown-business-unit", "company"),
        ([HEADS[Kind.BUSINESS_UNIT] + "parent: compny\n"], "", "unknown-business-unit", "company"),
        ([UNIT_HEAD + "parent: y\n", UNIT_HEAD.replace(": x", ": yy").replace(": X", ": Y")], "", "unknown-unit", ""),
        ([UNIT_HEAD + "roles: [chieff]\n"], ROLES, "unknown-role", "chief"),
        ([UNIT_HEAD + "assignments: [{user: a@example.com, roles: [payerr]}]\n"], ROLES, "unknown-role", "payer"),
        ([], ROLES + "---\n" + ROLE_HEAD + "includes: [aprover]\n", "unknown-role", "approver"),
        ([], ROLES + "---\n" + ROLE_HEAD + "conflictsWith: [aprover]\n", "unknown-role", "approver"),
        (
            [],
            HEADS[Kind.FUNCTION].replace("key: x", "key: lead-management")
            + "---\n"
            + ROLE_HEAD
            + "functions: {lead-managment: own}\n",
            "unknown-function",
            "lead-management",
        ),
    ],
)
def test_every_unknown_reference_is_told_once_with_what_may_be_meant(
    units: list[str], roles: str, code: str, near: str
) -> None:
    _, findings = resolved(*units, roles=roles)
    assert codes(findings) == [code]
    assert (f'did you mean "{near}"?' in findings[0].detail) is bool(near)


def test_a_reference_to_a_document_with_a_fault_of_its_own_is_not_told() -> None:
    units = b"apiVersion: orgsync/v1\nkind: Unit\nkey: x\nname: X\nbusinessUnit: company\nowner: o@example.com\n"
    broken = b"apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: company\ncolour: red\nname: C\n"
    texts = {"units/a.yaml": units, "units/b.yaml": broken}
    documents = []
    for file, text in texts.items():
        (value,), _ = parse(text, file)
        assert isinstance(value, dict)
        documents.append(Loaded(value=value, file=file, number=0))
    repository = Repository(root=Path(), documents=documents, texts=texts)
    checked, invalid = check(repository)
    assert codes(invalid) == ["unknown-field"]
    assert resolve(checked, repository, today=TODAY)[1] == []


def test_a_key_used_twice_across_files_names_both_places() -> None:
    texts = {f"units/{name}.yaml": UNIT.replace("name: X", f"name: {name}").encode() for name in "ab"}
    texts["units/c.yaml"] = COMPANY.encode()
    documents = []
    for file, text in texts.items():
        (value,), _ = parse(text, file)
        assert isinstance(value, dict)
        documents.append(Loaded(value=value, file=file, number=0))
    repository = Repository(root=Path(), documents=documents, texts=texts)
    (finding,) = resolve(check(repository)[0], repository, today=TODAY)[1]
    assert (finding.code, str(finding.position)) == ("duplicate-resource", "units/b.yaml:3:6")
    assert "units/a.yaml:1:1" in finding.detail


def test_a_conflict_points_at_what_adds_the_second_role_and_names_the_first() -> None:
    first = UNIT + "assignments: [{user: a@example.com, roles: [payer]}]\n"
    second = SECOND + "assignments: [{user: a@example.com, roles: [checker]}]\n"
    _, (finding,) = resolved(first, second, roles=ROLES)
    assert str(finding.position) == "units/a.yaml:18:45"
    assert finding.detail.endswith("the first comes from units/a.yaml:9:45")


def test_a_conflict_within_a_unit_points_at_the_member_and_within_a_role_at_the_role() -> None:
    _, (finding,) = resolved(UNIT + "roles: [payer, checker]\nassignments:\n  - user: a@example.com\n", roles=ROLES)
    assert str(finding.position) == "units/a.yaml:11:11"
    both = ROLES + "---\n{apiVersion: orgsync/v1, kind: Role, key: both, name: Both, includes: [payer, checker]}\n"
    _, (finding,) = resolved(UNIT + "assignments: [{user: a@example.com, roles: [both]}]\n", roles=both)
    assert str(finding.position) == "units/a.yaml:9:45"
    assert "the first" not in finding.detail


def test_everybody_in_conflict_is_told_once_per_pair() -> None:
    members = ", ".join(f"{{user: p{number}@example.com, roles: [payer, checker]}}" for number in range(3))
    _, findings = resolved(UNIT + f"assignments: [{members}]\n", roles=ROLES)
    assert codes(findings) == ["conflicting-roles"] * 3
    assert [one.address for one in findings] == [f"user/p{number}@example.com" for number in range(3)]


def test_an_ended_assignment_conflicts_with_nothing_and_counts_for_nobody() -> None:
    roles = ROLES.replace("name: Payer,", "name: Payer, holders: {max: 0},")
    text = UNIT + "assignments: [{user: a@example.com, roles: [payer, checker, boss], until: 2026-10-31}]\n"
    assert codes(resolved(text, roles=roles)[1]) == ["expired-assignment"]


@pytest.mark.parametrize("missing", ["until", "reason"])
def test_a_privileged_role_needs_both_terms_and_an_empty_one_is_none(missing: str) -> None:
    terms = {"until": "2029-01-01", "reason": "Lead"}
    for value in (None, "~", "''") if missing == "reason" else (None, "~"):
        given = {**terms, missing: value}
        written = "".join(f", {name}: {one}" for name, one in given.items() if one is not None)
        text = UNIT + f"assignments: [{{user: a@example.com, roles: [boss]{written}}}]\n"
        (finding,) = resolved(text, roles=ROLES)[1]
        assert finding.code == "privileged-without-terms"
        assert finding.remedy == f"add {missing}: to the assignment"


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_ring_of_any_length_is_one_finding_for_every_kind(size: int) -> None:
    keys = [f"k{number}" for number in range(size)]
    pairs = [*zip(keys, [*keys[1:], keys[0]], strict=True)]

    def ring(kind: Kind, line: str) -> list[str]:
        head = UNIT if kind is Kind.UNIT else HEADS[kind]
        return [
            head.replace("key: x", f"key: {key}").replace("name: X", f"name: {key}") + line.format(other)
            for key, other in pairs
        ]

    assert codes(resolved(*ring(Kind.UNIT, "parent: {}\n"))[1]) == ["parent-ring"]
    assert codes(resolved(*ring(Kind.BUSINESS_UNIT, "parent: {}\n"))[1]) == ["parent-ring"]
    assert codes(resolved(roles="---\n".join(ring(Kind.ROLE, "includes: [{}]\n")))[1]) == ["include-ring"]


def test_the_home_is_the_only_assignment_or_the_one_marked_so() -> None:
    text = "".join(
        HEADS[Kind.UNIT].replace("key: x", f"key: {key}").replace("name: X", f"name: {key}")
        + f"assignments:\n  - {{user: only-{key}@example.com}}\n  - {{user: both@example.com}}\n"
        + f"  - {{user: ana@example.com, primary: {'true' if key == 'y' else 'false'}}}\n---\n"
        for key in ("x", "y")
    )
    organization, _ = resolved(text)
    assert organization.primary == {
        "user/only-x@example.com": "x",
        "user/only-y@example.com": "y",
        "user/ana@example.com": "y",
    }


def assignments() -> st.SearchStrategy[str | None]:
    """With whatever can be doubted: twice the same person, ends, unknown roles, primaries, capitals, nulls."""
    user = st.sampled_from(["a@example.com", "b@example.com", "B@Example.com", "c@example.com", "d@example.com"])
    roles = st.lists(st.sampled_from(["boss", "chief", "payer", "unheard-of"]), max_size=3).map(
        lambda some: f"[{', '.join(some)}]"
    )
    fields = {
        "roles": st.none() | roles,
        "until": st.sampled_from([None, None, "null", "2026-10-31", "2026-11-01", "2029-01-01"]),
        "reason": st.sampled_from([None, None, "null", "''", "Cover", "Rota"]),
        "primary": st.sampled_from([None, None, None, None, "true", "false"]),
    }

    def written(user: str, stated: dict[str, str | None]) -> str:
        more = "".join(f", {name}: {value}" for name, value in stated.items() if value is not None)
        return f"{{user: {user}{more}}}"

    one = st.builds(written, user, st.fixed_dictionaries(fields))
    return st.none() | st.lists(one, max_size=4).map(lambda some: f"[{', '.join(some)}]")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(assignments(), st.booleans()), min_size=1, max_size=4))
def test_units_that_are_added_at_once_are_as_if_added_one_by_one(stated: list[tuple[str | None, bool]]) -> None:
    """The twin looks at each assignment by itself."""
    units = [
        HEADS[Kind.UNIT].replace("key: x", f"key: u{number}").replace("name: X", f"name: U{number}")
        + ("roles: [payer, approver]\n" if gives else "")
        + ("" if text is None else f"assignments: {text}\n")
        for number, (text, gives) in enumerate(stated)
    ]
    repository = read_in(*units, roles=ROLES)
    checked, invalid = check(repository)
    assert invalid == []

    def told() -> object:
        desired, findings = resolve(checked, repository, today=TODAY)
        places = {address: desired.sources.get(address) for address in desired.resources}
        others = (desired.managed, dict(desired.primary), [*desired.holdings().items()], places)
        return {address: dict(fields) for address, fields in desired.resources.items()}, others, findings

    found = told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_undoubted", lambda *_: False)
        assert told() == found


def test_a_unit_without_a_doubt_is_added_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above would be one of the twin with itself."""
    monkeypatch.setattr(module, "_add_one_by_one", None)
    text = UNIT + "assignments: [{user: a@example.com, roles: [boss], until: 2029-01-01}, {user: B@example.com}]\n"
    organization, _ = resolved(text, roles=ROLES)
    assert {address for address in organization.resources if "@" in address} == {
        *("user/a@example.com", "membership/x/a@example.com", "grant/x/a@example.com/boss"),
        *("user/b@example.com", "membership/x/b@example.com"),
    }

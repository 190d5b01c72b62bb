"""Folding into what a CRM can express; what is lost is said."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.adapters.memory import FLAT, FULL, ROLES_BY_NAME
from orgsync.finding import Severity
from orgsync.project import bound_names, project
from orgsync.resources import FIELDS, SCOPES, Fields, Json, Kind, Organization, named_of
from tests.organizations import ADDRESSES, EVERY_FIELD, bare, empty, organizations, sample, wanted

NO_FUNCTIONS = replace(FULL, kinds={kind: can for kind, can in FULL.kinds.items() if kind is not Kind.FUNCTION})
READ_OWN = ("read", "own")
UNITS = FULL.of(Kind.UNIT)
UNIT: dict[str, Fields] = {"unit/u": {"roles": ["r"]}}
PEOPLE: dict[str, Fields] = {"membership/u/p@x": {}, "user/p@x": {}}


ONE_ROLE = Capabilities(
    kinds={kind: KindCapabilities() for kind in (Kind.ROLE, Kind.UNIT, Kind.MEMBERSHIP, Kind.GRANT)}, one_role=True
)


def without(*fields: str, kind: Kind = Kind.ROLE) -> Capabilities:
    can = FULL.of(kind)
    return replace(FULL, kinds={**FULL.kinds, kind: replace(can, fields=can.fields - set(fields))})


def projected(
    resources: dict[str, Fields], capabilities: Capabilities, *, narrower: bool = False
) -> tuple[dict[str, Fields], list[tuple[str, Severity]]]:
    found, findings = project(wanted(resources), capabilities, "crm", narrower=narrower)
    return dict(found.resources), [(one.code, one.severity) for one in findings]


@given(organizations())
@settings(max_examples=200, deadline=None)
def test_a_crm_that_can_do_everything_gets_exactly_what_is_declared(desired: Organization) -> None:
    assert project(desired, FULL, "memory") == (desired, [])


@pytest.mark.parametrize("capabilities", [FULL, FLAT, ROLES_BY_NAME, ONE_ROLE, NO_FUNCTIONS, without("includes")])
@given(desired=organizations())
@settings(max_examples=100, deadline=None)
def test_projecting_twice_is_projecting_once(capabilities: Capabilities, desired: Organization) -> None:
    once, _ = project(desired, capabilities, "crm", narrower=True)
    assert project(once, capabilities, "crm", narrower=True)[0].resources == once.resources


@pytest.mark.parametrize("capabilities", [FLAT, ROLES_BY_NAME, NO_FUNCTIONS, without("includes")])
@given(desired=organizations())
@settings(max_examples=100, deadline=None)
def test_nothing_is_stated_that_the_crm_does_not_store(capabilities: Capabilities, desired: Organization) -> None:
    found, _ = project(desired, capabilities, "crm", narrower=True)
    for address, fields in found.resources.items():
        kind = Kind(address.partition("/")[0])
        assert kind in capabilities.kinds
        assert fields.keys() <= capabilities.of(kind).fields


@pytest.mark.parametrize(("kind", "name"), EVERY_FIELD)
def test_every_field_is_kept_as_it_is_absent_empty_or_listed(kind: Kind, name: str) -> None:
    for fields in ({}, {name: empty(kind, name)}, {name: sample(kind, name)}):
        assert (
            project(wanted(bare() | {ADDRESSES[kind]: fields}), FULL, "memory")[0].resources[ADDRESSES[kind]] == fields
        )


@pytest.mark.parametrize(("kind", "name"), EVERY_FIELD)
def test_every_field_that_is_not_stored_is_left_out_and_its_loss_said_unless_it_is_only_noted(
    kind: Kind, name: str
) -> None:
    if name in {"roles", "includes", "functions"}:
        pytest.skip("it is folded, not lost")
    resources: dict[str, Fields] = bare() | {ADDRESSES[kind]: {name: sample(kind, name)}}
    found, findings = projected(resources, without(name, kind=kind))
    assert name not in found[ADDRESSES[kind]]
    assert (("not-stored-by-target", Severity.WARNING) in findings) is not FIELDS[kind][name].noted


def test_an_empty_field_that_is_not_stored_loses_nothing() -> None:
    assert projected({"unit/u": {"parent": None}}, without("parent", kind=Kind.UNIT)) == ({"unit/u": {}}, [])


def test_a_kind_that_does_not_exist_there_is_left_out_and_said_once() -> None:
    capabilities = replace(FULL, kinds={k: can for k, can in FULL.kinds.items() if k is not Kind.BUSINESS_UNIT})
    desired = wanted({"business-unit/a": {}, "business-unit/b": {}})
    found, (finding,) = project(desired, capabilities, "crm")
    assert found.resources == {}
    assert finding.detail == "crm does not store the kind business-unit: business-unit/a and 1 more"


def test_functions_fold_into_privileges_and_the_higher_scope_wins() -> None:
    found, findings = projected(
        {
            "function/f": {"privileges": {"lead": ["create", "read"], "case": ["read"]}},
            "role/r": {"functions": {"f": "unit"}, "privileges": {"lead": {"read": "own", "create": "organization"}}},
        },
        NO_FUNCTIONS,
    )
    assert found == {
        "role/r": {"privileges": {"lead": {"read": "unit", "create": "organization"}, "case": {"read": "unit"}}}
    }
    assert findings == []


def test_a_function_with_scope_none_gives_nothing() -> None:
    found, _ = projected(
        {
            "function/f": {"privileges": {"lead": ["read"]}},
            "role/r": {"functions": {"f": "none"}, "privileges": {"lead": {"read": "own"}}},
        },
        NO_FUNCTIONS,
    )
    assert found["role/r"] == {"privileges": {"lead": {"read": "own"}}}


def test_a_role_without_stated_functions_and_privileges_stays_unstated() -> None:
    assert projected({"role/r": {"name": "R"}}, NO_FUNCTIONS)[0] == {"role/r": {"name": "R"}}


def test_a_catalogue_that_roles_cannot_refer_to_does_not_lose_their_functions() -> None:
    resources: dict[str, Fields] = {
        "function/f": {"privileges": {"lead": ["read"]}},
        "role/r": {"functions": {"f": "unit"}},
    }
    found, findings = projected(resources, without("functions"))
    assert (found["role/r"], findings) == ({"privileges": {"lead": {"read": "unit"}}}, [])
    assert "function/f" in found


def test_an_action_that_has_fewer_scopes_than_the_others_becomes_the_next_narrower_one() -> None:
    capabilities = replace(FULL, action_scopes={"delete": frozenset({"own"})})
    privileges: dict[str, Json] = {"lead": {"delete": "unit", "read": "unit"}}
    found, findings = projected({"role/r": {"privileges": privileges}}, capabilities, narrower=True)
    assert found["role/r"]["privileges"] == {"lead": {"delete": "own", "read": "unit"}}
    assert findings == [("scope-not-expressible", Severity.WARNING)]


def test_what_one_object_has_no_scope_or_no_privilege_for_is_lost_there_alone() -> None:
    capabilities = replace(
        FULL, object_scopes={("product", "read"): frozenset({"organization"}), ("product", "share"): frozenset()}
    )
    wide: dict[str, Json] = {"read": "organization", "share": "unit"}
    privileges: dict[str, Json] = {"lead": dict(wide), "product": dict(wide), "quote": {"read": "unit"}}
    found, findings = projected({"role/r": {"privileges": privileges}}, capabilities)
    assert found["role/r"]["privileges"] == {**privileges, "product": {"read": "organization"}}
    assert findings == [("action-not-expressible", Severity.ERROR)]
    narrow: dict[str, Json] = {"product": {"read": "subtree"}, "lead": {"read": "subtree"}}
    found, findings = projected({"role/r": {"privileges": narrow}}, capabilities, narrower=True)
    assert found["role/r"]["privileges"] == {"lead": {"read": "subtree"}}
    assert findings == [("scope-not-expressible", Severity.WARNING)]


def test_what_a_crm_gives_along_is_completed_with_all_that_it_brings_and_said() -> None:
    needs = {("delete", "own"): frozenset({("update", "own")}), ("update", "own"): frozenset({("read", "own")})}
    privileges: dict[str, Json] = {"lead": {"delete": "own", "read": "unit"}}
    found, findings = projected({"role/r": {"privileges": privileges}}, replace(FULL, needs=needs))
    assert found["role/r"]["privileges"] == {"lead": {"delete": "own", "read": "unit", "update": "own"}}
    assert findings == [("privilege-completed", Severity.INFO)]


def test_what_belongs_to_another_is_read_with_it_however_far_above() -> None:
    needs = {
        ("update", "organization"): frozenset({("read", "organization")}),
        ("update", "own"): frozenset({READ_OWN}),
    }
    able = replace(FULL, parents={"line": frozenset({"bill"}), "bill": frozenset({"firm"})}, needs=needs)
    found, findings = projected(
        {
            "role/a": {"privileges": {"line": {"update": "organization"}, "firm": {"read": "own"}}},
            "role/b": {"privileges": {"bill": {"read": "own"}, "firm": {"read": "unit"}}},
        },
        able,
    )
    assert found["role/a"]["privileges"] == {
        "line": {"update": "organization", "read": "organization"},
        "bill": {"read": "organization"},
        "firm": {"read": "organization"},
    }
    assert found["role/b"]["privileges"] == {"bill": {"read": "own"}, "firm": {"read": "unit"}}
    assert findings == [("privilege-completed", Severity.INFO)]


def test_inclusion_folds_through_every_level_and_the_higher_scope_wins() -> None:
    found, findings = projected(
        {
            "role/a": {"includes": ["b"], "privileges": {"lead": {"read": "own"}}},
            "role/b": {"includes": ["c"]},
            "role/c": {"privileges": {"lead": {"read": "subtree"}, "case": {"read": "own"}}, "functions": {"f": "own"}},
        },
        without("includes"),
    )
    assert found["role/a"]["privileges"] == {"lead": {"read": "subtree"}, "case": {"read": "own"}}
    assert found["role/a"]["functions"] == {"f": "own"}
    assert all("includes" not in fields for fields in found.values())
    assert findings == []


def test_where_inclusion_goes_one_level_deep_a_role_includes_everything_itself() -> None:
    found, _ = projected(
        {"role/a": {"includes": ["b"]}, "role/b": {"includes": ["c"]}, "role/c": {"includes": []}, "role/d": {}},
        replace(FULL, nested_includes=False),
    )
    assert found == {
        "role/a": {"includes": ["b", "c"]},
        "role/b": {"includes": ["c"]},
        "role/c": {"includes": []},
        "role/d": {},
    }


def test_what_a_bound_role_gives_cannot_be_copied_and_that_is_an_error() -> None:
    desired = wanted(
        {"role/a": {"includes": ["seat"]}, "role/seat": {"privileges": {"x": {"read": "own"}}}},
        bound={"role/seat": {"crm": "Sales seat"}},
    )
    (finding,) = project(desired, without("includes"), "crm")[1]
    assert (finding.code, finding.severity, finding.address) == ("bound-role-included", Severity.ERROR, "role/a")
    assert project(desired, FULL, "crm")[1] == []


def test_a_bound_role_states_nothing_for_its_own_adapter_alone() -> None:
    role: Fields = {"name": "Seat", "privileges": {"x": {"read": "own"}}}
    desired = wanted({"role/seat": role}, bound={"role/seat": {"hubspot": "Sales seat"}})
    assert project(desired, FULL, "hubspot")[0].resources == {"role/seat": {}}
    assert project(desired, FULL, "memory")[0].resources == {"role/seat": role}
    assert bound_names(desired, "hubspot") == {"role/seat": "Sales seat"}
    assert bound_names(desired, "memory") == {}


def test_unit_roles_become_grants_of_every_member() -> None:
    capabilities = replace(FULL, unit_roles=False)
    found, findings = projected({**UNIT, **PEOPLE, "grant/u/p@x/s": {"until": "2027-01-01"}}, capabilities)
    assert found["unit/u"] == {}
    assert {a for a in found if a.startswith("grant/")} == {"grant/u/p@x/s", "grant/u/p@x/r"}
    assert findings == []


def test_a_stated_grant_is_not_replaced_by_the_one_that_the_unit_gives() -> None:
    found, _ = projected({**UNIT, **PEOPLE, "grant/u/p@x/r": {"until": "2027-01-01"}}, replace(FULL, unit_roles=False))
    assert found["grant/u/p@x/r"] == {"until": "2027-01-01"}


@pytest.mark.parametrize(("roles", "count"), [(["r"], 1), ([], 0)])
def test_unit_roles_that_reach_nobody_are_said(roles: list[Json], count: int) -> None:
    desired = Organization(resources={"unit/u": {"roles": roles}})
    _, findings = project(desired, replace(FULL, unit_roles=False), "crm")
    assert [one.code for one in findings] == ["unit-roles-without-assignments"] * count


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"until": "2027-01-01"}, {"until": "2028-01-01"}, {"until": "2028-01-01"}),
        ({"until": "2027-01-01"}, {"until": None}, {"until": None}),
        ({"until": "2027-01-01"}, {}, {"until": None}),
        ({}, {}, {}),
    ],
)
def test_folded_grants_last_as_long_as_the_longest(one: Fields, other: Fields, expected: Fields) -> None:
    found, _ = projected({"grant/u/p@x/r": one, "grant/v/p@x/r": other}, replace(FULL, unit_grants=False))
    assert found == {"grant/-/p@x/r": expected}


def test_where_both_end_the_date_stands_at_both() -> None:
    resources: dict[str, Fields] = {"membership/u/p@x": {"until": "2027-01-01"}, "grant/u/p@x/r": {}}
    found, _ = projected(resources, replace(FULL, expiry="both"))
    assert found == {"membership/u/p@x": {"until": "2027-01-01"}, "grant/u/p@x/r": {"until": "2027-01-01"}}


@pytest.mark.parametrize(
    ("membership", "expected"),
    [({"until": "2027-01-01"}, {"until": "2027-01-01"}), ({"until": None}, {"until": None}), ({}, {})],
)
def test_where_grants_end_a_grant_ends_with_its_membership(membership: Fields, expected: Fields) -> None:
    resources: dict[str, Fields] = {"membership/u/p@x": membership, "grant/u/p@x/r": {}}
    assert projected(resources, replace(FULL, expiry="grant"))[0]["grant/u/p@x/r"] == expected
    assert projected(resources, FULL)[0]["grant/u/p@x/r"] == {}


@pytest.mark.parametrize(("known", "expected"), [({"own", "unit"}, "unit"), ({"own"}, "own"), (set(), None)])
def test_a_scope_that_the_crm_lacks_is_an_error_or_becomes_the_next_narrower_one(
    known: set[str], expected: str | None
) -> None:
    capabilities = replace(FULL, scopes=frozenset(known))
    resources: dict[str, Fields] = {"role/r": {"privileges": {"lead": {"read": "subtree"}}}}
    refused, findings = projected(resources, capabilities)
    assert findings == [("scope-not-expressible", Severity.ERROR)]
    assert refused["role/r"] == {"privileges": {}}
    narrowed, findings = projected(resources, capabilities, narrower=True)
    assert findings == [("scope-not-expressible", Severity.WARNING)]
    assert narrowed["role/r"] == {"privileges": {"lead": {"read": expected}} if expected else {}}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("known", [{"own", "organization"}, {"unit"}, set(SCOPES)])
def test_no_scope_ever_becomes_a_wider_one(scope: str, known: set[str]) -> None:
    found, _ = projected(
        {"role/r": {"privileges": {"lead": {"read": scope}}, "functions": {"f": scope}}},
        replace(FULL, scopes=frozenset(known)),
        narrower=True,
    )
    fields = found["role/r"]
    privileges, functions = fields["privileges"], fields["functions"]
    assert isinstance(privileges, dict)
    assert isinstance(functions, dict)
    lead = privileges.get("lead", {})
    assert isinstance(lead, dict)
    for level in (lead.get("read", "none"), functions.get("f", "none")):
        assert SCOPES.index(str(level)) <= SCOPES.index(scope)


def test_a_crm_without_a_word_for_none_simply_lacks_the_privilege() -> None:
    resources: dict[str, Fields] = {"role/r": {"privileges": {"lead": {"read": "none"}}}}
    found = projected(resources, replace(FULL, scopes=frozenset({"own"})))
    assert found == ({"role/r": {"privileges": {}}}, [])


@pytest.mark.parametrize("narrower", [True, False])
def test_an_action_that_the_crm_lacks_is_an_error_with_and_without_fallback(narrower: bool) -> None:  # noqa: FBT001
    resources: dict[str, Fields] = {
        "role/r": {"privileges": {"lead": {"export": "own", "read": "own"}}},
        "function/f": {"privileges": {"case": ["export", "read"]}},
    }
    found, findings = projected(resources, replace(FULL, privilege_actions=frozenset({"read"})), narrower=narrower)
    assert findings == [("action-not-expressible", Severity.ERROR)] * 2
    assert found["role/r"] == {"privileges": {"lead": {"read": "own"}}}
    assert found["function/f"] == {"privileges": {"case": ["read"]}}


def test_where_roles_are_made_elsewhere_their_privileges_are_only_said_to_be_lost() -> None:
    resources: dict[str, Fields] = {"role/r": {"name": "R", "privileges": {"lead": {"fly": "unit"}}}}
    assert projected(resources, ROLES_BY_NAME) == (
        {"role/r": {"name": "R"}},
        [("not-stored-by-target", Severity.WARNING)],
    )


@pytest.mark.parametrize(("omit", "severity"), [(False, Severity.ERROR), (True, Severity.WARNING)])
def test_an_object_that_the_crm_lacks_is_an_error_or_left_out_and_said_once_per_role(
    omit: bool,  # noqa: FBT001
    severity: Severity,
) -> None:
    resources: dict[str, Fields] = {
        "role/r": {
            "privileges": {"quota": {"read": "own"}, "lead": {"read": "own", "fly": "own"}, "fax": {"x": "own"}}
        },
        "function/f": {"privileges": {"quota": ["read"], "lead": ["read"]}},
    }
    capabilities = replace(FULL, objects=frozenset({"lead"}), privilege_actions=frozenset({"read"}))
    found, findings = project(wanted(resources), capabilities, "crm", omit=omit)
    assert found.resources == {
        "role/r": {"privileges": {"lead": {"read": "own"}}},
        "function/f": {"privileges": {"lead": ["read"]}},
    }
    left_out = "; left out" if omit else ""
    assert [(one.code, one.severity, one.address, one.detail) for one in findings] == [
        ("object-not-expressible", severity, "role/r", f"crm has nothing for quota, fax{left_out}"),
        ("action-not-expressible", severity, "role/r", f"crm has nothing for lead:fly{left_out}"),
        ("object-not-expressible", severity, "function/f", f"crm has nothing for quota{left_out}"),
    ]


HOMES = replace(FULL, kinds={**FULL.kinds, Kind.USER: KindCapabilities(fields=frozenset({"businessUnit", "manager"}))})
TEAMS: dict[str, Fields] = {
    "unit/top": {"businessUnit": "b", "owner": "boss@x"},
    "unit/team": {"businessUnit": "c", "parent": "top", "owner": "lead@x"},
    "user/lead@x": {},
    "user/ana@x": {},
}


def homes(primary: dict[str, str], resources: dict[str, Fields] | None = None) -> tuple[dict[str, Fields], list[str]]:
    desired = wanted(TEAMS | (resources or {}), primary=primary)
    found, findings = project(desired, HOMES, "crm")
    people = {address: fields for address, fields in found.resources.items() if address.startswith("user/")}
    return people, [one.code for one in findings]


def test_a_home_gives_a_business_unit_and_the_nearest_owner_above_as_manager() -> None:
    people, findings = homes({"user/ana@x": "team", "user/lead@x": "team"})
    assert people == {
        "user/ana@x": {"businessUnit": "c", "manager": "lead@x"},
        "user/lead@x": {"businessUnit": "c", "manager": "boss@x"},
        "user/boss@x": {},
    }
    assert findings == []


def test_a_home_is_the_person_s_unit_where_the_crm_keeps_one() -> None:
    one_unit = replace(FULL, kinds={**FULL.kinds, Kind.USER: KindCapabilities(fields=frozenset({"unit"}))})
    found, _ = project(wanted(TEAMS, primary={"user/ana@x": "team"}), one_unit, "crm")
    people = {address: fields for address, fields in found.resources.items() if address.startswith("user/")}
    assert people == {"user/ana@x": {"unit": "team"}, "user/lead@x": {}}


def test_whoever_has_no_home_is_left_alone_and_it_is_said_once() -> None:
    people, findings = homes({})
    assert people == {"user/ana@x": {}, "user/lead@x": {}}
    assert findings == ["no-primary-assignment"]


def test_managers_of_each_other_are_a_warning_and_one_of_them_is_left_alone() -> None:
    people, findings = homes(
        {"user/ana@x": "team", "user/lead@x": "hers"}, {"unit/hers": {"businessUnit": "b", "owner": "ana@x"}}
    )
    assert people == {
        "user/ana@x": {"businessUnit": "c"},
        "user/lead@x": {"businessUnit": "b", "manager": "ana@x"},
    }
    assert findings == ["manager-ring"]


def test_a_unit_has_its_name_and_its_place_in_a_second_hierarchy_where_the_crm_keeps_one() -> None:
    able = replace(FULL, kinds={**FULL.kinds, Kind.UNIT: replace(UNITS, fields=UNITS.fields | {"node", "nodeParent"})})
    found, _ = projected({"unit/a": {"name": "A"}, "unit/b": {"name": "B", "parent": "a"}}, able)
    assert found["unit/a"] == {"name": "A", "node": "A"}
    assert found["unit/b"] == {"name": "B", "parent": "a", "node": "B", "nodeParent": "a"}


def test_a_crm_without_homes_never_hears_of_them() -> None:
    found, findings = project(wanted(TEAMS, primary={"user/ana@x": "team"}), FULL, "crm")
    assert (found.resources, findings) == (TEAMS, [])


@pytest.mark.parametrize("omit", [False, True])
@pytest.mark.parametrize(
    ("roles", "kept", "codes"),
    [
        (["clerk"], ["clerk"], []),
        (["boss", "clerk"], ["boss"], []),
        (["boss", "clerk", "agent"], ["boss"], []),
        (["clerk", "other"], ["clerk"], ["one-role-only"]),
        (["boss", "clerk", "zeta"], ["boss"], ["one-role-only"]),
    ],
)
def test_where_a_person_has_one_role_it_is_the_one_that_includes_the_others(
    roles: list[str], kept: list[str], codes: list[str], *, omit: bool
) -> None:
    resources: dict[str, Fields] = {f"role/{key}": {"name": key} for key in ("agent", "other", "zeta")}
    resources |= {"role/clerk": {"includes": ["agent"]}, "role/boss": {"includes": ["clerk"]}}
    resources |= {"unit/u": {}, "user/ana@x": {}, "membership/u/ana@x": {}}
    resources |= {f"grant/u/ana@x/{role}": {} for role in roles}
    bound = {"role/boss": {"crm": "The Boss"}}
    found, findings = project(Organization(resources=resources, bound=bound), ONE_ROLE, "crm", omit=omit)
    told = [one for one in findings if one.code == "one-role-only"]
    assert [one for one in found.resources if one.startswith("grant/")] == [f"grant/-/ana@x/{key}" for key in kept]
    assert [one.code for one in told] == codes
    assert all(one.severity is (Severity.WARNING if omit else Severity.ERROR) for one in told)


@pytest.mark.parametrize("capabilities", [FULL, FLAT, ROLES_BY_NAME, ONE_ROLE, NO_FUNCTIONS, without("includes")])
@given(desired=organizations())
@settings(max_examples=100, deadline=None)
def test_what_is_declared_is_left_as_it_is(capabilities: Capabilities, desired: Organization) -> None:
    before = {address: dict(fields) for address, fields in desired.resources.items()}
    found, _ = project(desired, capabilities, "crm", narrower=True)
    assert desired.resources == before
    assert found.named == named_of(found.resources)
    assert (found is desired) or (found.resources is not desired.resources)

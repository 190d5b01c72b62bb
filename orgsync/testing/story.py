"""A small company, and what becomes of it, chapter by chapter.

In: what a CRM can express. Out: states, each a list of documents as the YAML would hold them. Never: the same step
twice; every chapter changes what the others do not.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from orgsync.testing.crm import PEOPLE

ANA, BO, CY, DEE, BOSS = PEOPLE
State = dict[str, dict[str, Any]]
"""``<kind>/<key>`` as the documents say it -> the document."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """``change`` makes the next state from a copy of the last one."""

    title: str
    change: Callable[[State], None]


def document(kind: str, key: str, name: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return f"{kind}/{key}", {"apiVersion": "orgsync/v1", "kind": kind, "key": key, "name": name, **fields}


def assigned(user: str, *roles: str, **terms: str) -> dict[str, Any]:
    return {"user": user, **({"roles": [*roles]} if roles else {}), **terms}


def founded(objects: tuple[str, str]) -> State:
    """Two business units, a function, three roles, a chain of three units, four people."""
    one, other = objects
    return dict(
        [
            document("BusinessUnit", "company", "Kit Company", description="All of it"),
            document("BusinessUnit", "emea", "Kit EMEA", parent="company"),
            document("Function", "selling", "Kit Selling", privileges={one: ["create", "read", "update"]}),
            document("Role", "agent", "Kit Agent", functions={"selling": "own"}, privileges={other: {"read": "unit"}}),
            document("Role", "lead", "Kit Lead", includes=["agent"], privileges={one: {"delete": "subtree"}}),
            document("Role", "auditor", "Kit Auditor", privileges={w: {"read": "organization"} for w in objects}),
            _unit("sales", "Kit Sales", assignments=[assigned(BOSS), assigned(ANA, "lead")], roles=["agent"]),
            _unit("north", "Kit North", "emea", parent="sales", assignments=[assigned(BO)], roles=["agent"]),
            _unit(
                "desk",
                "Kit Desk",
                "emea",
                parent="north",
                roles=[],
                assignments=[assigned(CY, "auditor", until="2099-03-31", reason="Cover (HR-1)")],
            ),
        ]
    )


def _unit(key: str, name: str, business_unit: str = "company", **fields: Any) -> tuple[str, dict[str, Any]]:
    return document("Unit", key, name, businessUnit=business_unit, type="functional", owner=BOSS, **fields)


def _swap_names(state: State) -> None:
    north, desk = state["Unit/north"], state["Unit/desk"]
    north["name"], desk["name"] = desk["name"], north["name"]
    state["BusinessUnit/company"] |= {"name": "Kit Company & Søns", "description": "All of it, and more"}
    state["Role/agent"]["name"] = 'Kit "Agent" <one>'


def _new_keys(state: State) -> None:
    _renamed(state, "BusinessUnit", "emea", "europe")
    _renamed(state, "Unit", "north", "nordics")
    _renamed(state, "Role", "agent", "seller")


def _renamed(state: State, kind: str, old: str, new: str) -> None:
    state[f"{kind}/{new}"] = state.pop(f"{kind}/{old}") | {"key": new, "previously": [old]}
    fields = {"BusinessUnit": ("parent", "businessUnit"), "Unit": ("parent",), "Role": ()}[kind]
    for one in state.values():
        for name in fields:
            if one.get(name) == old and one["kind"] in {kind, "Unit"}:
                one[name] = new
        if kind == "Role":
            for name in ("roles", "includes"):
                if old in one.get(name, []):
                    one[name] = [new if key == old else key for key in one[name]]
            for assignment in one.get("assignments", []):
                assignment["roles"] = [new if key == old else key for key in assignment.get("roles", [])]


def _new_parents(state: State) -> None:
    """The grandchild comes above its parent, and another business unit is theirs."""
    state["Unit/desk"] |= {"parent": "sales", "businessUnit": "company"}
    state["Unit/nordics"] |= {"parent": "desk"}


def _other_privileges(state: State) -> None:
    state["Function/selling"]["privileges"] = {name: ["read"] for name in state["Function/selling"]["privileges"]}
    state["Role/lead"] |= {"includes": []}
    state["Unit/nordics"]["roles"] = []
    state["Unit/desk"]["roles"] = ["seller"]


def _joiners(state: State) -> None:
    state["Unit/desk"]["assignments"] += [assigned(DEE, "lead"), assigned(ANA)]
    state["Unit/sales"]["assignments"][0] |= {"roles": ["lead"], "until": "2098-12-31"}


def _movers(state: State) -> None:
    state["Unit/nordics"]["assignments"] = []
    state["Unit/desk"]["assignments"].append(assigned(BO, "auditor"))
    state["Unit/desk"]["assignments"][0] |= {"until": "2099-06-30"}


def _leavers(state: State) -> None:
    desk = state["Unit/desk"]
    desk["assignments"] = [one for one in desk["assignments"] if one["user"] not in {CY, DEE}]
    state["Unit/sales"]["assignments"] = [assigned(BOSS)]


def _shrunk(state: State) -> None:
    del state["Unit/nordics"], state["BusinessUnit/europe"], state["Role/lead"]
    state["Unit/sales"]["assignments"] = [assigned(BOSS)]


def _back(state: State) -> None:
    state["Unit/sales"]["assignments"] = [assigned(BOSS, "auditor"), assigned(CY)]
    state["Unit/sales"]["name"] = "Kit Sales again"


def elsewhere(objects: tuple[str, str]) -> State:
    """Not far from the founding, but every kind has something created, changed and removed."""
    state = founded(objects)
    _swap_names(state)
    del state["Unit/desk"], state["Role/auditor"]
    state["Unit/north"] |= {"roles": [], "assignments": [assigned(BO, until="2099-03-31"), assigned(CY, "lead")]}
    state["Role/lead"] |= {"includes": [], "privileges": {objects[1]: {"update": "organization"}}}
    state |= dict(
        [
            document("Role", "coach", "Kit Coach", privileges={objects[0]: {"read": "unit"}}),
            _unit("east", "Kit East", parent="north", roles=["coach"], assignments=[assigned(DEE, "coach")]),
        ]
    )
    return state


def rich(objects: tuple[str, str]) -> State:
    """Every field of every document is stated."""
    state = founded(objects)
    for one in state.values():
        one["description"] = f"About {one['key']}"
    for one in (state["Unit/sales"], state["Unit/north"], state["Unit/desk"]):
        one |= {"review": {"every": "90d"}, "workflows": [{"name": "Hand-over", "url": "https://wiki.example.com/x"}]}
    state["Role/lead"] |= {"conflictsWith": ["auditor"], "holders": {"min": 0, "max": 9}, "privileged": True}
    for one in state["Unit/sales"]["assignments"]:
        one |= {"until": "2099-01-31", "reason": "Because"}
    return state


def poor(objects: tuple[str, str]) -> State:
    """The same, with everything that can be cleared stated as nothing."""
    state = rich(objects)
    for one in state.values():
        one["description"] = None
    for one in (state["Unit/sales"], state["Unit/north"], state["Unit/desk"]):
        one |= {"parent": None, "type": None, "owner": None, "review": None, "workflows": [], "roles": []}
        one["assignments"] = []
    for one in (state["Role/agent"], state["Role/lead"], state["Role/auditor"]):
        one |= {"includes": [], "functions": {}, "privileges": {}, "conflictsWith": [], "holders": None}
        one["privileged"] = False
    state["BusinessUnit/emea"]["parent"] = None
    state["Function/selling"]["privileges"] = {}
    return state


STORY = (
    Chapter("names are swapped and changed", _swap_names),
    Chapter("keys change", _new_keys),
    Chapter("units move", _new_parents),
    Chapter("roles change", _other_privileges),
    Chapter("people join", _joiners),
    Chapter("people move", _movers),
    Chapter("people leave", _leavers),
    Chapter("units, roles and business units go", _shrunk),
    Chapter("somebody comes back", _back),
    Chapter("nothing is declared any more", lambda state: state.clear()),
)
"""After the founding."""


def states(objects: tuple[str, str]) -> list[tuple[str, State]]:
    """(title, what is declared), from the founding to nothing."""
    found = [("the company is founded", founded(objects))]
    for chapter in STORY:
        state = deepcopy(found[-1][1])
        for one in state.values():
            one.pop("previously", None)
        chapter.change(state)
        found.append((chapter.title, state))
    return found


def files(state: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Folder -> documents."""
    return {
        "units": [one for one in state.values() if one["kind"] in {"BusinessUnit", "Unit"}],
        "roles": [one for one in state.values() if one["kind"] in {"Function", "Role"}],
    }

"""Units and roles: each a role of Tryton's with its groups, made and changed in one call.

In: steps of units and roles. Out: outcomes. Never: touches a group or a role that does not carry our mark; leaves a
unit or role half-made (what somebody else left so is completed).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orgsync.adapters.canonical import keys, merged
from orgsync.adapters.tryton.api import Server
from orgsync.adapters.tryton.bulk import Group, Refusal, flat, outcome
from orgsync.adapters.tryton.convert import (
    ACTIONS,
    INHERITED,
    PRIVILEGES,
    Marks,
    access_commands,
    access_values,
    privileges_of,
    remote_id,
)
from orgsync.adapters.tryton.ids import Ids
from orgsync.adapters.tryton.people import People
from orgsync.change import Outcome, Step
from orgsync.resources import KEY, Fields, Json, Kind, RemoteId, key_of

Commands = list[list[Any]]
_ACCESS = ("parent", *(f"model_access.{name}" for name in ("model", "active", *ACTIONS.values())))


class Named:
    """``groups``: Tryton's role -> its groups, as far as they were read since the last write."""

    def __init__(self, server: Server, marks: Marks, models: Mapping[str, str]) -> None:
        self._server, self._marks, self._models = server, marks, models
        self._groups: dict[int, frozenset[int]] = {}
        self._known: frozenset[str] | None = None

    def remember(self, groups: Mapping[int, frozenset[int]]) -> None:
        self._groups = dict(groups)

    def groups_of(self, roles: set[int]) -> dict[int, frozenset[int]]:
        if missing := roles - self._groups.keys():
            found = self._server.records("res.role", missing, ["groups"])
            self._groups |= {number: frozenset(record["groups"]) for number, record in found.items()}
        return {role: self._groups[role] for role in roles if role in self._groups}

    # --- units

    def create_units(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        return self._create(flat(groups), [self._new_unit(step, ids) for step in flat(groups)])

    def _new_unit(self, step: Step, ids: Ids, marker: int | None = None) -> dict[str, Any]:
        """``marker``: the one that is there already."""
        commands = self._marker(step, Kind.UNIT, marker, self._unit_marker(step.after, ids, whole=marker is None))
        links = sorted({*self._home(step.after, ids), *self._role_groups(keys(step.after.get("roles")), ids)})
        return {"name": _name(step), "groups": [*commands, ["add", links]]}

    def _marker(self, step: Step, kind: str, marker: int | None, values: dict[str, Any]) -> Commands:
        name = self._marks.name(kind, _key(step))
        if marker is None:
            return [["create", [{"name": name, **values}]]]
        return [["add", [marker]], ["write", [marker], {"name": name, **values}]]

    def _unit_marker(self, after: Fields, ids: Ids, *, whole: bool = False) -> dict[str, Any]:
        if "parent" not in after:
            return {"parent": None} if whole else {}
        parent = after["parent"]
        if parent is None:
            return {"parent": None}
        marker = ids.unit(str(parent))[1]
        if marker is None:
            raise Refusal(f"there is no unit {parent}")
        return {"parent": marker}

    def _home(self, after: Fields, ids: Ids) -> list[int]:
        home = after.get("businessUnit")
        if home is None:
            return []
        marker = ids.business_unit(str(home))[2]
        if marker is None:
            raise Refusal(f"there is no business unit {home}")
        return [marker]

    def _role_groups(self, roles: Iterable[str], ids: Ids) -> set[int]:
        """Of ours their privileges; of Tryton's own (bound) everything that they consist of."""
        found: set[int] = set()
        for key in roles:
            role, _, privileges = ids.role(key)
            if privileges is not None:
                found.add(privileges)
            elif role is not None:
                found |= self.groups_of({role}).get(role, frozenset())
            else:
                raise Refusal(f"there is no role {key}, or not all of it")
        return found

    def update_units(self, groups: Sequence[Group], ids: Ids, people: People) -> list[Outcome]:
        steps = flat(groups)
        halves = [step for step in steps if ids.unit(_live_key(step))[0] is None]
        made = self._create(halves, [self._new_unit(s, ids, ids.unit(_live_key(s))[1]) for s in halves])
        arguments: list[Any] = []
        for step in steps:
            role, marker = ids.unit(_live_key(step))
            if role is not None:
                arguments += [[role], self._unit_values(step, marker, ids)]
        self._tell_roles(arguments)
        self._move_members([step for step in steps if "businessUnit" in step.after], ids, people)
        found = {one.id: one for one in made}
        return [found.get(step.id) or outcome(step, remote_id=ids.known.get(step.address)) for step in steps]

    def _unit_values(self, step: Step, marker: int | None, ids: Ids) -> dict[str, Any]:
        after = step.after
        values: dict[str, Any] = {"name": after["name"]} if "name" in after else {}
        of_marker = self._unit_marker(after, ids) | self._new_key(step, Kind.UNIT)
        commands: Commands = [["write", [marker], of_marker]] if of_marker and marker is not None else []
        add: set[int] = set()
        remove: set[int] = set()
        if "businessUnit" in after:
            add |= {*self._home(after, ids)}
            remove |= ids.homes() - add
        if "roles" in after:
            before, wanted = set(keys(step.before.get("roles"))), set(keys(after["roles"]))
            kept = self._role_groups(wanted, ids)
            add |= kept
            remove |= self._role_groups(before - wanted, ids) - kept
        commands += [[name, sorted(found)] for name, found in (("add", add), ("remove", remove)) if found]
        return values | ({"groups": commands} if commands else {})

    def _new_key(self, step: Step, word: str) -> dict[str, Any]:
        return {"name": self._marks.name(word, str(step.after[KEY]))} if KEY in step.after else {}

    def _move_members(self, steps: Sequence[Step], ids: Ids, people: People) -> None:
        """Tryton itself takes the groups along, and not the companies."""
        roles = {role for step in steps if (role := ids.unit(_live_key(step))[0]) is not None}
        if not roles:
            return
        found = self._server.records("res.role", roles, ["users.user"])
        members = {row["user"] for record in found.values() for row in record["users."]}
        homes = {str(step.before.get("businessUnit")) for step in steps}
        left = {company for home in homes if (company := ids.business_unit(home)[0]) is not None}
        if members:
            people.settle(members, ids, left)

    # --- roles

    def create_roles(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:  # noqa: ARG002  (they refer to nothing)
        return self._create(flat(groups), [self._new_role(step) for step in flat(groups)])

    def _new_role(self, step: Step, marker: int | None = None, group: int | None = None) -> dict[str, Any]:
        """``marker``, ``group``: those that are there already; the group's own rows are left to its update."""
        commands = self._marker(step, Kind.ROLE, marker, {"parent": None})
        if group is None:
            rows = [access_values(model, actions) for model, actions in self._wanted(step.after.get("privileges"))]
            name = self._marks.name(PRIVILEGES, _key(step))
            commands.append(["create", [{"name": name, "parent": None, "model_access": [["create", rows]]}]])
        else:
            commands.append(["add", [group]])
        return {"name": _name(step), "groups": commands}

    def _wanted(self, privileges: Json) -> list[tuple[str, list[str]]]:
        """Model -> actions. Raises Refusal for words that mean nothing there: Tryton itself takes any."""
        wanted: list[tuple[str, list[str]]] = []
        for word, actions in sorted(privileges.items()) if isinstance(privileges, dict) else ():
            given = list(keys(actions))
            if unknown := sorted(set(given) - ACTIONS.keys()):
                raise Refusal(f"Tryton has no privilege {word}:{unknown[0]}")
            if given:
                wanted.append((self._model(word), given))
        return wanted

    def _model(self, word: str) -> str:
        model = self._models.get(word, word)
        if self._known is None:
            found = self._server.table("ir.model", [["name", "in", sorted(set(self._models.values()))]], ["name"])
            self._known = frozenset(str(record["name"]) for record in found)
        if model in self._models.values() and model not in self._known:
            raise Refusal(f"this server has no model {model} for {word}: a module is missing, or `objects` is wrong")
        return model

    def update_roles(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        steps = flat(groups)
        access = self._access(steps, ids)
        arguments: list[Any] = []
        halves: list[tuple[Step, dict[str, Any]]] = []
        for step in steps:
            role, marker, group = ids.role(_live_key(step))
            if role is None:
                values = self._new_role(step, marker, group)
                values["groups"] += self._privileges(step, group, access) if group is not None else []
                halves.append((step, values))
            else:
                arguments += [[role], self._role_values(step, marker, group, access)]
        made = self._create([step for step, _ in halves], [values for _, values in halves])
        self._tell_roles(arguments)
        found = {one.id: one for one in made}
        whole = [step for step in steps if step.id not in found]
        fresh = self._identities(whole, [ids.role(_live_key(step))[0] for step in whole], ids)
        return [found.get(step.id) or outcome(step, remote_id=fresh[step.id]) for step in steps]

    def _identities(self, steps: Sequence[Step], roles: Sequence[int | None], ids: Ids) -> dict[str, RemoteId | None]:
        """Looked up only for those that lacked something."""
        lacking = [
            s for s, role in zip(steps, roles, strict=True) if role is not None and None in ids.role(_live_key(s))
        ]
        known = {step.id: ids.known.get(step.address) for step in steps}
        numbers = [role for step in lacking if (role := ids.role(_live_key(step))[0]) is not None]
        return known | self._remote_ids(lacking, numbers)

    def _access(self, steps: Sequence[Step], ids: Ids) -> Mapping[int, Mapping[str, Any]]:
        wanted = {
            group
            for step in steps
            if "privileges" in step.after and (group := ids.role(_live_key(step))[2]) is not None
        }
        return self._server.records("res.group", wanted, _ACCESS)

    def _role_values(
        self, step: Step, marker: int | None, group: int | None, access: Mapping[int, Mapping[str, Any]]
    ) -> dict[str, Any]:
        values: dict[str, Any] = {"name": step.after["name"]} if "name" in step.after else {}
        commands: Commands = []
        if marker is None:
            commands += self._marker(step, Kind.ROLE, None, {})
        elif KEY in step.after:
            commands.append(["write", [marker], self._new_key(step, Kind.ROLE)])
        if group is None:
            commands += self._new_role(step, marker=0)["groups"][2:]
        else:
            if KEY in step.after:
                commands.append(["write", [group], self._new_key(step, PRIVILEGES)])
            commands += self._privileges(step, group, access)
        return values | ({"groups": commands} if commands else {})

    def _privileges(self, step: Step, group: int, access: Mapping[int, Mapping[str, Any]]) -> Commands:
        """Only what the step changes; what came meanwhile stays. What a group inherits is ended, never made."""
        if "privileges" not in step.after:
            return []
        record = access.get(group)
        if record is None:
            raise Refusal("the group with the role's privileges is gone: read again")
        rows = record["model_access."]
        wanted = merged(privileges_of(rows, self._models), step.before.get("privileges"), step.after["privileges"])
        own = {word: actions for word, actions in wanted.items() if not word.startswith(INHERITED)}  # type: ignore[union-attr]
        values: dict[str, Any] = {"active": True}
        if any(word.startswith(INHERITED) for word in keys(step.before.get("privileges"))):
            values["parent"] = None
        if commands := access_commands(rows, dict(self._wanted(own))):
            values["model_access"] = commands
        return [["add", [group]], ["write", [group], values]]

    # --- both

    def _create(self, steps: Sequence[Step], values: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        if not steps:
            return []
        roles = self._server.tell("model.res.role.create", list(values))
        self._groups = {}
        found = self._remote_ids(steps, roles)
        return [outcome(step, remote_id=found[step.id]) for step in steps]

    def _remote_ids(self, steps: Sequence[Step], roles: Sequence[int]) -> dict[str, RemoteId | None]:
        records = self._server.records("res.role", roles, ["groups", "groups.name"])
        found: dict[str, RemoteId | None] = {}
        for step, role in zip(steps, roles, strict=True):
            record = records.get(role, {"groups": [], "groups.": []})
            self._groups[role] = frozenset(record["groups"])
            kind, key = step.address.partition("/")[0], _key(step)
            named = {group["name"]: group["id"] for group in record["groups."]}
            words = (kind,) if kind == Kind.UNIT else (kind, PRIVILEGES)
            found[step.id] = remote_id(role, *(named.get(self._marks.name(word, key)) for word in words))
        return found

    def _tell_roles(self, arguments: list[Any]) -> None:
        told = [
            part
            for role, values in zip(arguments[::2], arguments[1::2], strict=True)
            if values
            for part in (role, values)
        ]
        if told:
            self._groups = {}
            self._server.tell("model.res.role.write", *told)

    def delete(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        """The role first: without its marker nobody would know whose it was. Its groups go together."""
        steps = flat(groups)
        parts = [
            ids.unit(key_of(s.address)) if s.address.startswith(Kind.UNIT) else ids.role(key_of(s.address))
            for s in steps
        ]
        roles = [part[0] for part in parts if part[0] is not None]
        marks = [group for part in parts for group in part[1:] if group is not None]
        self._groups = {}
        if roles:
            self._server.tell("model.res.role.delete", roles)
        if marks:
            self._server.tell("model.res.group.delete", marks)
        return [outcome(step) for step in steps]


def _key(step: Step) -> str:
    """Which it has afterwards."""
    return str(step.after.get(KEY) or key_of(step.address))


def _live_key(step: Step) -> str:
    """Under which its remote id is known: today's, whatever the CRM still carries."""
    return key_of(step.address)


def _name(step: Step) -> str:
    return str(step.after.get("name") or key_of(step.address))

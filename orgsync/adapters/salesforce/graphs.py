"""What a unit, a business unit or a role is made of: several records, written as one graph or not at all.

In: a step, the ids of what it refers to, an index. Out: the nodes of its graph, and what they did to the index.
Never: sends anything; touches a record of somebody else's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from graphlib import TopologicalSorter
from itertools import filterfalse

from orgsync.adapters.salesforce.api import Node, Result
from orgsync.adapters.salesforce.convert import Names, flags
from orgsync.adapters.salesforce.index import BUNDLE, NODE, OWN_PART, Index
from orgsync.adapters.salesforce.options import Options
from orgsync.change import Action, Step
from orgsync.resources import KEY, SCOPES, Address, Fields, Json, Kind, RemoteId, key_of, kind_of

Privileges = dict[str, dict[str, str]]
_ITSELF, _ITS_ID = "itself", "@{itself.id}"
_IN_BUNDLE = {"Label": "MasterLabel", "Description": "Description"}
"""Field of a permission set -> of its permission set group."""
_PARENTS = {
    Kind.UNIT: {"parent": Kind.UNIT, "businessUnit": Kind.BUSINESS_UNIT},
    Kind.BUSINESS_UNIT: {"parent": Kind.BUSINESS_UNIT},
}


class Impossible(Exception):
    """Why a step cannot be written: nothing was sent for it."""


class Graphs:
    """One batch's.

    _going   records that a node deletes -> what takes them out of the index
    _at      API name of a role in the hierarchy -> the group of its unit
    """

    def __init__(self, options: Options, ids: Mapping[Address, RemoteId], index: Index) -> None:
        self._options, self._ids, self._index = options, ids, index
        self._names, self._models = Names(prefix=options.prefix), options.models
        self._going: dict[RemoteId, Callable[[], object]] = {}
        self._at: dict[Json, RemoteId] = {}

    def nodes(self, step: Step) -> list[Node]:
        """Raises Impossible."""
        kind = kind_of(step.address)
        sobject = "PermissionSet" if kind is Kind.ROLE else "Group"
        if step.action is Action.CREATE:
            body = self._body(kind, step) | self._own_name(kind, key_of(step.address))
            body |= {"Type": "Regular"} if kind is not Kind.ROLE else {}
            own = [Node(method="POST", sobject=sobject, reference=_ITSELF, body=body)]
            return [*own, *self._around(kind, step, _ITS_ID)]
        id_ = self._id(step)
        if step.action is Action.DELETE:
            return [*self._without(id_), Node(method="DELETE", sobject=sobject, id=id_, reference=_ITSELF)]
        body = self._body(kind, step)
        body |= self._own_name(kind, str(step.after[KEY])) if KEY in step.after else {}
        own = [Node(method="PATCH", sobject=sobject, id=id_, reference=_ITSELF, body=body)] if body else []
        return [*own, *self._around(kind, step, id_)]

    def _id(self, step: Step) -> RemoteId:
        found = step.remote_id or self._ids.get(step.address)
        if found is None:
            raise Impossible(f"{step.address} is not in Salesforce")
        return found

    def _own_name(self, kind: Kind, key: str) -> dict[str, Json]:
        return {"Name" if kind is Kind.ROLE else "DeveloperName": self._names.api_name(kind, key)}

    @staticmethod
    def _body(kind: Kind, step: Step) -> dict[str, Json]:
        names = {"name": "Label" if kind is Kind.ROLE else "Name", "description": "Description"}
        return {names[name]: value for name, value in step.after.items() if name in names}

    def _around(self, kind: Kind, step: Step, id_: RemoteId) -> Iterator[Node]:
        if kind is Kind.ROLE:
            yield from self._permissions(step, id_)
            yield from self._bundle(step, id_)
            return
        for name, to in _PARENTS[kind].items():
            if name in step.after:
                yield from self._link(name, to, step, id_)
        if kind is Kind.UNIT and self._options.ranked:
            yield from self._node(step, id_)

    def _link(self, name: str, to: Kind, step: Step, id_: RemoteId) -> Iterator[Node]:
        before, after = step.before.get(name), step.after[name]
        link = (self._ids.get(f"{to}/{before}", ""), id_)
        old = self._index.links.get(link) if before else None
        if old is not None:
            self._going[old] = partial(self._index.links.pop, link, None)
            yield Node(method="DELETE", sobject="GroupMember", id=old, reference=f"old{name}")
        if after is not None:
            group = self._ids.get(f"{to}/{after}")
            if group is None:
                raise Impossible(f"{to}/{after} is not in Salesforce")
            body = {"GroupId": group, "UserOrGroupId": id_}
            yield Node(method="POST", sobject="GroupMember", reference=f"new{name}", body=body)

    def _permissions(self, step: Step, id_: RemoteId) -> Iterator[Node]:
        before, after = _privileges(step.before), _privileges(step.after)
        if "privileges" not in step.after:
            return
        for at, word in enumerate(_in_turn(before, after, self._options.masters)):
            wanted, sobject, reference = after.get(word, {}), self._models.get(word, word), f"row{at}"
            row = self._index.rows.get((id_, sobject))
            if row is None and wanted:
                body = {"ParentId": id_, "SobjectType": sobject, **flags(wanted)}
                yield Node(method="POST", sobject="ObjectPermissions", reference=reference, body=body)
            elif row is not None and not wanted:
                self._going[row] = partial(self._index.rows.pop, (id_, sobject), None)
                yield Node(method="DELETE", sobject="ObjectPermissions", id=row, reference=reference)
            elif row is not None and wanted != before.get(word):
                body = dict(flags(wanted))
                yield Node(method="PATCH", sobject="ObjectPermissions", id=row, reference=reference, body=body)

    def _without(self, id_: RemoteId) -> Iterator[Node]:
        """What has to go before a role's permission set or a unit's group does."""
        if bundle := self._index.bundles.get(id_):
            self._going[bundle] = partial(self._index.bundles.pop, id_, None)
            yield Node(method="DELETE", sobject="PermissionSetGroup", id=bundle, reference=BUNDLE)
        if node := self._index.nodes.get(id_):
            self._going[node] = partial(self._index.nodes.pop, id_, None)
            yield Node(method="DELETE", sobject="UserRole", id=node, reference=NODE)

    def _node(self, step: Step, id_: RemoteId) -> Iterator[Node]:
        """The unit's role in the hierarchy: made where it is lacking, and taken where a group was lost."""
        key = str(step.after.get(KEY, key_of(step.address)))
        node = self._index.nodes.get(id_)
        body: dict[str, Json] = {"Name": step.after["node"]} if "node" in step.after else {}
        if "nodeParent" in step.after:
            body["ParentRoleId"] = node_of(step.after["nodeParent"], self._ids, self._index)
        if node is None or KEY in step.after:
            body["DeveloperName"] = name = self._names.api_name(Kind.UNIT, key)
            self._at[name] = id_
        node = node or self._index.strays.get(key)
        if node is None:
            body["OpportunityAccessForAccountOwner"] = self._options.opportunity_access
            yield Node(method="POST", sobject="UserRole", reference=NODE, body=body)
        elif body:
            yield Node(method="PATCH", sobject="UserRole", id=node, reference=NODE, body=body)

    def _bundle(self, step: Step, id_: RemoteId) -> Iterator[Node]:
        """The permission set group of a role that includes others, made when it first does, and kept from then on."""
        bundle, wanted = self._index.bundles.get(id_), _included(step.after)
        if bundle is None and not wanted:
            return
        body = {_IN_BUNDLE[name]: value for name, value in self._body(Kind.ROLE, step).items()}
        if bundle is None:
            yield Node(method="POST", sobject="PermissionSetGroup", reference=BUNDLE, body=self._new(step, id_, body))
            bundle = f"@{{{BUNDLE}.id}}"
        elif body := body | ({"DeveloperName": self._names.bundle(str(step.after[KEY]))} if KEY in step.after else {}):
            yield Node(method="PATCH", sobject="PermissionSetGroup", id=bundle, reference=BUNDLE, body=body)
        if (bundle, id_) not in self._index.parts:
            yield _part(OWN_PART, bundle, id_)
        if "includes" in step.after:
            yield from self._parts(bundle, _included(step.before), wanted)

    def _new(self, step: Step, id_: RemoteId, body: Mapping[str, Json]) -> dict[str, Json]:
        """Of a group for a permission set that is there already or comes with it."""
        known = self._index.sets.get(id_, {})
        so_far = {to: known[name] for name, to in _IN_BUNDLE.items() if name in known}
        return {**so_far, **body, "DeveloperName": self._names.bundle(str(step.after.get(KEY, key_of(step.address))))}

    def _parts(self, bundle: RemoteId, before: set[str], wanted: set[str]) -> Iterator[Node]:
        for at, key in enumerate(sorted(before ^ wanted)):
            included = self._ids.get(f"{Kind.ROLE}/{key}", "")
            part = self._index.parts.get((bundle, included))
            if key in wanted and not included:
                raise Impossible(f"{Kind.ROLE}/{key} is not in Salesforce")
            if key in wanted and part is None:
                yield _part(f"part{at}", bundle, included)
            elif key not in wanted and part is not None:
                self._going[part] = partial(self._index.parts.pop, (bundle, included), None)
                yield Node(method="DELETE", sobject="PermissionSetGroupComponent", id=part, reference=f"part{at}")

    def note(self, nodes: Sequence[Node], result: Result) -> None:
        """Where the new records stand, and that the old ones are gone."""
        made = {f"@{{{node.reference}.id}}": id_ for node, id_ in zip(nodes, result.ids, strict=True)}
        for node, id_ in zip(nodes, result.ids, strict=True):
            if node.method == "DELETE" and node.id in self._going:
                self._going.pop(node.id)()
            elif node.sobject == "UserRole" and "DeveloperName" in (body := node.body or {}):
                group = self._at[body["DeveloperName"]]
                self._index.nodes[made.get(group, group)] = node.id or id_
            elif node.method == "POST":
                body = {name: made.get(str(value), value) for name, value in (node.body or {}).items()}
                self._index.add(node.sobject, node.reference, body, id_)


def node_of(unit: Json, ids: Mapping[Address, RemoteId], index: Index) -> RemoteId | None:
    """A unit's role in the hierarchy; none for nothing. Raises Impossible."""
    if unit is None:
        return None
    found = index.nodes.get(ids.get(f"{Kind.UNIT}/{unit}", ""))
    if found is None:
        raise Impossible(f"{Kind.UNIT}/{unit} has no role in the hierarchy")
    return found


def _in_turn(before: Privileges, after: Privileges, masters: Mapping[str, frozenset[str]]) -> list[str]:
    """Salesforce refuses, row by row, what is read without its master: who reads less goes first, from below; then
    who reads more, from above."""
    words = sorted({*before, *after})
    order = [*TopologicalSorter({word: masters.get(word, frozenset()) & {*words} for word in words}).static_order()]

    def less(word: str) -> bool:
        return _reach(after.get(word)) < _reach(before.get(word))

    return [*filter(less, reversed(order)), *filterfalse(less, order)]


def _reach(actions: Mapping[str, str] | None) -> int:
    return SCOPES.index((actions or {}).get("read", SCOPES[0]))


def _part(reference: str, bundle: RemoteId, part: RemoteId) -> Node:
    body = {"PermissionSetGroupId": bundle, "PermissionSetId": part}
    return Node(method="POST", sobject="PermissionSetGroupComponent", reference=reference, body=body)


def _included(fields: Fields) -> set[str]:
    found = fields.get("includes")
    return {str(key) for key in found} if isinstance(found, list) else set()


def _privileges(fields: Fields) -> Privileges:
    found = fields.get("privileges")
    given = found if isinstance(found, dict) else {}
    return {
        word: {action: str(scope) for action, scope in actions.items()}
        for word, actions in given.items()
        if isinstance(actions, dict) and actions
    }

"""Compare the desired organization with the live one: keyed, one pass, only stated fields.

In: two mappings address -> fields in one space. Out: changes without an order. Never: walks the whole organization
with deepdiff, which explains only the attributes of one changed resource.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from orgsync.adapter import Snapshot
from orgsync.change import Action, AttributeChange, Change
from orgsync.resources import FIELDS, KEY, NO_UNIT, Address, Fields, Json, Kind, Organization, Shape, key_of, kind_of


def rename(
    live: Snapshot, previously: Mapping[Address, tuple[Address, ...]]
) -> tuple[Snapshot, dict[Address, Address]]:
    """The snapshot under today's addresses, and today's address -> the one that the CRM still carries.

    A resource that lives under both addresses is left alone: the old one is then a removal like any other.
    """
    former = {
        new: old
        for new, olds in previously.items()
        if new not in live.resources and (old := next((old for old in olds if old in live.resources), None))
    }
    if not former:
        return live, {}
    today = _renaming({old: new for new, old in former.items()})
    return replace(
        live,
        resources={today(a): _refer(a, fields, today) for a, fields in live.resources.items()},
        ids={today(a): remote for a, remote in live.ids.items()},
        changed={today(a): changed for a, changed in live.changed.items()},
    ), former


def _renaming(renamed: Mapping[Address, Address]) -> Callable[[Address], Address]:
    """Address -> today's address, where a membership or grant is renamed with its unit and its role."""

    def key(kind: Kind, old: str) -> str:
        return key_of(renamed.get(f"{kind}/{old}", f"{kind}/{old}"))

    def today(address: Address) -> Address:
        kind, *parts = address.split("/")
        if kind == Kind.MEMBERSHIP:
            return f"{kind}/{key(Kind.UNIT, parts[0])}/{parts[1]}"
        if kind == Kind.GRANT:
            return f"{kind}/{key(Kind.UNIT, parts[0])}/{parts[1]}/{key(Kind.ROLE, parts[2])}"
        return renamed.get(address, address)

    return today


def _refer(address: Address, fields: Fields, today: Callable[[Address], Address]) -> Fields:
    """The same fields, with references to renamed things under their new keys."""
    changed: dict[str, Json] = dict(fields)
    for name, spec in FIELDS[kind_of(address)].items():
        value = fields.get(name)
        if spec.to is None or not value:
            continue
        if isinstance(value, str):
            changed[name] = key_of(today(f"{spec.to}/{value}"))
        elif isinstance(value, list):
            changed[name] = [*sorted(key_of(today(f"{spec.to}/{key}")) for key in value)]
        elif isinstance(value, dict):
            changed[name] = {key_of(today(f"{spec.to}/{key}")): item for key, item in value.items()}
    return changed


def diff(desired: Organization, live: Snapshot, former: Mapping[Address, Address], *, today: date) -> list[Change]:
    """Changes that make ``live`` what ``desired`` states; linear in the number of resources.

    ``former``: from ``rename``. ``today`` only words the reason of a removal.
    """
    return [*_additions(desired.resources, live, former), *_removals(desired, live, today)]


def _additions(
    desired: Mapping[Address, Fields], live: Snapshot, former: Mapping[Address, Address]
) -> Iterator[Change]:
    present = live.resources
    for address, fields in desired.items():
        current = present.get(address)
        if current is None:
            yield Change(address=address, action=Action.CREATE, after=fields)
        elif address in former or (fields and any(current.get(name) != value for name, value in fields.items())):
            yield _update(address, fields, current, former.get(address), live.ids.get(address))


def _update(address: Address, fields: Fields, current: Fields, former: Address | None, remote_id: str | None) -> Change:
    names = [name for name, value in fields.items() if current.get(name) != value]
    before: dict[str, Json] = {name: current.get(name) for name in names}
    after: dict[str, Json] = {name: fields[name] for name in names}
    if former is not None:
        before[KEY], after[KEY] = key_of(former), key_of(address)
    reason = f"was {former}" if former else ""
    return Change(address=address, action=Action.UPDATE, before=before, after=after, reason=reason, remote_id=remote_id)


def _removals(desired: Organization, live: Snapshot, today: date) -> Iterator[Change]:
    open_units = {
        a.partition("/")[2] for a in desired.resources if a.startswith(f"{Kind.UNIT}/") and a not in desired.managed
    }
    open_users = _members_of(open_units, live)
    for address, fields in live.resources.items():
        if address in desired.resources:
            continue
        kind, *parts = address.split("/")
        if kind == Kind.USER or (kind in {Kind.MEMBERSHIP, Kind.GRANT} and parts[0] in open_units):
            continue
        if kind == Kind.GRANT and parts[0] == NO_UNIT and parts[1] in open_users:
            continue
        yield Change(
            address=address,
            action=Action.DELETE,
            before=fields,
            reason=_ended(fields, today),
            remote_id=live.ids.get(address),
        )


def _members_of(units: set[str], live: Snapshot) -> set[str]:
    """Logins of the live members of units whose assignments are not stated: nobody says what they should hold."""
    if not units:
        return set()
    memberships = (a.split("/") for a in live.resources if a.startswith(f"{Kind.MEMBERSHIP}/"))
    return {user for _, unit, user in memberships if unit in units}


def _ended(fields: Fields, today: date) -> str:
    until = fields.get("until")
    return f"ended on {until}" if isinstance(until, str) and until < today.isoformat() else ""


def attributes(change: Change) -> list[AttributeChange]:
    """What a change does to each field, down to ``privileges.opportunity.delete`` and ``roles[sales-rep]``.

    By name, so that a plan reads the same whether it was made now or opened from a file, where names are sorted.
    """
    before, after = change.before or {}, change.after or {}
    found: list[AttributeChange] = []
    for name in sorted({*before, *after}):
        found += _attribute(change, name, before.get(name), after.get(name))
    return found


def _attribute(change: Change, name: str, before: Json, after: Json) -> list[AttributeChange]:
    spec = FIELDS[change.kind].get(name)
    if change.action is not Action.UPDATE or spec is None or not (before and after):
        return [AttributeChange(path=name, before=before, after=after)]
    if spec.shape is Shape.REFS and isinstance(before, list) and isinstance(after, list):
        return [_link(name, str(key), key in before) for key in sorted(set(map(str, before)) ^ set(map(str, after)))]
    if spec.shape in {Shape.MAP, Shape.REF_MAP, Shape.VALUE} and type(before) is type(after):
        return _explain(name, before, after)
    return [AttributeChange(path=name, before=before, after=after)]


def _link(name: str, key: str, was: bool) -> AttributeChange:  # noqa: FBT001
    return AttributeChange(path=f"{name}[{key}]", before=key if was else None, after=None if was else key)


def _explain(name: str, before: Json, after: Json) -> list[AttributeChange]:
    from deepdiff import DeepDiff  # noqa: PLC0415  (0.2 s to import, and most plans never need it)

    tree = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    found = [
        AttributeChange(
            path=_path(name, level.path(output_format="list")), before=_side(level.t1), after=_side(level.t2)
        )
        for levels in tree.values()
        for level in levels
    ]
    return sorted(found, key=lambda attribute: attribute.path)


def _path(name: str, keys: list[str | int]) -> str:
    return name + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _side(value: object) -> Json:
    """deepdiff marks a missing side with an object of its own."""
    return value if isinstance(value, (bool, int, str, list, dict)) else None

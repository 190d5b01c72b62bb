"""Work out how things stood before a run, as far as nobody has changed them since.

In: what the run did, the live organization. Out: the organization to go back to, and findings about what cannot be
taken back. Never: overwrites what was changed after the run; brings people back or takes them away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orgsync.adapter import Snapshot
from orgsync.change import Action, Step
from orgsync.finding import Finding, Severity
from orgsync.resources import (
    KEY,
    NO_FIELDS,
    Address,
    Fields,
    Json,
    Kind,
    Organization,
    ends_of,
    kind_of,
    parts_of,
    references,
    same,
)


@dataclass(slots=True)
class Image:
    """What a run made of one resource; None: there was, or is, no such thing. Only fields that it wrote."""

    before: dict[str, Json] | None
    after: dict[str, Json] | None = field(default_factory=dict)


def images(steps: Iterable[Step]) -> tuple[dict[Address, Image], dict[Address, tuple[Address, ...]]]:
    """(address -> image, address from before the run -> the one that the run gave).

    Steps come in the order in which they were sent; several of one resource come to one image.
    """
    found: dict[Address, Image] = {}
    renamed: dict[Address, tuple[Address, ...]] = {}
    for step in steps:
        before = {name: value for name, value in step.before.items() if name != KEY}
        after = {name: value for name, value in step.after.items() if name != KEY}
        if KEY in step.before and KEY in step.after:
            renamed[f"{kind_of(step.address)}/{step.before[KEY]}"] = (step.address,)
        image = found.setdefault(step.address, Image(None if step.action is Action.CREATE and not step.before else {}))
        if image.before is not None and image.after is not None:
            image.before = before | image.before
        image.after = None if step.action is Action.DELETE else (image.after or {}) | after
    return found, renamed


def undo(did: Mapping[Address, Image], live: Snapshot) -> tuple[Organization, list[Finding]]:
    """``did`` and ``live`` under the addresses from before the run. Everything that lives is stated, so that only
    what the run did differs."""
    wanted: dict[Address, Fields] = dict(live.resources)
    findings: list[Finding] = []
    for address, image in did.items():
        if image.before is None:
            findings += _take_away(address, image, live.resources, wanted)
        elif image.after is None:
            findings += _bring_back(address, image.before, live.resources, wanted)
        else:
            findings += _restore(address, image.before, image.after, live.resources, wanted)
    findings += _without_ends([a for a, image in did.items() if image.after is None], wanted)
    findings += _without_targets(did, live.resources, wanted)
    managed = frozenset(address for address in wanted if address.startswith(f"{Kind.UNIT}/"))
    return Organization(resources=wanted, managed=managed), findings


def _take_away(
    address: Address, image: Image, live: Mapping[Address, Fields], wanted: dict[Address, Fields]
) -> list[Finding]:
    current = live.get(address)
    if current is None or image.after is None:
        return []
    if kind_of(address) is Kind.USER:
        return [_kept(address, "people are never deleted", Severity.INFO)]
    if moved := _moved({**dict.fromkeys(_filled(current)), **image.after}, current):
        return [_kept(address, moved)]
    del wanted[address]
    return []


def _filled(current: Fields) -> list[str]:
    """What the run left empty must be so still; a link to what is not orgsync's may be the CRM's own default."""
    return [name for name, value in current.items() if value and not str(value).startswith("foreign:")]


def _bring_back(
    address: Address, before: Fields, live: Mapping[Address, Fields], wanted: dict[Address, Fields]
) -> list[Finding]:
    if address in live:
        moved = _moved(before, live[address])
        return [_kept(address, f"it exists again: {moved}")] if moved else []
    foreign = [name for name, value in before.items() if isinstance(value, str) and value.startswith("foreign:")]
    wanted[address] = {name: value for name, value in before.items() if name not in foreign}
    return [_kept(address, f"{name} named something that orgsync does not manage") for name in foreign]


def _restore(
    address: Address,
    before: Fields,
    after: Fields,
    live: Mapping[Address, Fields],
    wanted: dict[Address, Fields],
) -> list[Finding]:
    current = live.get(address)
    if current is None:
        return [_kept(address, "it is gone")]
    back = {name: value for name, value in before.items() if same(current.get(name), after.get(name))}
    wanted[address] = {**current, **back}
    rest = {name: after.get(name) for name in before if name not in back and not same(current.get(name), before[name])}
    moved = _moved(rest, current)
    return [_kept(address, moved)] if moved else []


def _without_ends(candidates: Sequence[Address], wanted: dict[Address, Fields]) -> list[Finding]:
    """What hangs on something that is gone for good, or on somebody who was deactivated, cannot come back either;
    once more for what hangs on that."""
    findings: list[Finding] = []
    while lost := {a: why for a in candidates if a in wanted and (why := _obstacle(a, wanted))}:
        findings += [_kept(address, why) for address, why in lost.items()]
        for address in lost:
            del wanted[address]
    return findings


def _obstacle(address: Address, wanted: Mapping[Address, Fields]) -> str:
    for end in references(address, wanted[address]):
        if end not in wanted:
            return f"{end}, which it refers to, is gone"
    user = f"{Kind.USER}/{parts_of(address)[1]}" if ends_of(address) else ""
    return f"{user} is deactivated" if wanted.get(user, NO_FIELDS).get("active") is False else ""


def _without_targets(
    did: Mapping[Address, Image], live: Mapping[Address, Fields], wanted: dict[Address, Fields]
) -> list[Finding]:
    """A field that would refer to what is gone, or is not orgsync's, stays as it lives; the others are restored."""
    findings: list[Finding] = []
    for address, image in did.items():
        if address not in live or address not in wanted:
            continue
        fields = wanted[address]
        for name in image.before or ():
            gone = [one for one in references(address, {name: fields.get(name)}) if one not in wanted]
            if gone and not same(fields.get(name), live[address].get(name)):
                wanted[address] = {**wanted[address], name: live[address].get(name)}
                findings.append(_kept(address, f"{name} named {gone[0]}, which is gone or not orgsync's"))
    return findings


def _moved(was: Fields, current: Fields) -> str:
    return ", ".join(f"{name} was changed since" for name, value in was.items() if not same(current.get(name), value))


def _kept(address: Address, why: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        code="not-undone",
        severity=severity,
        summary="this is not taken back",
        detail=f"{address}: {why}",
        remedy="look at it in the CRM, and change it there or in the YAML if need be",
        address=address,
    )


__all__ = ["Image", "images", "undo"]

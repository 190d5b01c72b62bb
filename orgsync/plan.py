"""The plan: a value that says everything apply needs and everything a reviewer wants, saved as canonical JSON.

Two digests: ``digest`` covers every member but itself, down to the revision; ``change_digest`` covers what would be
done to which target under which guards, and stays the same when the same change is planned again after a merge.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from orgsync import access
from orgsync.access import NO_ACCESS, AccessDiff
from orgsync.change import RELEASE, Action, AttributeChange, Change, Effect, counts
from orgsync.errors import BadUsage, PlanRefused
from orgsync.finding import Finding, Position, Severity
from orgsync.resources import Address, Fields, Json

FORMAT_VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``name`` in the settings, ``adapter``'s name, and the ``identity`` that the adapter gives (no secrets)."""

    name: str
    adapter: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One guard as it stands for this plan: ``name`` is what ``--accept`` takes; ``violated`` and not ``accepted``
    makes apply refuse. ``text`` as in "removals 9 of 412 memberships (limit 25 %)"."""

    name: str
    text: str
    violated: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """changes      in an order in which they may be applied, waits included
    withheld        removals that the prune policy or the CRM's abilities hold back
    risky           ids of the changes that a reviewer must look at first
    settings        the safety and prune settings that were in force
    seen            address -> live fields of everything that the plan touches or refers to: what apply must find again
    roles           role address -> ``privileged``, ``includes`` and ``holders`` as declared, for the guards that apply
                    asks again
    contents        digest of the desired organization as declared, whatever the commit and the CRM
    revision        of the organization repository: a git commit, with ``+dirty`` where files differ
    origins         change id -> "file:line:column" of the statement behind it
    names           address -> display name, for everything that a reader of the plan meets
    bound           role address -> name of a role of the CRM's own that stands in for it
    access          what users gain and lose by all of this
    as_of           the day that it is made for, where somebody named one; it may only be applied on that day
    undoes          the run that this plan rolls back
    journal         "seq:hash" of the journal's last entry: one that was cut or rewritten since is not gone on with
    signature       of the digest, by whoever made the plan; empty where no key was given
    """

    target: Target
    revision: str
    changes: tuple[Change, ...] = ()
    withheld: tuple[Change, ...] = ()
    risky: frozenset[str] = frozenset()
    effects: tuple[Effect, ...] = ()
    guards: tuple[Guard, ...] = ()
    findings: tuple[Finding, ...] = ()
    settings: Mapping[str, Json] = field(default_factory=dict)
    seen: Mapping[Address, Fields] = field(default_factory=dict)
    roles: Mapping[Address, Fields] = field(default_factory=dict)
    contents: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[Address, str] = field(default_factory=dict)
    bound: Mapping[Address, str] = field(default_factory=dict)
    seats: tuple[int, int] | None = None
    access: AccessDiff = NO_ACCESS
    live: Mapping[str, int] = field(default_factory=dict)  # kind -> number of live resources that were read
    as_of: str = ""
    undoes: str = ""
    journal: str = ""
    digest: str = ""
    change_digest: str = ""
    signature: str = ""

    @property
    def summary(self) -> dict[str, int]:
        """Resources per action, and how many removals are withheld."""
        return {**counts(self.changes), "withheld": len(self.withheld)}

    @property
    def empty(self) -> bool:
        return not self.changes


def violations(guards: Iterable[Guard], accept: Container[str] = ()) -> list[Finding]:
    """What stops the plan: guards that were accepted neither when it was made nor now, by ``accept``."""
    return [
        Finding(
            code=one.name,
            summary="a guard refuses this plan",
            detail=one.text,
            remedy=f"if this is meant, review it and repeat with --accept {one.name}",
        )
        for one in guards
        if one.violated and not (one.accepted or one.name in accept)
    ]


Attributes = Callable[[Change], Sequence[AttributeChange]]


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON: sorted names, no spaces, UTF-8."""
    return sha256(_canonical(value)).hexdigest()


def digest_of_resources(resources: Mapping[Address, Fields], managed: Iterable[Address]) -> str:
    """The same whatever the order of files and of names. Resources that state the same fields go in columns: one text
    of all addresses and one of each field, since the JSON of every single resource takes several times as long."""
    alike, told = defaultdict[tuple[str, ...], list[Address]](list), defaultdict[tuple[str, ...], list[Address]](list)
    for address, fields in resources.items():
        alike[tuple(fields)].append(address)
    for names, addresses in alike.items():
        told[tuple(sorted(names))] += addresses
    parts = []
    for names, addresses in sorted(told.items()):
        addresses.sort()
        values = [resources[address] for address in addresses]
        columns = [_digest_of_column([one[name] for one in values]) for name in names]
        parts.append([names, _digest_of_column(addresses), *columns])
    return digest_of([parts, sorted(managed)])


def _digest_of_column(values: Sequence[Any]) -> str:
    """Texts are kept apart by a sign that none of them has; all else needs JSON."""
    with suppress(TypeError):  # not all are texts
        text = "\0".join(values)
        if text.count("\0") == len(values) - 1:
            return sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"json {digest_of(values)}"


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=dict).encode(
        errors="backslashreplace"  # half a surrogate pair, as a CRM may answer, becomes JSON's own escape
    )


def seal(plan: Plan) -> Plan:
    """The same plan with both digests filled in."""
    parts = {name: digest_of(value) for name, value in _members(plan).items()}  # each is written out only once
    reviewed = {name: parts[name] for name in _REVIEWED}
    return replace(plan, digest=digest_of(parts), change_digest=digest_of(reviewed))


_REVIEWED = (
    "formatVersion",
    "target",
    "contents",
    "settings",
    "seen",
    "roles",
    "changes",
    "withheld",
    "effects",
    "access",
    "bound",
    "asOf",
    "undoes",
)


def to_json(plan: Plan, attributes: Attributes) -> dict[str, Any]:
    """The published shape (``schemas/plan.schema.json``); ``attributes`` explains each change to readers.

    The explanation is derived from before and after, so it stands outside the digest.
    """
    members = {**_members(plan), "digest": plan.digest, "changeDigest": plan.change_digest}
    members |= {"signature": plan.signature, "summary": plan.summary}
    for member, change in zip(members["changes"], plan.changes, strict=True):
        member["attributes"] = [
            {"path": one.path, "before": one.before, "after": one.after} for one in attributes(change)
        ]
    return members


def save(plan: Plan, path: Path, attributes: Attributes) -> None:
    path.write_bytes(_canonical(to_json(plan, attributes)) + b"\n")


def open_plan(path: Path, attributes: Attributes) -> Plan:
    """Raises PlanRefused for anything but an unedited plan of this format."""
    try:
        content = path.read_bytes()
        value = json.loads(content)
    except OSError as error:
        raise BadUsage(f"cannot read {path}: {error.strerror}", remedy="check the path of the plan file") from None
    except (ValueError, RecursionError):
        raise PlanRefused(f"{path} is not a plan file", remedy=_PLAN_AGAIN) from None
    if not isinstance(value, dict) or value.get("formatVersion") != FORMAT_VERSION:
        raise PlanRefused(f"{path} is not a plan of format version {FORMAT_VERSION}", remedy=_PLAN_AGAIN)
    try:
        plan = seal(_from_json(value))
        same = _canonical(to_json(plan, attributes)) == content.strip()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
        raise PlanRefused(f"{path} is not a complete plan", remedy=_PLAN_AGAIN) from None
    if not same:
        raise PlanRefused(f"{path} was edited after it was made: its digest does not fit", remedy=_PLAN_AGAIN)
    return plan


_PLAN_AGAIN = "run orgsync plan -o FILE again and review the new plan"


def _members(plan: Plan) -> dict[str, Any]:
    """Everything but the digests and what is derived from the rest."""
    return {
        "formatVersion": FORMAT_VERSION,
        "target": {"name": plan.target.name, "adapter": plan.target.adapter, "identity": plan.target.identity},
        "revision": plan.revision,
        "contents": plan.contents,
        "settings": plan.settings,
        "seen": {address: dict(fields) for address, fields in plan.seen.items()},
        "roles": {address: dict(fields) for address, fields in plan.roles.items()},
        "live": dict(plan.live),
        "changes": [_change(change, plan) for change in plan.changes],
        "withheld": [_change(change, plan) for change in plan.withheld],
        "effects": [{"cause": one.cause, "summary": one.summary, "drops": list(one.drops)} for one in plan.effects],
        "access": access.to_json(plan.access),
        "guards": [
            {"name": one.name, "text": one.text, "violated": one.violated, "accepted": one.accepted}
            for one in plan.guards
        ],
        "findings": [finding.to_json() for finding in plan.findings],
        "origins": dict(plan.origins),
        "names": dict(plan.names),
        "bound": dict(plan.bound),
        "seats": list(plan.seats) if plan.seats else None,
        "asOf": plan.as_of,
        "undoes": plan.undoes,
        "journal": plan.journal,
    }


def _change(change: Change, plan: Plan) -> dict[str, Any]:
    return {
        "id": change.id,
        "address": change.address,
        "kind": str(change.kind),
        "action": str(change.action),
        "before": None if change.before is None else dict(change.before),
        "after": None if change.after is None else dict(change.after),
        "reason": change.reason,
        "waitsFor": list(change.waits_for),
        "remoteId": change.remote_id,
        "risky": change.id in plan.risky,
    }


def _from_json(value: Mapping[str, Any]) -> Plan:
    return Plan(
        target=Target(**value["target"]),
        revision=value["revision"],
        contents=value["contents"],
        settings=value["settings"],
        seen=value["seen"],
        roles=value["roles"],
        live=value["live"],
        changes=tuple(_open_change(one) for one in value["changes"]),
        withheld=tuple(_open_change(one) for one in value["withheld"]),
        risky=frozenset(one["id"] for one in [*value["changes"], *value["withheld"]] if one["risky"]),
        effects=tuple(
            Effect(cause=one["cause"], summary=one["summary"], drops=tuple(one["drops"])) for one in value["effects"]
        ),
        access=access.from_json(value["access"]),
        guards=tuple(Guard(**one) for one in value["guards"]),
        findings=tuple(_open_finding(one) for one in value["findings"]),
        origins=value["origins"],
        names=value["names"],
        bound=value["bound"],
        seats=(value["seats"][0], value["seats"][1]) if value["seats"] else None,
        as_of=value["asOf"],
        undoes=value["undoes"],
        journal=value["journal"],
        signature=value["signature"],
    )


def _open_change(value: Mapping[str, Any]) -> Change:
    change = Change(
        id=value["id"],
        address=value["address"],
        action=Action(value["action"]),
        before=value["before"],
        after=value["after"],
        reason=value["reason"],
        waits_for=tuple(value["waitsFor"]),
        remote_id=value["remoteId"],
    )
    if value["kind"] != change.kind or change.id not in {change.address, change.address + RELEASE}:
        raise ValueError(change.id)
    return change


def _open_finding(value: Mapping[str, Any]) -> Finding:
    position = (
        Position(file=value["file"], line=value["line"], column=value["column"]) if value["file"] is not None else None
    )
    return Finding(
        code=value["code"],
        severity=Severity(value["severity"]),
        summary=value["summary"],
        detail=value["detail"],
        remedy=value["remedy"],
        position=position,
        address=value["address"] or "",
        waiver=value["waiver"] or "",
    )

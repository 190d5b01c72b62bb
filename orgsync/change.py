"""What is to be done: one change per resource, made of attribute changes, sent to the CRM as steps in batches."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import TopologicalSorter

from orgsync.resources import NO_FIELDS, Address, Fields, Json, Kind, RemoteId, kind_of

RELEASE = "#release"
"""Ends the id of the extra change by which a resource gives its name up ahead of a swap."""


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeChange:
    """``path`` as in ``privileges.opportunity.delete`` or ``roles[sales-rep]``; an absent side is None."""

    path: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a plan.

    id          unique in the plan; the address, or ``address#release`` for a name given up ahead of a swap
    before      the live fields that the change touches (update) or all of them (delete); None for create
    after       the fields to write: only changed ones for update; None for delete
    reason      why, in one sentence; empty where before and after say it all
    waits_for   ids of changes that must have been applied first
    remote_id   where the CRM already holds it
    """

    address: Address
    action: Action
    before: Fields | None = None
    after: Fields | None = None
    reason: str = ""
    waits_for: tuple[str, ...] = ()
    remote_id: RemoteId | None = None
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", self.address)

    @property
    def kind(self) -> Kind:
        return kind_of(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change as the adapter sees it: what to write, nothing about why or when."""

    id: str
    address: Address
    action: Action
    before: Fields = field(default_factory=lambda: NO_FIELDS)
    after: Fields = field(default_factory=lambda: NO_FIELDS)
    remote_id: RemoteId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Steps of one kind and one action, none of which waits for another of the same batch; at most maxBatch."""

    kind: Kind
    action: Action
    steps: tuple[Step, ...]


class Status(StrEnum):
    APPLIED = "applied"
    FAILED = "failed"  # the CRM said no: nothing was written
    SKIPPED = "skipped"  # something it waits for was not applied
    UNKNOWN = "unknown"  # no answer: it may or may not have been written


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one step; ``detail`` has the CRM's own words."""

    id: str
    address: Address
    action: Action
    status: Status
    remote_id: RemoteId | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a CRM will do by itself because of a change.

    cause      id of the change
    summary    one sentence: "moving ana to west drops her roles"
    drops      addresses (of grants, memberships) that the CRM removes with it: live ones, which the plan creates
               again after the cause where they are still desired, and ones that this plan creates, which then
               have to come after the cause
    """

    cause: str
    summary: str
    drops: tuple[Address, ...] = ()


def counts(changes: Iterable[Change]) -> dict[str, int]:
    """Number of resources changed per action: ``{"create": 3, "update": 1, "delete": 2}``."""
    result = {str(action): 0 for action in Action}
    for change in changes:
        if not change.id.endswith(RELEASE):
            result[change.action] += 1
    return result


def strata(changes: Iterable[Change]) -> "TopologicalSorter[str]":
    """A prepared sorter over ids: what is ready together does not wait for one another."""
    sorter = TopologicalSorter({change.id: change.waits_for for change in changes})
    sorter.prepare()
    return sorter

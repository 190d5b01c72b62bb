"""What the journal tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orgsync.change import Status, Step
from orgsync.resources import Address, Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One apply.

    finished   None while it runs, or when it was cut off
    took_over  the run whose lease it took, because that one was dead
    undoes     the run that it was to roll back
    bound      role address -> name of a role of the CRM's own, as in the plan
    roles      role address -> ``privileged``, ``includes`` and ``holders``, as in the plan
    removals   how many the plan has; None in what was written before that was noted
    """

    id: str
    target: str
    identity: str
    actor: str
    digest: str
    revision: str
    started: datetime
    finished: datetime | None = None
    summary: Mapping[str, int] = field(default_factory=dict)
    took_over: str = ""
    undoes: str = ""
    bound: Mapping[Address, str] = field(default_factory=dict)
    roles: Mapping[Address, Fields] = field(default_factory=dict)
    removals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step that was about to be sent, with its before-image, and what became of it; None: nobody wrote it down."""

    run: str
    step: Step
    at: datetime
    status: Status | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry: its number and its hash, which covers all entries up to it. Written ``41:7b1e…``."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def head_of(text: str) -> Head | None:
    """What ``str`` of a head wrote; None where it is none."""
    seq, _, digest = text.partition(":")
    return Head(int(seq), digest) if seq.isdecimal() and digest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may apply to a target, until when unless it is prolonged."""

    run: str
    holder: str
    until: datetime

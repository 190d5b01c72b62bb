"""The plan: a value that says everything apply needs and everything a reviewer wants, saved as canonical JSON.

The digest covers every member but itself: target, revision, guard settings, live fingerprints and every change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orgsync.change import Change, Effect
from orgsync.finding import Finding
from orgsync.resources import Address, Json

FORMAT_VERSION = 1


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
    fingerprint     digest of the live values that the plan touches or refers to
    revision        of the organization repository: a git commit, with ``+dirty`` where files differ
    origins         change id -> "file:line:column" of the statement behind it
    names           address -> display name, for everything that a reader of the plan meets
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
    fingerprint: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[Address, str] = field(default_factory=dict)
    seats: tuple[int, int] | None = None
    live: Mapping[str, int] = field(default_factory=dict)  # kind -> number of live resources that were read
    digest: str = ""

    @property
    def empty(self) -> bool:
        return not self.changes

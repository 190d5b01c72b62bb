"""The protocol between orgsync and a CRM, and the values that cross it.

An adapter reads and applies; it never orders, diffs, prints or decides. Its arguments are values that can grow
fields. Opening and closing is the registry's business (``adapters.open_adapter``).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from orgsync.change import Action, Batch, Change, Effect, Outcome
from orgsync.finding import Finding
from orgsync.index import Index
from orgsync.resources import Address, Fields, Kind, RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCapabilities:
    """What a CRM can do with one kind; what is not listed it cannot.

    actions     create, update, delete
    fields      names of ``resources.FIELDS`` that are stored
    unique      fields whose values are unique among this kind on the server (orders whoever gives a name up first)
    max_batch   steps per call
    """

    actions: frozenset[Action] = frozenset()
    fields: frozenset[str] = frozenset()
    unique: frozenset[str] = frozenset()
    max_batch: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a CRM can express (design: unlisted means no).

    kinds         per kind; a kind that is missing does not exist there
    hierarchy     of units: "forest" or "none"
    unit_roles    True: roles are attached to units; False: they are expanded to one grant per member
    unit_grants   True: a grant belongs to a unit; False: grants fold to one per (user, role)
    one_role      True: nobody holds more than one role at a time
    scopes        the scopes that a privilege can have there
    action_scopes action -> those of ``scopes`` that it can have by itself; an action that is missing can have all
    nested_includes   True: what a role includes brings what it includes itself; False: `includes` has to name all of it
    object_scopes (object, action) -> the same, where it differs from object to object; none: there is no such privilege
    needs         (action, scope) -> what comes with it on the same object, since the CRM has it no other way
    parents       object -> those that are read with at least the scope that it is read with, or it is not
    objects       what privileges can be about there; None: any word
    privilege_actions   None: any word; else the ones it knows
    manages_roles True: privileges are written; False: roles are found by name and only granted
    expiry        where an end date is stored: "membership", "grant", "both" or "none"
    attribution   "none", "when", "last" (who changed it last) or "history"
    concurrency   "none", "modified-at" or "etag"
    max_concurrency   batches in flight at once
    """

    kinds: Mapping[Kind, KindCapabilities] = field(default_factory=dict)
    hierarchy: str = "none"
    unit_roles: bool = False
    unit_grants: bool = False
    one_role: bool = False
    scopes: frozenset[str] = frozenset()
    action_scopes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    object_scopes: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    needs: Mapping[tuple[str, str], frozenset[tuple[str, str]]] = field(default_factory=dict)
    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    objects: frozenset[str] | None = None
    privilege_actions: frozenset[str] | None = frozenset()
    manages_roles: bool = False
    nested_includes: bool = True
    expiry: str = "none"
    attribution: str = "none"
    concurrency: str = "none"
    max_concurrency: int = 1

    def of(self, kind: Kind) -> KindCapabilities:
        return self.kinds.get(kind, _NOTHING)


_NOTHING = KindCapabilities()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Who changed a resource last, as the CRM records it; ``by`` is empty where it only records when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """Something in the CRM that carries no key of ours: shown, never changed."""

    kind: Kind
    id: RemoteId
    name: str
    changed: Changed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to read.

    logins   the users of interest, lower case, or None for all of them
    roles    addresses of the declared roles, for a CRM in which a role is only a word that people carry
    bound    role address -> name of a role that the CRM already has and that stands in for it
    """

    logins: frozenset[str] | None = None
    roles: frozenset[Address] = frozenset()
    bound: Mapping[Address, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The live organization, complete or not at all.

    resources   address -> every stored field, of what carries our key. Users are addressed by login whether or not
                orgsync created them. A membership or grant is ours when everything it hangs on is; references to
                foreign things are left out of REFS and REF_MAP fields; those things stand in ``foreign``.
                Fields hold what the CRM holds: never absent for a stored field, None where it is empty ([] for REFS,
                {} for maps). A REF to a foreign thing reads as ``foreign:<id>``, so that it differs from nothing.
    ids         address -> remote id, where the CRM has one
    changed     address -> who changed it last
    foreign     what carries no key, sorted by kind and name
    findings    e.g. two live objects with one key
    seats       (used, limit) where the CRM counts licences, else None
    acting      the login that orgsync has there, where the CRM tells; no plan takes its access away unasked
    """

    resources: Mapping[Address, Fields] = field(default_factory=dict)
    ids: Mapping[Address, RemoteId] = field(default_factory=dict)
    changed: Mapping[Address, Changed] = field(default_factory=dict)
    foreign: Sequence[Foreign] = ()
    findings: Sequence[Finding] = ()
    seats: tuple[int, int] | None = None
    acting: str = ""
    _index: list[Index] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def index(self) -> Index:
        """Of ``resources``, made when it is first asked for."""
        if not self._index:
            self._index.append(Index(resources=self.resources))
        return self._index[0]


class Adapter(Protocol):
    """Errors: ``read`` raises IncompleteRead or AdapterError; ``apply`` raises only what stops the whole run."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def identity(self) -> str:
        """What this target is, without secrets: bound into plans, so that one for dev never applies to prod."""
        ...

    def read(self, scope: Scope) -> Snapshot: ...

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        """Carry out one batch; one outcome per step, in order. Called from several threads where ``max_concurrency`` is
        above one. ``ids``: remote ids of everything known so far, to look up; it grows while other calls end, so that
        whoever wants to walk through it takes a copy."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """Optional: a CRM of which most can be read before anybody knows what is declared, while the files are read.

    ``begin`` fetches whatever does not hang on the scope, in a thread of its own; what it returns ends the reading in
    the thread of the caller. Raises as ``read``, and ``read(scope)`` is ``begin()(scope)``. An adapter whose CRM tells
    what changed since it was asked last would ask for that here: what comes out is the whole organization either way.
    """

    def begin(self) -> Callable[[Scope], Snapshot]: ...


@runtime_checkable
class KeepsReadings(Protocol):
    """Optional: a CRM that tells what changed since it was asked last.

    ``keep`` comes before anything is read, and never where something is to be written: what is read is kept in files of
    that folder of the user's, and later readings ask for the changes alone. What is found there may be anything; a
    reading gives the whole organization either way.
    """

    def keep(self, folder: Path) -> None: ...


@runtime_checkable
class HasEffects(Protocol):
    """Optional: a CRM that does more than it is told."""

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]: ...


@runtime_checkable
class HasCost(Protocol):
    """Optional: a CRM that counts calls. ``changes`` are in order: what they wait for decides how many calls it takes.

    One sentence, a finding of the plan; empty where nothing is known.
    """

    def cost(self, changes: Sequence[Change]) -> str: ...


@runtime_checkable
class HasDoctor(Protocol):
    """Optional: can we log in, read, write; what is missing, in the vendor's words."""

    def doctor(self) -> Sequence[Finding]: ...


@runtime_checkable
class ReadsPlainly(Protocol):
    """Optional, of an opener: options that are so plain that they need no library to check them."""

    def plain(self, stated: Mapping[str, Any]) -> Any:
        """What ``open`` takes; None where ``Options`` must be asked."""


@runtime_checkable
class LiesInFiles(Protocol):
    """Optional, of an opener: a CRM that lies in SQLite files of this machine, and nothing but their bytes decides what
    a reading gives.

    Where that is so, a plan with nothing changed on either side reads those bytes and answers as the last one did
    (``orgsync.replay``). No files: nothing of the sort; a server that is reached over a network has no fingerprint that
    costs less than reading it.
    """

    def files(self, options: Any, *, root: Path) -> Sequence[Path]: ...


class Opener(Protocol):
    """What the registry holds per adapter name; also the type of an ``orgsync.adapters`` entry point.

    Options      a pydantic model of the target's settings that are the adapter's own (``url`` among them)
    CREDENTIALS  names of the credentials that the adapter takes
    CAPABILITIES what it can do with default settings and a server that plays along, for tables; what counts is what
                 the adapter says once it is open
    options      what ``Options`` made of the settings
    root         the organization repository: relative paths begin there
    credentials  name -> value, resolved; never to be shown
    writable     False: the transport itself must refuse every write
    actor        who is acting, as the CRM should record it
    clock        what time it is, asked only when something is written
    """

    CREDENTIALS: Sequence[str]
    CAPABILITIES: Capabilities

    @property
    def Options(self) -> type[Any]: ...  # noqa: N802  (most have a class of that name)

    def open(
        self,
        options: Any,
        *,
        root: Path,
        credentials: Mapping[str, str],
        writable: bool,
        actor: str,
        clock: Callable[[], datetime],
    ) -> AbstractContextManager[Adapter]: ...

"""A CRM that somebody else took over: whatever text it can say, it says ``TEXT``.

In: ``SAID.text`` and ``SAID.mode``. Out: an adapter that the registry opens under the name ``hostile``. Never: does
anything else than a CRM could.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from orgsync.adapter import Adapter, Capabilities, Changed, Foreign, Scope, Snapshot
from orgsync.adapters.memory import MemoryCrm
from orgsync.change import Batch, Change, Effect, Outcome, Status
from orgsync.errors import AdapterError, IncompleteRead
from orgsync.finding import Finding, Severity
from orgsync.resources import FIELDS, Address, Fields, Json, Kind, RemoteId, Shape, kind_of

WHEN = datetime(2026, 11, 21, 9, 14, tzinfo=UTC)


@dataclass(slots=True)
class Said:
    """mode: "answers" with the text in every value, "refuses" every step, "breaks" in the middle of an apply,
    "moves" between plan and apply, "cannot be read"; ``reads`` counts the reads."""

    text: str = ""
    mode: str = "answers"
    reads: int = 0


SAID = Said()

STATE: Mapping[Address, Fields] = {
    "business-unit/commercial": {"name": "Commercial"},
    "function/selling": {"name": "Selling"},
    "role/rep": {"name": "Representative"},
    "role/old": {"name": "Old role"},
    "unit/sales": {"name": "Sales Team", "businessUnit": "commercial"},
    "unit/gone": {"name": "Gone", "businessUnit": "commercial"},
    "user/ana@example.com": {"name": "Ana"},
    "user/leaver@example.com": {"name": "Leaver"},
    "membership/sales/leaver@example.com": {},
    "membership/gone/ana@example.com": {},
}


def _told(kind: Kind, fields: Fields) -> dict[str, Json]:
    """Texts replaced; references and flags are the CRM's own."""
    spec = FIELDS[kind]
    return {name: _value(spec[name].shape, name, value) for name, value in fields.items()}


def _value(shape: Shape, name: str, value: Json) -> Json:
    if name == "workflows":
        return [{"name": SAID.text, "url": SAID.text}]
    if shape is Shape.TEXT and name != "until":
        return SAID.text
    return {SAID.text: {SAID.text: "own"}} if shape is Shape.MAP else value


class HostileAdapter:
    def __init__(self, inner: Adapter) -> None:
        self._inner = inner

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    @property
    def identity(self) -> str:
        return f"hostile {SAID.text}"

    def read(self, scope: Scope) -> Snapshot:
        SAID.reads += 1
        if SAID.mode == "cannot be read":
            raise IncompleteRead(f"it says: {SAID.text}", remedy="wait")
        honest = self._inner.read(scope)
        moved = SAID.mode == "moves" and SAID.reads > 1
        return replace(
            honest,
            resources={
                at: {**_told(kind_of(at), fields), **({"name": f"moved {SAID.text}"} if moved and fields else {})}
                for at, fields in honest.resources.items()
            },
            changed={address: Changed(by=SAID.text, at=WHEN) for address in honest.resources},
            foreign=[
                Foreign(kind=kind, id=SAID.text, name=SAID.text, changed=Changed(by=SAID.text, at=WHEN))
                for kind in (Kind.UNIT, Kind.ROLE)
            ],
            findings=[_finding(Severity.WARNING)],
            seats=(3, 4),
        )

    def effects(self, changes: Sequence[Change], _live: Snapshot) -> Sequence[Effect]:
        return [Effect(cause=changes[0].id, summary=SAID.text)] if changes else []

    def doctor(self) -> Sequence[Finding]:
        return [_finding(Severity.INFO), _finding(Severity.ERROR)]

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        if SAID.mode == "breaks":
            raise AdapterError(f"it says:\n{SAID.text}", remedy="wait")
        if SAID.mode == "refuses":
            return [
                Outcome(id=one.id, address=one.address, action=one.action, status=Status.FAILED, detail=SAID.text)
                for one in batch.steps
            ]
        return self._inner.apply(batch, ids)


def _finding(severity: Severity) -> Finding:
    return Finding(
        code="said", severity=severity, summary=SAID.text, detail=SAID.text, remedy=SAID.text.replace("\n", " ")
    )


class Options(BaseModel):
    pass


class HostileOpener:
    Options: type[Any] = Options
    CREDENTIALS: Sequence[str] = ()

    @contextmanager
    def open(
        self,
        options: Any,  # noqa: ARG002
        *,
        root: Path,  # noqa: ARG002
        credentials: Mapping[str, str],  # noqa: ARG002
        writable: bool,
        actor: str,
        clock: Callable[[], datetime],  # noqa: ARG002
    ) -> Iterator[Adapter]:
        yield HostileAdapter(MemoryCrm(STATE).adapter(actor=actor, writable=writable))


opener = HostileOpener()

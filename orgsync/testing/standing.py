"""Adapters that stand before the one under test: smaller batches, and a process that dies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orgsync.adapter import Adapter, Capabilities, HasDoctor, HasEffects, Scope, Snapshot
from orgsync.change import Batch, Change, Effect, Outcome
from orgsync.finding import Finding
from orgsync.resources import Address, RemoteId


class Standing:
    """Says and does what the inner one says and does."""

    def __init__(self, inner: Adapter) -> None:
        self._inner = inner

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    @property
    def identity(self) -> str:
        return self._inner.identity

    def read(self, scope: Scope) -> Snapshot:
        return self._inner.read(scope)

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        return self._inner.apply(batch, ids)

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
        return self._inner.effects(changes, live) if isinstance(self._inner, HasEffects) else ()

    def doctor(self) -> Sequence[Finding]:
        return self._inner.doctor() if isinstance(self._inner, HasDoctor) else ()


class OneByOne(Standing):
    """Every batch has one step."""

    @property
    def capabilities(self) -> Capabilities:
        able = self._inner.capabilities
        return replace(able, kinds={kind: replace(can, max_batch=1) for kind, can in able.kinds.items()})


class Killed(BaseException):
    """The process is gone: nobody catches this."""


@dataclass(slots=True)
class Fate:
    """``at``: the call to ``apply`` at which the process dies, from 0; ``after``: once the CRM has carried it out."""

    at: int
    after: bool
    calls: int = 0


class Mortal(Standing):
    def __init__(self, inner: Adapter, fate: Fate) -> None:
        super().__init__(inner)
        self._fate = fate

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        number, self._fate.calls = self._fate.calls, self._fate.calls + 1
        if number == self._fate.at and not self._fate.after:
            raise Killed
        outcomes = self._inner.apply(batch, ids)
        if number == self._fate.at:
            raise Killed
        return outcomes

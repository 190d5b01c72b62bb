"""Business units: a company, its party, whose code is our mark, and a marker group that units refer to.

In: steps of business units. Out: outcomes. Never: deletes a party that somebody else uses (it is deactivated).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orgsync.adapters.tryton.api import Server
from orgsync.adapters.tryton.bulk import Group, Refusal, flat, outcome
from orgsync.adapters.tryton.convert import Marks, remote_id
from orgsync.adapters.tryton.ids import Ids
from orgsync.change import Outcome, Step
from orgsync.errors import CallRefused
from orgsync.resources import KEY, Kind, key_of

_WORD = str(Kind.BUSINESS_UNIT)


@dataclass(slots=True)
class _Found:
    """Mark -> id, of what is there."""

    markers: dict[str, int]
    parties: dict[str, int]
    companies: dict[str, int]

    def remote_id(self, mark: str) -> str:
        return remote_id(self.companies.get(mark), self.parties.get(mark), self.markers.get(mark))


class Companies:
    def __init__(self, server: Server, marks: Marks, currency: str) -> None:
        self._server, self._marks, self._code = server, marks, currency
        self._currency: int | None = None

    def create(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        """What a run that was cut off left is taken over."""
        steps = flat(groups)
        found = self._find(self._mark(step) for step in steps)
        for step in steps:
            if self._mark(step) in found.companies and self._mark(step) in found.markers:
                raise Refusal(f"{step.address} exists already")
        self._complete(steps, found, ids)
        return [outcome(step, remote_id=found.remote_id(self._mark(step))) for step in steps]

    def update(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        steps = flat(groups)
        halves = [step for step in steps if None in ids.business_unit(key_of(step.address))]
        found = self._find(self._mark(step) for step in halves)
        self._complete(halves, found, ids)
        whole = [step for step in steps if step not in halves]
        self._tell("party.party", [(ids.business_unit(key_of(s.address))[1], self._of_party(s)) for s in whole])
        self._tell("res.group", [(ids.business_unit(key_of(s.address))[2], self._of_marker(s, ids)) for s in whole])
        new = {step.id: found.remote_id(self._mark(step)) for step in halves}
        return [outcome(step, remote_id=new.get(step.id) or ids.known.get(step.address)) for step in steps]

    def delete(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:  # noqa: ARG002  (looked up: some may be left)
        """The company, then its party, then the marker, by which a later run finds what is left."""
        steps = flat(groups)
        found = self._find(self._mark(step) for step in steps)
        if found.companies:
            self._server.tell("model.company.company.delete", sorted(found.companies.values()))
        for party in self._delete_parties(sorted(found.parties.values())):
            self._server.tell("model.party.party.write", [party], {"active": False})
        if found.markers:
            self._server.tell("model.res.group.delete", sorted(found.markers.values()))
        return [outcome(step) for step in steps]

    def _delete_parties(self, parties: list[int]) -> list[int]:
        """Those that cannot be deleted, since they are used elsewhere."""
        if not parties:
            return []
        try:
            self._server.tell("model.party.party.delete", parties)
        except CallRefused:
            half = len(parties) // 2
            return [*self._delete_parties(parties[:half]), *self._delete_parties(parties[half:])] if half else parties
        return []

    def _mark(self, step: Step) -> str:
        return self._marks.name(_WORD, str(step.after.get(KEY) or key_of(step.address)))

    def _find(self, wanted: Iterable[str]) -> _Found:
        names = sorted(wanted)
        if not names:
            return _Found({}, {}, {})
        groups = self._server.table("res.group", [["name", "in", names]], ["name"])
        parties = self._server.table("party.party", [["code", "in", names]], ["code"])
        companies = self._server.table("company.company", [["party.code", "in", names]], ["party.code"])
        return _Found(
            {one["name"]: one["id"] for one in groups},
            {one["code"]: one["id"] for one in parties},
            {one["party."]["code"]: one["id"] for one in companies},
        )

    def _complete(self, steps: Sequence[Step], found: _Found, ids: Ids) -> None:
        """Creates what is missing and corrects what is there; adds both to ``found``."""
        currency = self._currency_id() if any(self._mark(step) not in found.companies for step in steps) else 0
        self._ensure("res.group", steps, found.markers, lambda s: {"name": self._mark(s), **self._of_marker(s, ids)})
        self._ensure("party.party", steps, found.parties, lambda s: {"code": self._mark(s), **self._new_party(s)})
        missing = [step for step in steps if self._mark(step) not in found.companies]
        values = [{"party": found.parties[self._mark(step)], "currency": currency} for step in missing]
        made = self._server.tell("model.company.company.create", values) if values else []
        found.companies |= {self._mark(step): number for step, number in zip(missing, made, strict=True)}

    def _ensure(self, model: str, steps: Sequence[Step], found: dict[str, int], values: Any) -> None:
        self._tell(model, [(found[self._mark(s)], values(s)) for s in steps if self._mark(s) in found])
        missing = [step for step in steps if self._mark(step) not in found]
        made = self._server.tell(f"model.{model}.create", [values(step) for step in missing]) if missing else []
        found |= {self._mark(step): number for step, number in zip(missing, made, strict=True)}

    def _tell(self, model: str, writes: Iterable[tuple[int | None, Mapping[str, Any]]]) -> None:
        told = [part for number, values in writes if number is not None and values for part in ([number], values)]
        if told:
            self._server.tell(f"model.{model}.write", *told)

    def _of_marker(self, step: Step, ids: Ids) -> dict[str, Any]:
        values: dict[str, Any] = {"name": self._mark(step)} if KEY in step.after else {}
        if "parent" not in step.after:
            return values
        parent = step.after["parent"]
        marker = ids.business_unit(str(parent))[2] if parent is not None else None
        if parent is not None and marker is None:
            raise Refusal(f"there is no business unit {parent}, or not all of it")
        return values | {"parent": marker}

    def _new_party(self, step: Step) -> dict[str, Any]:
        return {"name": step.after.get("name") or key_of(step.address), "active": True}

    def _of_party(self, step: Step) -> dict[str, Any]:
        values: dict[str, Any] = {"name": step.after["name"]} if "name" in step.after else {}
        return values | ({"code": self._mark(step)} if KEY in step.after else {})

    def _currency_id(self) -> int:
        if self._currency is None:
            found = self._server.table("currency.currency", [["code", "=", self._code]], ["code"])
            if not found:
                raise Refusal(f"this server has no currency {self._code}, and a company needs one")
            self._currency = int(found[0]["id"])
        return self._currency

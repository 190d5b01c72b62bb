"""Business units: a company, its party, and a marker group that names the party and that units refer to.

In: steps of business units. Out: outcomes. Never: deletes a party (it is deactivated, and used again).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from orgsync.adapters.tryton.api import Server
from orgsync.adapters.tryton.bulk import Group, Refusal, flat, outcome
from orgsync.adapters.tryton.convert import Marks, remote_id
from orgsync.adapters.tryton.ids import Ids
from orgsync.change import Outcome, Step
from orgsync.resources import KEY, Kind, key_of

_WORD = str(Kind.BUSINESS_UNIT)


@dataclass(slots=True)
class _Found:
    """What is there. ``markers``: key -> (group, party); ``parties``: id -> code; ``companies``: party -> company."""

    markers: dict[str, tuple[int, int | None]]
    parties: dict[int, str]
    companies: dict[int, int]

    def party(self, key: str) -> int | None:
        party = self.markers.get(key, (0, None))[1]
        return party if party in self.parties else None

    def remote_id(self, key: str) -> str:
        marker, party = self.markers[key]
        return remote_id(self.companies.get(party) if party is not None else None, party, marker)

    def spare(self, code: str) -> int | None:
        """A party with that code that no marker names: left by a run that was cut off."""
        named = {party for _, party in self.markers.values()}
        return next((party for party, one in self.parties.items() if one == code and party not in named), None)

    def free(self, code: str) -> str:
        """Codes are unique and stay, so that a key that was given up may still be in one."""
        taken = set(self.parties.values())
        others = (f"{code} ({number})" for number in count(2))
        return next(one for one in chain([code], others) if one not in taken)


class Companies:
    def __init__(self, server: Server, marks: Marks, currency: str) -> None:
        self._server, self._marks, self._code = server, marks, currency
        self._currency: int | None = None

    def create(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        """What a run that was cut off left is taken over."""
        steps = flat(groups)
        found = self._find()
        for step in steps:
            if _key(step) in found.markers:
                raise Refusal(f"{step.address} exists already")
        self._complete(steps, found, ids)
        return [outcome(step, remote_id=found.remote_id(_key(step))) for step in steps]

    def update(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:
        steps = flat(groups)
        halves = [step for step in steps if ids.business_unit(key_of(step.address))[0] is None]
        new: dict[str, str] = {}
        if halves:
            found = self._find()
            self._complete(halves, found, ids)
            new = {step.id: found.remote_id(_key(step)) for step in halves}
        parts = [(step, *ids.business_unit(key_of(step.address))) for step in steps if step.id not in new]
        self._tell("party.party", [(party, _of_party(step)) for step, _, party, _ in parts])
        self._tell("res.group", [(marker, self._of_marker(step, party, ids)) for step, _, party, marker in parts])
        return [outcome(step, remote_id=new.get(step.id) or ids.known.get(step.address)) for step in steps]

    def delete(self, groups: Sequence[Group], ids: Ids) -> list[Outcome]:  # noqa: ARG002  (looked up: some may be left)
        """The company, then its party, then the marker, by which a later run finds what is left.

        The party is deactivated: a deletion would empty every field of other records that refers to it.
        """
        steps = flat(groups)
        found = self._find()
        keys = [_key(step) for step in steps if _key(step) in found.markers]
        parties = sorted(party for key in keys if (party := found.party(key)) is not None)
        companies = [found.companies[party] for party in parties if party in found.companies]
        if companies:
            self._server.tell("model.company.company.delete", companies)
        if parties:
            self._server.tell("model.party.party.write", parties, {"active": False})
        if keys:
            self._server.tell("model.res.group.delete", [found.markers[key][0] for key in keys])
        return [outcome(step) for step in steps]

    def _find(self) -> _Found:
        """All that is ours: business units are few."""
        ours = self._marks.name(_WORD, "%")
        groups = self._server.table("res.group", [["name", "like", ours]], ["name"])
        marks = ((self._marks.of(one["name"]), one) for one in groups)
        markers = {mark[1]: (one["id"], Marks.party_of(one["name"])) for mark, one in marks if mark is not None}
        named = [party for _, party in markers.values() if party is not None]
        parties = self._server.table("party.party", ["OR", ["code", "like", ours], ["id", "in", named]], ["code"])
        known = [one["id"] for one in parties]
        companies = self._server.table("company.company", [["party", "in", known]], ["party"])
        return _Found(
            markers, {one["id"]: one["code"] for one in parties}, {one["party"]: one["id"] for one in companies}
        )

    def _complete(self, steps: Sequence[Step], found: _Found, ids: Ids) -> None:
        """Party, marker, company, where they are missing: the first is found by its code, the others by the marker."""
        currency = self._currency_id()
        parties = self._parties(steps, found)
        for step, party in zip(steps, parties, strict=True):
            if (marker := found.markers.get(key_of(step.address))) is not None:  # it goes by the key that it has now
                found.markers[_key(step)] = (marker[0], party)
        there = [(step, party) for step, party in zip(steps, parties, strict=True) if _key(step) in found.markers]
        self._tell("res.group", [(found.markers[_key(s)][0], self._of_marker(s, p, ids, whole=True)) for s, p in there])
        missing = [(s, party) for s, party in zip(steps, parties, strict=True) if _key(s) not in found.markers]
        values = [self._of_marker(step, party, ids, whole=True) for step, party in missing]
        made = self._server.tell("model.res.group.create", values) if values else []
        for (step, party), marker_id in zip(missing, made, strict=True):
            found.markers[_key(step)] = (marker_id, party)
        lacking = [party for party in parties if party not in found.companies]
        new = [{"party": party, "currency": currency} for party in lacking]
        found.companies |= zip(
            lacking, self._server.tell("model.company.company.create", new) if new else [], strict=True
        )

    def _parties(self, steps: Sequence[Step], found: _Found) -> list[int]:
        codes = {step.id: self._marks.name(_WORD, _key(step)) for step in steps}
        parties = {s.id: found.party(key_of(s.address)) or found.spare(codes[s.id]) for s in steps}
        self._tell(
            "party.party", [(party, {"active": True}) for party in parties.values()]
        )  # until then it is read-only
        self._tell("party.party", [(parties[step.id], _of_party(step)) for step in steps])
        new = [step for step in steps if parties[step.id] is None]
        values = [{"code": found.free(codes[step.id]), "name": key_of(step.address), **_of_party(step)} for step in new]
        made = self._server.tell("model.party.party.create", values) if values else []
        parties |= {step.id: number for step, number in zip(new, made, strict=True)}
        return [number for step in steps if (number := parties[step.id]) is not None]

    def _tell(self, model: str, writes: Iterable[tuple[int | None, Mapping[str, Any]]]) -> None:
        told = [part for number, values in writes if number is not None and values for part in ([number], values)]
        if told:
            self._server.tell(f"model.{model}.write", *told)

    def _of_marker(self, step: Step, party: int | None, ids: Ids, *, whole: bool = False) -> dict[str, Any]:
        named = whole or KEY in step.after
        values: dict[str, Any] = {"name": self._marks.name(_WORD, _key(step), party)} if named else {}
        if "parent" not in step.after:
            return values
        parent = step.after["parent"]
        marker = ids.business_unit(str(parent))[2] if parent is not None else None
        if parent is not None and marker is None:
            raise Refusal(f"there is no business unit {parent}")
        return values | {"parent": marker}

    def _currency_id(self) -> int:
        if self._currency is None:
            found = self._server.table("currency.currency", [["code", "=", self._code]], ["code"])
            if not found:
                raise Refusal(f"this server has no currency {self._code}, and a company needs one")
            self._currency = int(found[0]["id"])
        return self._currency


def _key(step: Step) -> str:
    """Which it has afterwards."""
    return str(step.after.get(KEY) or key_of(step.address))


def _of_party(step: Step) -> dict[str, Any]:
    return {"name": step.after["name"]} if step.after.get("name") else {}

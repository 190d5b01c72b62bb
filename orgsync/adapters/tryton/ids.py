"""Remote ids of several parts, taken apart: what apply knows of everything by now.

In: address -> remote id. Out: numbers of records. Never: asks the server.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orgsync.adapters.tryton.convert import numbers
from orgsync.resources import Address, Kind, RemoteId


@dataclass(frozen=True, slots=True)
class Ids:
    """Business unit: company/party/marker. Unit: role/marker. Role: role/marker/privileges. User: the user."""

    known: Mapping[Address, RemoteId]

    def business_unit(self, key: str) -> tuple[int | None, int | None, int | None]:
        company, party, marker = numbers(self.known.get(f"{Kind.BUSINESS_UNIT}/{key}"), 3)
        return company, party, marker

    def unit(self, key: str) -> tuple[int | None, int | None]:
        role, marker = numbers(self.known.get(f"{Kind.UNIT}/{key}"), 2)
        return role, marker

    def role(self, key: str) -> tuple[int | None, int | None, int | None]:
        role, marker, privileges = numbers(self.known.get(f"{Kind.ROLE}/{key}"), 3)
        return role, marker, privileges

    def user(self, login: str) -> int | None:
        return numbers(self.known.get(f"{Kind.USER}/{login.lower()}"), 1)[0]

    def companies(self) -> dict[int, int]:
        """Marker of a business unit -> its company."""
        found = (self.business_unit(key) for key in self._keys(Kind.BUSINESS_UNIT))
        return {marker: company for company, _, marker in found if marker is not None and company is not None}

    def homes(self) -> set[int]:
        """Markers of business units."""
        found = {self.business_unit(key)[2] for key in self._keys(Kind.BUSINESS_UNIT)}
        return {marker for marker in found if marker is not None}

    def markers(self) -> set[int]:
        """Groups of ours that give nothing."""
        found = {self.unit(key)[1] for key in self._keys(Kind.UNIT)}
        found |= {self.role(key)[1] for key in self._keys(Kind.ROLE)}
        return self.homes() | {marker for marker in found if marker is not None}

    def _keys(self, kind: Kind) -> Iterator[str]:
        prefix = f"{kind}/"
        return (address.removeprefix(prefix) for address in self.known if address.startswith(prefix))

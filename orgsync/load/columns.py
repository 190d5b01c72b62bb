"""What a unit states of its assignments: columns, from which each assignment is made when somebody asks for it.

In: mappings, or columns. Out: a sequence of mappings. Never: holds a mapping per assignment, of which there are a
hundred times more than of anything else; a column is made, kept and looked through at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

Stated = Mapping[str, Any]
"""What a valid document states, in the author's order and under the author's names; logins in lower case, flags and
numbers as such."""
ABSENT: Final = ...
"""In a column, of an assignment that does not state that field; a stated null is None."""


@dataclass(frozen=True, slots=True, eq=False)
class Assignments(Sequence[Stated]):
    """A column for each field, as long as the others; ``primary``, which hardly anybody states, by numbers.

    Equal lists of roles are one tuple.
    """

    primary: Mapping[int, bool] = field(default_factory=dict)
    user: Sequence[str] = ()
    roles: Sequence[Any] = ()
    until: Sequence[Any] = ()
    reason: Sequence[Any] = ()

    @classmethod
    def of(cls, stated: Sequence[Stated]) -> "Assignments":
        user, until, reason = ([one.get(name, ABSENT) for one in stated] for name in ("user", "until", "reason"))
        roles = [tuple(one["roles"]) if "roles" in one else ABSENT for one in stated]
        return cls({n: one["primary"] for n, one in enumerate(stated) if "primary" in one}, user, roles, until, reason)

    def shared(self, share: Callable[[Any, Any], Any]) -> "Assignments":
        """``share``: such as ``setdefault`` of one mapping for many units, whose equal values become one object."""
        return Assignments(self.primary, *[list(map(share, column, column)) for column in self.columns()])

    def columns(self) -> tuple[Sequence[Any], ...]:
        return self.user, self.roles, self.until, self.reason

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (list, Assignments)) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.user)

    @overload
    def __getitem__(self, number: int, /) -> Stated: ...
    @overload
    def __getitem__(self, number: slice, /) -> list[Stated]: ...
    def __getitem__(self, number: int | slice, /) -> Stated | list[Stated]:
        if isinstance(number, slice):
            return [self._made(one) for one in range(*number.indices(len(self)))]
        return self._made(range(len(self))[number])

    def __iter__(self) -> Iterator[Stated]:
        return map(self._made, range(len(self)))

    def _made(self, number: int) -> Stated:
        found: dict[str, Any] = {"user": self.user[number]}
        if (roles := self.roles[number]) is not ABSENT:
            found["roles"] = [*roles]
        if number in self.primary:
            found["primary"] = self.primary[number]
        for name, column in (("until", self.until), ("reason", self.reason)):
            if column[number] is not ABSENT:
                found[name] = column[number]
        return found

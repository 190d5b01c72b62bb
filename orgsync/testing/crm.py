"""What an adapter's author provides: a CRM to fill, and somebody who has things in it that are not orgsync's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from orgsync.adapter import Opener
from orgsync.resources import Json

PEOPLE = tuple(f"{name}@example.com" for name in ("ana", "bo", "cy", "dee", "boss"))
"""Logins that the suite assigns. A CRM in which orgsync cannot create people must have them already."""


class Beside(Protocol):
    """Somebody who has been there before orgsync, and stays."""

    def make(self) -> None:
        """Makes things without a key of orgsync's: a unit with a member, a role with privileges, what there is."""
        ...

    def look(self) -> object:
        """All that the CRM holds about them, whatever its form: compared with ``==``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request on its way to the CRM."""

    method: str
    path: str
    body: bytes = field(repr=False)


def writes(call: Call) -> bool:
    """True unless the method only reads."""
    return call.method not in {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A CRM without anything of orgsync's in it, for one test.

    settings      what stands under a target in orgsync.yaml: ``adapter``, ``url``, ``credentials``, options
    beside        somebody who was there before
    environment   variable -> value, for the references in ``settings``
    opener        the adapter under test, where it is not installed under the name in ``settings``
    smallest      settings with which its pages are as small as they get; empty where it reads no pages
    objects       two words for objects that its roles can have privileges about
    writes        which calls over HTTP change something
    """

    settings: Mapping[str, Json]
    beside: Beside
    environment: Mapping[str, str] = field(default_factory=dict)
    opener: Opener | None = None
    smallest: Mapping[str, Json] = field(default_factory=dict)
    objects: tuple[str, str] = ("lead", "opportunity")
    writes: Callable[[Call], bool] = writes

    @property
    def adapter(self) -> str:
        return str(self.settings["adapter"])

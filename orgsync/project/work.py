"""The work in progress while an organization is projected, and what is said about what is lost."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from orgsync.adapter import Capabilities
from orgsync.finding import Finding
from orgsync.resources import Address, Fields, Json, Kind

Privileges = dict[str, dict[str, str]]


@dataclass(slots=True)
class Projection:
    """Resources by address, and what was lost: (kind, field) -> addresses.

    narrower   a scope that the CRM lacks becomes the next smaller one
    omit       what it has no word for is left out
    changed    ``resources`` are a copy
    """

    adapter: str
    capabilities: Capabilities
    narrower: bool
    omit: bool
    resources: Mapping[Address, Fields]
    findings: list[Finding] = field(default_factory=list)
    lost: dict[tuple[Kind, str], list[Address]] = field(default_factory=lambda: defaultdict(list))
    changed: bool = False

    @property
    def own(self) -> dict[Address, Fields]:
        """To be changed: copied with the first change, since a CRM that stores all there is needs none."""
        if not self.changed:
            self.resources, self.changed = dict(self.resources), True
        return cast("dict[Address, Fields]", self.resources)

    def of_kind(self, kind: Kind) -> list[tuple[Address, Fields]]:
        prefix = f"{kind}/"
        return [(address, fields) for address, fields in self.resources.items() if address.startswith(prefix)]


def privileges_of(value: Json) -> Privileges:
    """A copy; ``{}`` where none are stated."""
    if not isinstance(value, dict):
        return {}
    return {
        subject: {action: str(scope) for action, scope in actions.items()}
        for subject, actions in value.items()
        if isinstance(actions, dict)
    }


def as_json(privileges: Mapping[str, Mapping[str, str]]) -> Json:
    return {subject: dict(actions) for subject, actions in privileges.items()}

"""Which group stands for what: by its externalId, by the settings, or by a role's `bind`.

In: groups. Out: group id -> address, and findings. Never: chooses between two that claim to be one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orgsync.adapters.scim.options import Options
from orgsync.adapters.scim.values import Group
from orgsync.finding import Finding, Severity
from orgsync.resources import Address, Kind, RemoteId, well_formed

_KINDS = frozenset({Kind.UNIT, Kind.ROLE, Kind.BUSINESS_UNIT})


@dataclass(slots=True)
class Keys:
    """``addresses``: only what is certain; the groups of a claim that is not stand in ``findings``."""

    addresses: dict[RemoteId, Address] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def keys(groups: Iterable[Group], options: Options, bound: Mapping[Address, str]) -> Keys:
    found, claims, named = Keys(), defaultdict[Address, list[Group]](list), defaultdict[str, list[Group]](list)
    for group in groups:
        if group.key.startswith(options.key_prefix):
            address = group.key.removeprefix(options.key_prefix)
            if not _ours(address):
                found.findings.append(_strange(group))
            else:
                claims[address].append(group)
        else:
            named[group.name].append(group)
    for address, name in {**bound, **options.existing}.items():
        if name in named and address not in claims:
            claims[address] = named[name]
    for address, claimants in claims.items():
        if len(claimants) == 1:
            found.addresses[claimants[0].id] = address
        else:
            found.findings.append(_twice(address, claimants))
    return found


def _ours(address: Address) -> bool:
    return well_formed(address) and address.partition("/")[0] in _KINDS


def _strange(group: Group) -> Finding:
    return Finding(
        code="strange-mark",
        severity=Severity.WARNING,
        summary="a mark in the CRM has a key that is none",
        detail=f"{group.name} ({group.id}) has the externalId {group.key}; it is taken for foreign",
        remedy="find out who wrote it, and correct it in the provider",
    )


def _twice(address: Address, claimants: list[Group]) -> Finding:
    return Finding(
        code="duplicate-mark",
        summary="the CRM has one thing twice",
        detail=f"{address}: {', '.join(sorted(f'{one.name} ({one.id})' for one in claimants))}",
        remedy="find out which one is meant, and take the externalId from the others, or delete them",
        address=address,
    )

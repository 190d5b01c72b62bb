"""Fold the desired organization into what a CRM can express; whatever would be lost is a finding.

In: the desired organization, a CRM's capabilities. Out: an organization in the CRM's own space, and findings.
Never: reads or changes anything; drops a difference silently. A second plan is empty because both sides of the
diff live in this space.
"""

from collections.abc import Iterable
from dataclasses import replace

from orgsync.adapter import Capabilities
from orgsync.finding import Finding, Severity
from orgsync.project.folding import fold_functions, fold_includes
from orgsync.project.homes import derive_homes, derive_nodes
from orgsync.project.people import expand_unit_roles, fold_grants, keep_one_role, place_expiry
from orgsync.project.words import check_privileges
from orgsync.project.work import Projection
from orgsync.resources import FIELDS, NO_FIELDS, Address, Fields, Kind, Organization, kind_of


def project(
    desired: Organization, capabilities: Capabilities, adapter: str, *, narrower: bool = False, omit: bool = False
) -> tuple[Organization, list[Finding]]:
    """``adapter``: whose ``bind`` entries count.

    narrower   a scope that the CRM lacks becomes the next smaller one
    omit       privileges whose object or action the CRM has no word for are left out
    """
    work = Projection(adapter, capabilities, narrower, omit, desired.resources)
    bound = bound_names(desired, adapter)
    _use_bound_roles(work, bound)
    derive_homes(work, desired.primary)
    derive_nodes(work)
    fold_functions(work)
    fold_includes(work, bound)
    check_privileges(work)
    expand_unit_roles(work, desired.managed)
    place_expiry(work)
    fold_grants(work)
    keep_one_role(work, desired.resources)
    _drop_what_is_not_stored(work)
    projected = replace(desired, resources=work.resources) if work.changed else desired
    return projected, [*work.findings, *_losses(work)]


def bound_names(desired: Organization, adapter: str) -> dict[Address, str]:
    """Role address -> name of the role that stands in for it in this adapter's CRM."""
    return {address: names[adapter] for address, names in desired.bound.items() if adapter in names}


def _use_bound_roles(work: Projection, bound: Iterable[Address]) -> None:
    """A bound role is the CRM's own: nothing about it is stated, only grants refer to it."""
    for address in bound:
        if address in work.resources:
            work.own[address] = NO_FIELDS


def _drop_what_is_not_stored(work: Projection) -> None:
    for kind in Kind:
        stored = work.capabilities.of(kind).fields
        missing = {name for name, spec in FIELDS[kind].items() if not spec.derived} - stored
        known = kind in work.capabilities.kinds or kind is Kind.USER  # people are referred to everywhere
        if known and not missing:
            continue
        for address, fields in work.of_kind(kind):
            if not known:
                work.lost[kind, ""].append(address)
                del work.own[address]
            elif not missing.isdisjoint(fields):
                _note_losses(work, address, fields, missing)
                work.own[address] = {name: value for name, value in fields.items() if name in stored}


def _note_losses(work: Projection, address: Address, fields: Fields, missing: Iterable[str]) -> None:
    kind = kind_of(address)
    for name in missing:
        if fields.get(name) not in (None, "", [], {}) and not FIELDS[kind][name].noted:
            work.lost[kind, name].append(address)


def _losses(work: Projection) -> list[Finding]:
    """One finding per kind and field, however many resources lose it."""
    return [_loss(work.adapter, kind, name, addresses) for (kind, name), addresses in sorted(work.lost.items())]


def _loss(adapter: str, kind: Kind, name: str, addresses: list[Address]) -> Finding:
    others = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    what = f"the field {name} of a {kind}" if name else f"the kind {kind}"
    return Finding(
        code="not-stored-by-target",
        severity=Severity.WARNING,
        summary="the target has no place for something that is declared",
        detail=f"{adapter} does not store {what}: {addresses[0]}{others}",
        remedy="nothing is lost in the YAML; choose another mapping in the target's settings where it has one",
        address=addresses[0],
    )

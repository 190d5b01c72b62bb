"""Can we log in, what does the provider offer, what is missing. Reads only."""

from collections.abc import Callable, Iterator, Sequence

from orgsync.adapter import Capabilities
from orgsync.adapters.diagnosis import fact, trouble, warning
from orgsync.adapters.scim.api import Api
from orgsync.adapters.scim.discovery import Offer
from orgsync.adapters.scim.options import Options, Roles
from orgsync.adapters.scim.vendors import Deviations
from orgsync.errors import AdapterError
from orgsync.finding import Finding
from orgsync.resources import Kind


def examine(api: Api, options: Options, known: Deviations, able: Callable[[], Capabilities]) -> Sequence[Finding]:
    """Raises nothing."""
    try:
        found = api.offer
        return [_offers(found), *_asked(api, found), *_missing(found, options, known, able())]
    except AdapterError as error:
        return [trouble(str(error), error.remedy)]


def _offers(found: Offer) -> Finding:
    bulk = f"{found.bulk.operations} operations, {found.bulk.payload} bytes" if found.bulk is not None else "no"
    said = {"patch": found.patch, "filter": found.filters, "etag": found.etag, "sort": found.sort}
    plain = ", ".join(f"{name} {'yes' if yes else 'no'}" for name, yes in said.items())
    paging = "cursors" if found.cursor else "index"
    nested = "yes" if found.nesting else "no"
    return fact("the provider says what it offers", f"{plain}, bulk {bulk}, paging by {paging}, nested groups {nested}")


def _asked(api: Api, found: Offer) -> Iterator[Finding]:
    for endpoint in ("Users", *(["Groups"] if found.groups else [])):
        page = api.page(endpoint, ("meta",), "", None)
        total = page.total if page.total is not None else f"at least {len(page.items)}"
        yield fact("reading is allowed", f"{endpoint}: {total}")


def _missing(found: Offer, options: Options, known: Deviations, able: Capabilities) -> Iterator[Finding]:
    if not found.patch:
        yield trouble("the provider has no PATCH", "nothing can be changed without overwriting what others own")
    if not found.groups:
        yield trouble("the provider has no groups", "there is no place for units and their members")
    if options.roles is not Roles.NONE and Kind.ROLE not in able.kinds:
        yield _lack(f"users have no attribute {options.role_attribute}", "set roles: groups, or roles: none")
    if found.groups and not found.nesting:
        yield _lack("groups cannot contain groups", "parents of units are not kept there")
    home = options.business_unit_attribute is not None or options.managers
    if home and not found.enterprise:
        yield _lack("there is no enterprise extension", "take businessUnitAttribute and managers out of the settings")
    if known.fixed_groups:
        yield _lack("groups can only be found, not made", "name each unit's group under `existing`")
    if not found.filters:
        yield _lack("lists cannot be filtered", "everybody is read every time")


def _lack(detail: str, remedy: str) -> Finding:
    return warning("the provider lacks something", detail, remedy)

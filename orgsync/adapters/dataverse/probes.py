"""What the documentation leaves open, checked on the environment itself: the doctor's second half.

In: an API. Out: findings. Never: writes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from orgsync.adapters.dataverse.api import Api, Row
from orgsync.adapters.dataverse.deltas import TRACKED
from orgsync.adapters.dataverse.tables import COLUMNS, organization, root_of, roots, rows_of
from orgsync.adapters.diagnosis import fact, trouble, warning
from orgsync.errors import AdapterError
from orgsync.finding import Finding

_UPSERT = "Upsert"
_MADE = ("businessunit", "role", "team")
_NOTED = "ChangeTrackingEnabled eq true and IsCustomEntity eq false"


def probe(api: Api) -> Iterator[Finding]:
    """Raises AdapterError."""
    closed = [*_closed(api)]
    yield from closed or [fact("every table that is read has the columns", ", ".join(COLUMNS))]
    if closed:
        return
    parts, roles, teams = rows_of(api, "businessunits"), rows_of(api, "roles"), rows_of(api, "teams")
    yield _copies(parts, roles)
    yield _default_teams(parts, teams)
    yield _upserts(api)
    yield _tracked(api)


def _closed(api: Api) -> Iterator[Finding]:
    """A table that may not be read, or has not the columns: a description of roles is younger than the rest."""
    audited = organization(api)["isauditenabled"] is True
    for name, columns in COLUMNS.items():
        if name == "audits" and not audited:
            continue
        try:
            api.get(f"{name}?$select={','.join(columns)}&$top=1")
        except AdapterError as error:
            if name != "audits":  # only names hang on it
                remedy = "update the environment, or let the application user's role read the table"
                yield trouble(f"{name} cannot be read: {error}", remedy)


def _copies(parts: Sequence[Row], roles: Sequence[Row]) -> Finding:
    """Every role of the root business unit is its own root and has a copy in every other one."""
    own = roots(roles, root_of(parts))
    strange = [role["name"] for role in own if role["_parentrootroleid_value"] != role["roleid"]]
    copies = Counter(role["_parentrootroleid_value"] for role in roles)
    lacking = [role["name"] for role in own if copies[role["roleid"]] != len(parts)]
    if odd := sorted({*strange, *lacking}):
        return warning(
            "roles are not copied as expected",
            f"{', '.join(odd)}: one copy in each of {len(parts)} business units is expected",
            "steps that need a copy that is not there are refused; tell us, with this line",
        )
    return fact("roles are copied as expected", f"{len(own)} roles in {len(parts)} business units")


def _default_teams(parts: Sequence[Row], teams: Sequence[Row]) -> Finding:
    """Each business unit has one, which is left alone: its mark is ``isdefault``."""
    names = {part["businessunitid"]: part["name"] for part in parts}
    found = Counter(team["_businessunitid_value"] for team in teams if team["isdefault"])
    if odd := sorted(str(name) for id_, name in names.items() if found[id_] != 1):
        return warning(
            "default teams are not as expected",
            f"{', '.join(odd)}: one team with isdefault is expected in each business unit",
            "nothing is written to a team without a mark of ours; tell us, with this line",
        )
    return fact("default teams are as expected", f"one in each of {len(parts)} business units")


def _upserts(api: Api) -> Finding:
    """Rows are made by an upsert under an id of our choosing; the list of messages may be closed to us."""
    try:
        found = _listed(api)
    except AdapterError as error:
        return fact("whether upserts are listed is not known", str(error))
    if lacking := [name for name in _MADE if name not in found]:
        return warning(
            "upserts are not listed for all tables",
            f"Upsert is not listed for {', '.join(lacking)}",
            "if creating is refused there, tell us, with this line and the refusal",
        )
    return fact("upserts are listed for all tables", ", ".join(_MADE))


def _listed(api: Api) -> set[str]:
    """Tables that have the message."""
    messages = api.rows("sdkmessages", ("sdkmessageid", "name"), where=f"name eq '{_UPSERT}'")
    where = " or ".join(f"_sdkmessageid_value eq {one['sdkmessageid']}" for one in messages)
    columns = ("sdkmessagefilterid", "primaryobjecttypecode")
    return (
        {row["primaryobjecttypecode"] for row in api.rows("sdkmessagefilters", columns, where=where)}
        if where
        else set()
    )


def _tracked(api: Api) -> Finding:
    """Tables that are read whole every time, since nobody notes what changes in them."""
    try:
        found = api.get(f"EntityDefinitions?$select=LogicalName&$filter={quote(_NOTED)}").get("value", ())
        names = {row["LogicalName"] for row in found}
    except (AdapterError, AttributeError, TypeError, KeyError) as error:
        return fact("whether changes are tracked is not known", str(error))
    if lacking := [name.removesuffix("s") for name in TRACKED if name.removesuffix("s") not in names]:
        return fact("tables without change tracking are read whole by every plan", ", ".join(lacking))
    return fact("changes are tracked", ", ".join(TRACKED))

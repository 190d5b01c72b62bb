"""What an adapter's CRM can express, for people and as JSON: the same facts under the same names everywhere.

In: capabilities. Out: rows (what, how), JSON. Never: opens a CRM.
"""

from collections.abc import Mapping, Sequence

from orgsync.adapter import Capabilities
from orgsync.change import Action
from orgsync.resources import FIELDS, SCOPES, Kind

_STATED = (Kind.BUSINESS_UNIT, Kind.UNIT, Kind.ROLE, Kind.MEMBERSHIP)
_FOLDED = {"roles", "includes", "functions"}
_LONGEST = 8


def to_json(able: Capabilities) -> dict[str, object]:
    return {
        "kinds": {
            str(kind): {
                "actions": sorted(map(str, can.actions)),
                "fields": sorted(can.fields),
                "unique": sorted(can.unique),
                "maxBatch": can.max_batch,
            }
            for kind, can in able.kinds.items()
        },
        "hierarchy": able.hierarchy,
        "unitRoles": able.unit_roles,
        "unitGrants": able.unit_grants,
        "oneRole": able.one_role,
        "scopes": [scope for scope in SCOPES if scope in able.scopes],
        "objects": _sorted(able.objects),
        "privilegeActions": _sorted(able.privilege_actions),
        "managesRoles": able.manages_roles,
        "expiry": able.expiry,
        "attribution": able.attribution,
        "concurrency": able.concurrency,
        "maxConcurrency": able.max_concurrency,
    }


def _sorted(words: frozenset[str] | None) -> list[str] | None:
    return None if words is None else sorted(words)


def rows(able: Capabilities) -> Sequence[tuple[str, str]]:
    """(what, how), the same questions for every adapter."""
    users = able.of(Kind.USER)
    return (
        ("business units", _business_units(able)),
        ("units", _units(able)),
        ("roles of a unit", "on the unit" if able.unit_roles else "granted to each member"),
        ("roles", "written" if able.manages_roles else "found by name"),
        ("functions", "kept" if Kind.FUNCTION in able.kinds else "folded into roles"),
        ("role inclusion", "kept" if "includes" in able.of(Kind.ROLE).fields else "folded into roles"),
        ("objects", _words(able.objects, able.manages_roles)),
        ("actions", _words(able.privilege_actions, able.manages_roles)),
        ("scopes", ", ".join(scope for scope in SCOPES if scope in able.scopes) or "none"),
        ("a grant belongs to", _holder(able)),
        ("end dates", _EXPIRY[able.expiry]),
        ("people", "made and found" if Action.CREATE in users.actions else "found"),
        ("who changed it", _ATTRIBUTION.get(able.attribution, able.attribution)),
        ("steps per call", ", ".join(map(str, sorted({can.max_batch for can in able.kinds.values()})))),
        ("calls at once", str(able.max_concurrency)),
        ("not stored", _lost(able)),
    )


_EXPIRY = {"membership": "of memberships", "grant": "of grants", "both": "of memberships and grants", "none": "none"}
_ATTRIBUTION = {"last": "the last one", "when": "only when", "none": "nobody knows"}


def _holder(able: Capabilities) -> str:
    if able.one_role:
        return "a person, who has one at most"
    return "a member of a unit" if able.unit_grants else "a person"


def _business_units(able: Capabilities) -> str:
    if Kind.BUSINESS_UNIT not in able.kinds:
        return "none"
    return "a forest" if "parent" in able.of(Kind.BUSINESS_UNIT).fields else "a list"


def _units(able: Capabilities) -> str:
    if Kind.UNIT not in able.kinds:
        return "none"
    return "a forest" if "parent" in able.of(Kind.UNIT).fields else "a list"


def _words(words: frozenset[str] | None, manages_roles: bool) -> str:  # noqa: FBT001
    if not manages_roles:
        return "none"
    if words is None:
        return "any"
    return ", ".join(sorted(words)) if len(words) <= _LONGEST else f"{len(words)} of them"


def _lost(able: Capabilities) -> str:
    """What a document can state and nobody finds there; orgsync says so before it applies anything."""
    lost: list[str] = []
    for kind in _STATED:
        if kind in able.kinds:
            specs: Mapping[str, object] = {n: s for n, s in FIELDS[kind].items() if not s.noted and not s.derived}
            missing = specs.keys() - able.of(kind).fields - _FOLDED
            missing -= {"privileges"} if not able.manages_roles else set()
            lost += [f"{name} of a {kind.replace('-', ' ')}" for name in sorted(missing)]
    return ", ".join(lost) or "nothing"

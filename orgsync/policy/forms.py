"""How things are called, how deep they are nested, and who is let in.

In: a State and the settings. Out: findings. Never: anything about a policy that the settings do not state.
"""

from collections.abc import Iterable, Iterator

from orgsync.finding import Finding
from orgsync.policy.state import GRANT, MEMBERSHIP, UNIT, USER, State
from orgsync.resources import Address, Fields, Json, Kind
from orgsync.settings.policies import matcher
from orgsync.settings.values import Named, Policies


def names(state: State, policies: Policies) -> Iterator[Finding]:
    stated = policies.names
    for kind, named in (
        (Kind.BUSINESS_UNIT, stated.business_unit),
        (Kind.UNIT, stated.unit),
        (Kind.FUNCTION, stated.function),
        (Kind.ROLE, stated.role),
    ):
        if named.key or named.name:
            for key, fields in state.of(kind).items():
                yield from _called(state, f"{kind}/{key}", key, fields, named)


def _called(state: State, address: Address, key: str, fields: Fields, named: Named) -> Iterator[Finding]:
    for field, value, pattern in (("key", key, named.key), ("name", fields.get("name"), named.name)):
        if pattern is not None and isinstance(value, str) and not matcher(pattern)(value):
            yield state.tell("unagreed-name", f'"{value}" does not match {pattern}', address, field)


def levels(state: State, policies: Policies) -> Iterator[Finding]:
    for kind, most in ((Kind.UNIT, policies.depth.units), (Kind.BUSINESS_UNIT, policies.depth.business_units)):
        if most is not None:
            for key, level in depths(state, kind).items():
                if level > most:
                    detail = f"{key} is on level {level}, at most {most} are allowed"
                    yield state.tell("too-many-levels", detail, f"{kind}/{key}", "parent")


def depths(state: State, kind: Kind) -> dict[str, int]:
    """Key -> the level that it is on, the topmost being 1; of a ring nobody knows, and it is left out."""
    parents = {key: fields.get("parent") for key, fields in state.of(kind).items()}
    found: dict[str, int] = {}
    for key in parents:
        chain: dict[str, None] = {}
        at: Json = key
        while isinstance(at, str) and at in parents and at not in found and at not in chain:
            chain[at] = None
            at = parents[at]
        if at not in chain:
            above = found.get(at, 0) if isinstance(at, str) else 0
            found |= {one: above + number for number, one in enumerate(reversed(chain), 1)}
    return found


def domains(state: State, policies: Policies) -> Iterator[Finding]:
    """Whoever is assigned, and whoever owns a unit."""
    if not policies.mail_domains:
        return
    allowed = {*policies.mail_domains}
    for login in _assigned(state):
        if _domain(login) not in allowed:
            yield state.tell("outside-mail-domain", login, f"{USER}{login}")
    for key, fields in state.of(Kind.UNIT).items():
        owner = fields.get("owner")
        if isinstance(owner, str) and _domain(owner) not in allowed:
            yield state.tell("outside-mail-domain", f"{owner}, who owns {key}", f"{UNIT}{key}", "owner")


def _assigned(state: State) -> Iterable[str]:
    """Declared users are those who are assigned; a CRM knows others, too."""
    if not state.live:
        return state.of(Kind.USER)
    return dict.fromkeys(a.split("/")[2] for a in state.resources if a.startswith((MEMBERSHIP, GRANT)))


def _domain(login: str) -> str:
    return login.rpartition("@")[2].lower()

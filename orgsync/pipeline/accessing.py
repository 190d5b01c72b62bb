"""Effective access of what is declared, of what lives, of what a plan makes of it, and of what a commit declared."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

from orgsync.access import NO_LIMITS, UNKNOWN, Access, AccessDiff, Limits, Privilege, already, compare, evaluate
from orgsync.adapter import Adapter, Capabilities, Scope, Snapshot
from orgsync.change import Action, Change, Effect
from orgsync.collector import collector_paused
from orgsync.diff import rename
from orgsync.errors import PlanRefused, StalePlan
from orgsync.finding import suggestion
from orgsync.freshness import moved
from orgsync.pipeline.declaring import stop_at_errors, validate
from orgsync.pipeline.target import kinds_kept, read, read_again, reading, target_of
from orgsync.pipeline.values import Environment
from orgsync.plan import Plan
from orgsync.project import bound_names
from orgsync.resources import NO_FIELDS, Address, Fields, Kind, kind_of, parts_of
from orgsync.revision import lay_out
from orgsync.settings import Settings
from orgsync.watch import Watch

Resources = Mapping[Address, Fields]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One organization's access, and what is needed to speak of it.

    previously   address -> older addresses of the same resource
    place        where a resource is declared, as "file:line:column", or ""
    as_declared  the CRM does not tell what its roles allow
    """

    access: Access
    strong: frozenset[str] = frozenset()
    previously: Mapping[Address, tuple[Address, ...]] = field(default_factory=dict)
    place: Callable[[Address], str] = lambda _: ""
    as_declared: bool = False

    @property
    def names(self) -> dict[Address, str]:
        """Display names of units and people."""
        named = ((a, f.get("name")) for a, f in self.access.resources.items() if a.startswith(_NAMED))
        return {address: name for address, name in named if isinstance(name, str)}

    def doubt_of(self, asked: Privilege) -> str:
        """Why nobody may have it: no role is known to allow it; "" where one is. A slip of the pen must not calm."""
        given, words = self.access.roles.privileges(), ":".join(asked)
        near = suggestion(words, sorted(":".join(one) for one in given if one[0] != UNKNOWN))
        return "" if asked in given else f"no role is known to allow {words}{near}"

    def doubt_about(self, login: str) -> str:
        """Why somebody may have nothing: nobody is called so; "" where somebody is."""
        user = f"{Kind.USER}/"
        logins = sorted(address.removeprefix(user) for address in self.access.resources if address.startswith(user))
        return "" if login in logins else f'nobody here has the login "{login}"{suggestion(login, logins)}'


_NAMED = (f"{Kind.UNIT}/", f"{Kind.USER}/")


def declared_access(
    root: Path, settings: Settings, target: str | None, *, today: date, watch: Watch, cache: Path | None = None
) -> Known:
    """What the YAML says. ``target``: whose ``bind`` entries count. Raises InvalidInput where it has errors."""
    declared = validate(root, today=today, watch=watch, cache=cache)
    stop_at_errors(declared.findings)
    desired = declared.desired
    bound = bound_names(desired, target_of(settings, target).adapter) if target is not None else {}
    silent = (a for a in desired.bound if not any(map(desired.resources[a].get, _ALLOWING)))

    def place(address: Address) -> str:
        source = desired.sources.get(address)
        return "" if source is None else str(declared.repository.position(source))

    with watch.stage("access"), collector_paused():
        unknown = frozenset([*bound, *silent])
        access = already(desired.resources, desired.holdings(), today=today, named=desired.named, unknown=unknown)
    return Known(access=access, strong=_strong(desired.resources, {}), previously=desired.previously, place=place)


def access_of_commit(
    root: Path, settings: Settings, target: str | None, commit: str, *, today: date, watch: Watch
) -> Known:
    """What the YAML of a commit says; the work tree is not touched."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415  (no plan needs it)

    with TemporaryDirectory(prefix="orgsync-") as folder:
        lay_out(root, commit, Path(folder))
        return declared_access(Path(folder), settings, target, today=today, watch=watch)


def live_access(
    root: Path,
    settings: Settings,
    target_name: str,
    *,
    today: date,
    environment: Environment,
    watch: Watch,
    plan: Plan | None = None,
    cache: Path | None = None,
) -> Known:
    """What lives in the CRM; with a plan what will once it is applied. Raises as ``make_plan``, and PlanRefused."""
    target = target_of(settings, target_name)
    declared = validate(root, today=today, watch=watch, cache=cache)
    stop_at_errors(declared.findings)
    stated, bound = declared.desired.resources, bound_names(declared.desired, target.adapter)
    roles = frozenset(address for address in stated if address.startswith(_ROLE))
    with reading(target, root, environment) as adapter, watch.stage("read"):
        if plan is None:
            live: Resources = read(adapter, Scope(logins=None, roles=roles, bound=bound)).resources
        else:
            live, bound = _planned(plan, adapter, roles), dict(plan.bound)
        known = meaning(adapter.capabilities, live, stated, bound)
    with watch.stage("access"):
        access = evaluate(live, today=today, contents=known.contents, unknown=known.unknown)
    return Known(access=access, strong=known.strong, as_declared=bool(known.contents))


def _planned(plan: Plan, adapter: Adapter, roles: frozenset[Address]) -> Resources:
    """What will live, from what lives now: it must be as the plan saw it."""
    if plan.target.identity != adapter.identity:
        raise PlanRefused(f"this plan is for {plan.target.identity}, not {adapter.identity}", remedy="plan again")
    live, former = read_again(plan, adapter, everybody=True, more=roles)
    dropped = frozenset(address for effect in plan.effects for address in effect.drops)
    kept = kinds_kept(adapter)
    if sentences := moved(plan.changes, live, dropped, seen=plan.seen, former=former, kept=kept):
        raise StalePlan(sentences)
    return outcome(live.resources, plan.changes, plan.effects)


def compare_access(before: Known, after: Known) -> tuple[AccessDiff, dict[str, str]]:
    """What users gain and lose, uncut, and where what causes it is declared."""
    access = _under_todays_keys(before.access, after.previously)
    one, other = access.resources, after.access.resources

    def touched(address: Address) -> Address | None:
        """Asked of what may be a cause alone: to compare everything would take longer than all the rest."""
        return address if _matters(one.get(address), other.get(address), kind_of(address)) else None

    with collector_paused():
        diff = compare(access, after.access, strong=before.strong | after.strong, touched=touched, limits=NO_LIMITS)
    causes = {cause for group in diff.groups for cause in group.causes[:1]}
    return diff, {cause: place for cause in causes if (place := after.place(cause) or before.place(cause))}


def _under_todays_keys(access: Access, previously: Mapping[Address, tuple[Address, ...]]) -> Access:
    """A rename gives and takes nothing."""
    renamed, former = rename(Snapshot(resources=access.resources), previously)
    if not former:
        return access
    unknown = access.roles.unknown.union(new for new, old in former.items() if old in access.roles.unknown)
    return evaluate(renamed.resources, today=date.fromisoformat(access.today), unknown=unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What roles allow where the CRM does not tell.

    contents   role and function address -> its fields as declared
    unknown    roles of the CRM's own
    strong     keys of privileged roles
    """

    contents: Resources
    unknown: frozenset[Address]
    strong: frozenset[str]


def meaning(capabilities: Capabilities, live: Resources, stated: Resources, bound: Iterable[Address]) -> Meaning:
    """A CRM that keeps no privileges of roles leaves them to whoever declared them; what nobody states is unknown."""
    told = capabilities.manages_roles and "privileges" in capabilities.of(Kind.ROLE).fields
    contents = {} if told else {a: fields for a, fields in stated.items() if a.startswith(_CONTENTS)}
    silent = (a for a, fields in contents.items() if a.startswith(_ROLE) and not any(map(fields.get, _ALLOWING)))
    return Meaning(contents=contents, unknown=frozenset([*bound, *silent]), strong=_strong(live, stated))


def _strong(live: Resources, stated: Resources) -> frozenset[str]:
    roles = {a: fields for side in (live, stated) for a, fields in side.items() if a.startswith(_ROLE)}
    return frozenset(a.removeprefix(_ROLE) for a, fields in roles.items() if fields.get("privileged") is True)


_ROLE = f"{Kind.ROLE}/"
_CONTENTS = (_ROLE, f"{Kind.FUNCTION}/")
_ALLOWING = ("includes", "functions", "privileges")


def access_diff(
    live: Snapshot,
    changes: Sequence[Change],
    effects: Sequence[Effect],
    known: Meaning,
    *,
    today: date,
    limits: Limits,
    logins: set[str] | None = None,
) -> AccessDiff:
    """What users gain and lose by a plan, in the CRM's own space; what is withheld changes nothing.

    ``logins``: the users of interest, or None for everybody.
    """
    if not changes:
        return AccessDiff()
    logins = touched_logins(changes, effects) if logins is None else logins
    lives = near(live, logins)
    asked = partial(evaluate, today=today, contents=known.contents, unknown=known.unknown, logins=logins)
    before = asked(lives)
    after = asked(outcome(lives, changes, effects), roles=None if _turns_roles(changes, effects) else before.roles)
    touched = {change.address: change.id for change in changes if _matters(change.before, change.after, change.kind)}
    return compare(
        before,
        after,
        strong=known.strong,
        touched=touched.get if touched else None,
        limits=limits,
        as_declared=bool(known.contents),
    )


def near(live: Snapshot, logins: Iterable[str] | None) -> Resources:
    """All units and roles, but only these people and their memberships and grants: walking over those of everybody
    would take longer than all the rest. None: of everybody."""
    if logins is None:
        return live.resources
    index, people = live.index, {*logins}
    users = (f"{Kind.USER}/{login}" for login in people)
    edges = (edge for listed in index.edges(people).values() for edge in listed)
    found: dict[Address, Fields] = {one: index.resources[one] for one in (*users, *edges) if index.holds(one)}
    for kind in (Kind.FUNCTION, Kind.ROLE, Kind.UNIT):
        found |= index.of_kind(kind)
    return found


def outcome(live: Resources, changes: Iterable[Change], effects: Iterable[Effect]) -> dict[Address, Fields]:
    """What will live: what the CRM drops by itself is gone, unless the plan gives it again."""
    dropped = {address for effect in effects for address in effect.drops}
    after = {address: fields for address, fields in live.items() if address not in dropped}
    for change in changes:
        if change.action is Action.DELETE:
            after.pop(change.address, None)
        else:
            after[change.address] = {**after.get(change.address, NO_FIELDS), **(change.after or NO_FIELDS)}
    return after


def touched_logins(changes: Iterable[Change], effects: Iterable[Effect]) -> set[str] | None:
    """Whose access may differ; None for anybody's, where a role or the forest changes."""
    if any(_reaches_all(change) for change in changes):
        return None
    touched = [*(change.address for change in changes), *(one for effect in effects for one in effect.drops)]
    people = (address for address in touched if kind_of(address) in _PEOPLE)
    return {parts_of(address)[-1 if kind_of(address) is Kind.USER else 1] for address in people}


def _turns_roles(changes: Iterable[Change], effects: Iterable[Effect]) -> bool:
    """Whether a role may allow something else than it did."""
    touched = [*(change.address for change in changes), *(one for effect in effects for one in effect.drops)]
    return any(address.startswith(_CONTENTS) for address in touched)


_PEOPLE = {Kind.USER, Kind.MEMBERSHIP, Kind.GRANT}
_NEAR = {Kind.USER: {"active"}, Kind.MEMBERSHIP: {"until"}, Kind.GRANT: {"until"}}
_FAR = {
    Kind.ROLE: {"includes", "functions", "privileges"},
    Kind.FUNCTION: {"privileges"},
    Kind.UNIT: {"roles", "parent"},
}


def _reaches_all(change: Change) -> bool:
    if change.kind not in _FAR or change.action is Action.CREATE:
        return False
    return change.action is Action.DELETE or not _FAR[change.kind].isdisjoint(change.after or NO_FIELDS)


def _matters(before: Fields | None, after: Fields | None, kind: Kind) -> bool:
    """Whether anybody's access may depend on it: another name or reason gives nobody anything."""
    if before is None or after is None:
        return before is not after
    names = _FAR.get(kind) or _NEAR.get(kind) or set[str]()
    return any(name in after and before.get(name) != after[name] for name in names)

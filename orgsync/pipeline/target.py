"""A target's settings, and what lives there under a plan's addresses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from orgsync.adapter import Adapter, Scope, Snapshot
from orgsync.adapters import files_of, open_adapter
from orgsync.diff import rename
from orgsync.errors import IncompleteRead, OrgsyncError
from orgsync.pipeline.values import Environment
from orgsync.plan import Plan
from orgsync.references import expand_url, sqlite_file
from orgsync.resources import KEY, Address, Json, Kind, ends_of, key_of, kind_of, well_formed
from orgsync.settings import Settings, TargetSettings

WITH_LOGIN = {Kind.MEMBERSHIP, Kind.GRANT}


def target_of(settings: Settings, name: str) -> TargetSettings:
    if name not in settings.targets:
        known = ", ".join(sorted(settings.targets)) or "none"
        raise OrgsyncError(f'there is no target "{name}"', remedy=f"targets in orgsync.yaml: {known}")
    return settings.targets[name]


def in_force(settings: Settings, target: TargetSettings) -> dict[str, Json]:
    """What a plan is made under, and may only be applied under."""
    return {
        "prune": [*sorted(target.prune)],
        "missingUsers": target.missing_users,
        "scopeFallback": target.scope_fallback,
        "inexpressible": target.inexpressible,
        "runsAs": target.runs_as,
        **settings.in_force,
    }


@contextmanager
def reading(
    target: TargetSettings, root: Path, environment: Environment, cache: Path | None = None
) -> Iterator[Adapter]:
    with open_adapter(
        target.adapter, target, root, writable=False, actor="", environment=environment, clock=_never, cache=cache
    ) as adapter:
        yield adapter


def databases(
    root: Path, settings: Settings, name: str, *, environment: Environment
) -> tuple[Sequence[Path], Sequence[Path]] | None:
    """The SQLite files of the CRM and of the journal; None where a plan would ask anything else, or fail."""
    target = target_of(settings, name)
    try:
        live = files_of(target.adapter, target, root, environment)
        journal = sqlite_file(expand_url(settings.journal, environment))
    except OrgsyncError:
        return None
    return (live, [root / journal]) if live and journal is not None else None


def _never() -> datetime:
    raise AssertionError("a read asks for no time")


def read(adapter: Adapter, scope: Scope) -> Snapshot:
    """Raises IncompleteRead, AdapterError."""
    live = adapter.read(scope)
    check_keys(adapter, live.resources)
    return live


def check_keys(adapter: Adapter, addresses: Iterable[Address]) -> None:
    """Raises IncompleteRead where a key cannot be one: what hangs on it would belong to something else."""
    if strange := [address for address in addresses if not well_formed(address)]:
        raise IncompleteRead(f"{adapter.identity} answers with a key that is none: {min(strange)}", remedy=_STRANGE)


def kinds_kept(adapter: Adapter) -> set[Kind]:
    """Of what the CRM has things; people are referred to everywhere."""
    return {Kind.USER, *adapter.capabilities.kinds}


_STRANGE = "find out who wrote that key, and correct it in the CRM"


def read_again(
    plan: Plan, adapter: Adapter, *, everybody: bool = False, more: frozenset[Address] = frozenset()
) -> tuple[Snapshot, Mapping[Address, Address]]:
    """The live organization under the plan's addresses, for the users that it speaks of; what has its former key.

    ``everybody``: all users, since the guards ask who of them can still administer. ``more``: roles to look for, too.
    """
    logins = {change.address.split("/")[2] for change in plan.changes if kind_of(change.address) in WITH_LOGIN}
    logins |= {key_of(change.address) for change in plan.changes if kind_of(change.address) is Kind.USER}
    roles = {end for change in plan.changes for end in ends_of(change.address) if kind_of(end) is Kind.ROLE}
    scope = Scope(logins=None if everybody else frozenset(logins), roles=more | roles, bound=plan.bound)
    live = read(adapter, scope)
    previously = {
        change.address: (f"{change.kind}/{change.before[KEY]}",)
        for change in (*plan.changes, *plan.withheld)
        if change.before is not None and KEY in change.before
    }
    return rename(live, previously)


__all__ = [
    "WITH_LOGIN",
    "check_keys",
    "databases",
    "in_force",
    "kinds_kept",
    "read",
    "read_again",
    "reading",
    "target_of",
]

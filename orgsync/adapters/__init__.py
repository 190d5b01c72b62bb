"""The registry of adapters: names, their options, and how one is opened for reading or for writing.

In: a target's settings and the environment. Out: an open adapter. Never: imports an adapter before it is used, or
hands out a reader that could write: ``apply`` of a reader is refused here, below it by the transport.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orgsync.adapter import Adapter, Capabilities, HasDoctor, HasEffects, Opener, Scope, Snapshot
from orgsync.change import Batch, Change, Effect, Outcome
from orgsync.documents import suggestion
from orgsync.errors import InvalidInput, ReadOnly
from orgsync.finding import Finding, Position
from orgsync.resources import Address, RemoteId
from orgsync.settings import FILE, TargetSettings, credentials_of, expand

BUILT_IN: Mapping[str, str] = {"local": "orgsync.adapters.local.adapter:opener"}
GROUP = "orgsync.adapters"


def adapter_names() -> list[str]:
    """Built in or installed, sorted."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


@contextmanager
def open_adapter(
    name: str,
    target: TargetSettings,
    root: Path,
    *,
    writable: bool,
    actor: str,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
) -> Iterator[Adapter]:
    """Raises InvalidInput for unknown adapters and options, OrgsyncError for a missing variable."""
    opener = _opener(name)
    credentials = credentials_of(target, environment)
    _check_credentials(name, opener, credentials)
    options = _options(name, opener, target, environment)
    with opener.open(
        options, root=root, credentials=credentials, writable=writable, actor=actor, clock=clock
    ) as adapter:
        yield adapter if writable else _reader(adapter)


def _opener(name: str) -> Opener:
    place = BUILT_IN.get(name)
    if place is not None:
        module, _, attribute = place.partition(":")
        found: Opener = getattr(import_module(module), attribute)
        return found
    for point in entry_points(group=GROUP, name=name):
        loaded: Opener = point.load()
        return loaded
    raise InvalidInput(
        [
            _finding(
                "unknown-adapter",
                "an unknown adapter",
                f'"{name}"{suggestion(name, adapter_names())}',
                f"installed: {', '.join(adapter_names())}",
            )
        ]
    )


def _options(name: str, opener: Opener, target: TargetSettings, environment: Mapping[str, str]) -> Any:
    given = dict(target.options)
    if target.url is not None:
        given["url"] = expand(target.url, environment)
    try:
        return opener.Options.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise InvalidInput([_bad_option(name, fault, list(opener.Options.model_fields)) for fault in faults]) from None


def _bad_option(name: str, fault: Mapping[str, Any], known: Sequence[str]) -> Finding:
    """The option's name and what is wrong with it; never its value, which may hold a secret."""
    option = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":
        return _finding(
            "missing-option", "an option is missing", f"{name} needs {option}", f"add {option}: to the target"
        )
    if fault["type"] == "extra_forbidden":
        detail = f'{name} has no "{option}"{suggestion(option, known)}'
        return _finding("unknown-option", "an unknown option", detail, f"options of {name}: {', '.join(known)}")
    words = str(fault.get("ctx", {}).get("error", "")) or "its value is of the wrong kind"
    return _finding("bad-option", "an option cannot be used", f"{option}: {words}", "correct it in the target")


def _check_credentials(name: str, opener: Opener, credentials: Mapping[str, str]) -> None:
    for given in sorted(credentials.keys() - set(opener.CREDENTIALS)):
        known = ", ".join(opener.CREDENTIALS) or "none"
        detail = f'{name} takes no credential "{given}"{suggestion(given, opener.CREDENTIALS)}'
        raise InvalidInput([_finding("unknown-credential", "an unknown credential", detail, f"it takes: {known}")])


def _finding(code: str, summary: str, detail: str, remedy: str) -> Finding:
    return Finding(code=code, summary=summary, detail=detail, remedy=remedy, position=Position(file=FILE))


@dataclass(frozen=True, slots=True)
class _Reader:
    """An adapter that cannot write, whatever the adapter itself would do."""

    adapter: Adapter

    @property
    def capabilities(self) -> Capabilities:
        return self.adapter.capabilities

    @property
    def identity(self) -> str:
        return self.adapter.identity

    def read(self, scope: Scope) -> Snapshot:
        return self.adapter.read(scope)

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:  # noqa: ARG002
        raise ReadOnly(f"{self.identity} was opened for reading only")

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
        return self.adapter.effects(changes, live) if isinstance(self.adapter, HasEffects) else ()

    def doctor(self) -> Sequence[Finding]:
        return self.adapter.doctor() if isinstance(self.adapter, HasDoctor) else ()


def _reader(adapter: Adapter) -> Adapter:
    return _Reader(adapter)

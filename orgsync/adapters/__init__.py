"""The registry: which adapters there are, and how one is opened.

In: an adapter's name and a target's settings. Out: an adapter inside a context manager; read-only ones refuse to
apply before the adapter is asked. Never: imports an adapter that nobody asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orgsync.adapter import (
    Adapter,
    Capabilities,
    HasCost,
    HasDoctor,
    HasEffects,
    KeepsReadings,
    LiesInFiles,
    Opener,
    ReadsAhead,
    ReadsPlainly,
    Scope,
    Snapshot,
)
from orgsync.change import Batch, Change, Effect, Outcome
from orgsync.errors import InvalidInput, OrgsyncError, ReadOnly
from orgsync.finding import Finding, Position, suggestion
from orgsync.references import expand_url
from orgsync.resources import Address, RemoteId
from orgsync.settings import Settings, TargetSettings, credentials_of
from orgsync.settings.values import target_fields

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILT_IN: Mapping[str, str] = {
    "dataverse": "orgsync.adapters.dataverse.opener:opener",
    "local": "orgsync.adapters.local.opener:opener",
    "hubspot": "orgsync.adapters.hubspot.opener:opener",
    "salesforce": "orgsync.adapters.salesforce.opener:opener",
    "scim": "orgsync.adapters.scim.opener:opener",
    "tryton": "orgsync.adapters.tryton.opener:opener",
}
"""Name -> ``module:attribute`` of an ``adapter.Opener``."""

GROUP = "orgsync.adapters"
_standing_in: dict[str, Opener] = {}


@contextmanager
def standing_in(name: str, opener: Opener) -> Iterator[None]:
    """For tests of adapters: while this lasts, the name means that opener, installed or not."""
    before = dict(_standing_in)
    _standing_in[name] = opener
    try:
        yield
    finally:
        _standing_in.clear()
        _standing_in.update(before)


def adapter_names() -> list[str]:
    """Built in ones and those of installed packages."""
    return sorted({*BUILT_IN, *(point.name for point in _installed())})


def opener_of(name: str) -> Opener:
    """Raises InvalidInput where there is no such adapter, OrgsyncError where its package is broken."""
    if name in _standing_in:
        return _standing_in[name]
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        built_in: Opener = getattr(import_module(module), attribute)
        return built_in
    for point in _installed():
        if point.name == name:
            return _loaded(point)
    raise InvalidInput([_unknown(name)])


def _installed() -> "Iterable[EntryPoint]":
    from importlib.metadata import entry_points  # noqa: PLC0415  (nobody needs it where all adapters are built in)

    return entry_points(group=GROUP)


def _loaded(point: "EntryPoint") -> Opener:
    try:
        opener: Opener = point.load()
    except Exception as error:
        package = point.dist.name if point.dist is not None else point.value
        raise OrgsyncError(
            f"the adapter {point.name} cannot be loaded: {type(error).__name__}: {error}",
            remedy=f"install {package} again, in a version for this orgsync",
        ) from error
    return opener


def _unknown(name: str) -> Finding:
    known = adapter_names()
    return Finding(
        code="unknown-adapter",
        summary="there is no such adapter",
        detail=f'"{name}"{suggestion(name, known)}',
        remedy=f"known adapters: {', '.join(known)}",
    )


Where = Callable[[Sequence[str]], Position | None]
"""Where a field of the target's settings stands."""


def _nowhere(_: Sequence[str]) -> None:
    return None


def check_options(name: str, target: TargetSettings, where: Where = _nowhere) -> list[Finding]:
    """What is wrong with the adapter's name, its options and its credentials; nothing is opened."""
    try:
        opener = opener_of(name)
    except InvalidInput as error:
        return [replace(one, position=where(["adapter"])) for one in error.findings]
    try:
        _options(opener, name, target, where=where)
    except InvalidInput as error:
        return list(error.findings)
    return _unknown_credentials(opener, target, where)


def are_content(settings: Settings) -> bool:
    """Whether there are only adapters of our own, none of which has anything to say about its options: while neither
    these nor orgsync change, they need not be asked again."""
    targets = settings.targets.values()
    ours = all(one.adapter in BUILT_IN and one.adapter not in _standing_in for one in targets)
    return ours and not any(check_options(one.adapter, one) for one in targets)


def _options(
    opener: Opener,
    name: str,
    target: TargetSettings,
    environment: Mapping[str, str] | None = None,
    where: Where = _nowhere,
) -> Any:
    """Without an environment, references in the URL stay as they are: enough to check it, not to use it."""
    url = target.url if target.url is None or environment is None else expand_url(target.url, environment)
    stated = dict(target.options) | ({"url": url} if url is not None else {})
    if isinstance(opener, ReadsPlainly) and (plain := opener.plain(stated)) is not None:
        return plain
    from pydantic import ValidationError  # noqa: PLC0415  (the adapter has it, too, unless its options are plain)

    try:
        return opener.Options.model_validate(stated)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise InvalidInput([_option_finding(name, opener, one, where) for one in found]) from None


def _option_finding(name: str, opener: Opener, error: Mapping[str, Any], where: Where) -> Finding:
    option = ".".join(str(part) for part in error["loc"])
    position = where([str(part) for part in error["loc"]])
    known = [spec.alias or field for field, spec in opener.Options.model_fields.items()]
    if error["type"] == "extra_forbidden":
        return Finding(
            code="unknown-option",
            summary="the adapter has no such option",
            detail=f'{name}: "{option}"{suggestion(option, [*known, *_of_every_target()])}',
            remedy=f"options of {name}: {', '.join(sorted(known))}; of every target: {', '.join(_of_every_target())}",
            position=position,
        )
    missing = error["type"] == "missing"
    return Finding(
        code="missing-option" if missing else "invalid-option",
        summary="the adapter needs an option" if missing else "an option of the adapter cannot be used",
        detail=f"{name}: {option}" + ("" if missing else f": {_why(error)}"),
        remedy=f"state {option} in the target's settings" if missing else f"correct {option} in the target's settings",
        position=position,
    )


def _why(error: Mapping[str, Any]) -> str:
    """In the words that other settings get; an adapter's own words stay."""
    shape = error["type"].removesuffix("_type").removesuffix("_parsing")
    return _EXPECTED.get(shape) or error["msg"].removeprefix("Value error, ").replace("Input should", "it should")


_EXPECTED = {
    "int": "a whole number is expected",
    "bool": "true or false is expected",
    "string": "text is expected",
    "list": "a list is expected",
    "dict": "a mapping is expected",
}


def _of_every_target() -> list[str]:
    """What an unknown option may have been meant to be, beside the adapter's own."""
    return target_fields()


def _unknown_credentials(opener: Opener, target: TargetSettings, where: Where) -> list[Finding]:
    return [
        Finding(
            code="unknown-credential",
            summary="the adapter knows no such credential",
            detail=credential,
            remedy=f"credentials it takes: {', '.join(opener.CREDENTIALS) or 'none'}",
            position=where(["credentials", credential]),
        )
        for credential in target.credentials
        if credential not in opener.CREDENTIALS
    ]


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
    cache: Path | None = None,
) -> Iterator[Adapter]:
    """Raises InvalidInput (no such adapter, wrong options) and AdapterError.

    writable   False: ``apply`` raises ReadOnly, and the adapter's own transport was told to refuse writes, too
    clock      asked only when something is written
    cache      the user's folder for what can be read again; what is to be written is never compared with it
    """
    if findings := check_options(name, target):
        raise InvalidInput(findings)
    opener = opener_of(name)
    with opener.open(
        _options(opener, name, target, environment),
        root=root,
        credentials=credentials_of(target, environment),
        writable=writable,
        actor=actor,
        clock=clock,
    ) as adapter:
        if cache is not None and not writable and isinstance(adapter, KeepsReadings):
            adapter.keep(cache)
        yield adapter if writable else ReadOnlyAdapter(adapter)


def files_of(name: str, target: TargetSettings, root: Path, environment: Mapping[str, str]) -> Sequence[Path]:
    """The SQLite files whose bytes are all that lives there; none where it is not so. Raises as ``open_adapter``."""
    opener = opener_of(name)
    if not isinstance(opener, LiesInFiles):
        return ()
    return opener.files(_options(opener, name, target, environment), root=root)


class ReadOnlyAdapter:
    """Stands before an adapter that was opened for reading, whoever wrote it."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def __repr__(self) -> str:
        return f"ReadOnlyAdapter({self.identity})"

    @property
    def capabilities(self) -> Capabilities:
        return self._adapter.capabilities

    @property
    def identity(self) -> str:
        return self._adapter.identity

    def read(self, scope: Scope) -> Snapshot:
        return self._adapter.read(scope)

    def begin(self) -> Callable[[Scope], Snapshot]:
        return self._adapter.begin() if isinstance(self._adapter, ReadsAhead) else self._adapter.read

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        raise ReadOnly(
            f"{self.identity} was opened for reading only: {len(batch.steps)} steps of {batch.kind} {batch.action} "
            f"were not sent ({len(ids)} ids known)"
        )

    def effects(self, changes: Sequence[Change], live: Snapshot) -> Sequence[Effect]:
        return self._adapter.effects(changes, live) if isinstance(self._adapter, HasEffects) else ()

    def cost(self, changes: Sequence[Change]) -> str:
        return self._adapter.cost(changes) if isinstance(self._adapter, HasCost) else ""

    def doctor(self) -> Sequence[Finding]:
        return self._adapter.doctor() if isinstance(self._adapter, HasDoctor) else ()


__all__ = [
    "BUILT_IN",
    "ReadOnlyAdapter",
    "adapter_names",
    "are_content",
    "check_options",
    "files_of",
    "open_adapter",
    "opener_of",
    "standing_in",
]

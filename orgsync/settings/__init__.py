"""orgsync.yaml: which CRM each target is, and the limits that apply everywhere.

In: the file's text and the environment. Out: frozen settings. Never: holds a secret; credentials are references to
environment variables, resolved only where an adapter is opened.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orgsync.finding import Position
from orgsync.load import position_in
from orgsync.references import expand, require
from orgsync.settings import kept
from orgsync.settings.file import FILE, content_of
from orgsync.settings.values import Limit, Policies, Safety, Settings, TargetSettings, settings_of


def load_settings(
    root: Path, folder: Path | None = None, are_content: Callable[[Settings], bool] | None = None
) -> Settings:
    """Raises InvalidInput with a finding per fault.

    folder        of the cache: what was checked of the same bytes earlier is not checked again; None to do without
    are_content   whether the adapters have nothing to say about the targets' options; else nothing is kept
    """
    content = content_of(root / FILE)
    if folder is not None and (known := kept.read(root, folder, content)) is not None:
        return known._replace(sound=True)
    from orgsync.settings.checking import check  # noqa: PLC0415  (building the models takes longer than a small plan)

    stated = check(content)
    settings = settings_of(stated)
    if folder is None or are_content is None or not are_content(settings):
        return settings
    kept.write(root, folder, content, stated)
    return settings._replace(sound=True)


def position_of(root: Path, path: Sequence[str | int]) -> Position:
    """Where a setting stands; the deepest part that does, where it is not stated."""
    return position_in(content_of(root / FILE), FILE, 0, tuple(path))


def credentials_of(target: TargetSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """Name -> secret. Raises OrgsyncError that names all missing variables, never a value."""
    require(target.credentials.values(), environment)
    return {name: expand(reference, environment) for name, reference in target.credentials.items()}


__all__ = [
    "FILE",
    "Limit",
    "Policies",
    "Safety",
    "Settings",
    "TargetSettings",
    "credentials_of",
    "load_settings",
    "position_of",
]

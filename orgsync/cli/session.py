"""What a command needs to begin: the repository, its settings, the target, the clock, who is acting.

In: the shared options, the environment, the working directory. Out: a Session. Never: opens a CRM.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orgsync.cli.options import Options, formats_of
from orgsync.cli.output import Output
from orgsync.errors import BadUsage, OrgsyncError
from orgsync.finding import Position
from orgsync.keeping import folder_of

if TYPE_CHECKING:
    from orgsync.settings import Settings

SETTINGS = "orgsync.yaml"
_LONGEST_LINE = 2_000
"""Nobody reads more than that in a frame."""
_LONGEST_SOURCE = 1_000_000


@dataclass(kw_only=True)
class Session:
    """One run of one command."""

    options: Options
    output: Output
    environment: Mapping[str, str]

    @cached_property
    def root(self) -> Path:
        """``--repo``, else the nearest folder upwards that has an orgsync.yaml."""
        return find_root(self.options.repo, Path.cwd())

    @cached_property
    def settings(self) -> "Settings":
        from orgsync.references import REFERENCE
        from orgsync.settings import load_settings

        with suppress(OSError):
            Output.referenced = frozenset(
                found[1] for found in REFERENCE.finditer("\n".join(_whole(self.root / SETTINGS))) if found[1]
            )
        return load_settings(self.root, self.cache, _are_content)

    @property
    def target(self) -> str:
        """``--target``, else the settings' default, else the only one there is. Raises BadUsage where there is none."""
        settings = self.settings
        chosen = self.options.target or settings.only_target
        if chosen is None:
            raise BadUsage("no target is chosen", remedy=f"--target {'|'.join(sorted(settings.targets)) or 'NAME'}")
        if chosen not in settings.targets:
            known = ", ".join(sorted(settings.targets)) or "none"
            raise BadUsage(f'there is no target "{chosen}"', remedy=f"targets in orgsync.yaml: {known}")
        return chosen

    @property
    def actor(self) -> str:
        """Who is acting, as journal and CRM record it."""
        for name in ("ORGSYNC_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
            if actor := self.environment.get(name):
                return actor
        from getpass import getuser

        try:
            return getuser()
        except (OSError, KeyError):
            return "unknown"

    @property
    def cache(self) -> Path | None:
        """The user's folder for what can be made again."""
        folder = "" if self.options.no_cache else folder_of(self.environment)
        return Path(folder) if folder else None

    def today(self, as_of: datetime | None = None) -> date:
        return as_of.date() if as_of else now().date()


def _are_content(settings: "Settings") -> bool:
    from orgsync.adapters import are_content

    return are_content(settings)


def now() -> datetime:
    return datetime.now(UTC)


def begin(unstated: str = "") -> Session:
    """The session of the running command; refuses a format that the command does not have.

    unstated   the format where none was asked for; the command's first, unless this says another one
    """
    context = click.get_current_context()
    options, formats = context.ensure_object(Options), formats_of(context.command)
    options.format = options.format or unstated or formats[0]
    if options.format not in formats:
        listed = ", ".join(formats)
        raise click.UsageError(f"{context.info_name} has no {options.format} format; it has {listed}", context)
    output = Output(stdout=sys.stdout, stderr=sys.stderr, environment=os.environ)
    session = Session(options=options, output=output, environment=os.environ)
    Output.options, Output.current = options, output
    output.source = lambda position: source_line(session.root, position)
    return session


def find_root(repo: str | None, start: Path) -> Path:
    """Raises BadUsage where there is no organization repository."""
    if repo is not None:
        if Path(repo).is_file():
            raise BadUsage(f"{repo} is a file", remedy="--repo names the folder with orgsync.yaml")
        if not (Path(repo) / SETTINGS).is_file():
            raise BadUsage(f"{repo} has no {SETTINGS}", remedy=f"orgsync init {repo} makes one")
        return Path(repo).resolve()
    for folder in (start, *start.parents):
        if (folder / SETTINGS).is_file():
            return folder
    raise BadUsage(
        f"no {SETTINGS} here or in any folder above",
        remedy="orgsync init makes an organization repository here; --repo DIR names one",
    )


def source_line(root: Path, position: Position) -> str:
    """The line that a position names, "" where there is none or a secret may stand; never through a link."""
    path = (root / position.file).resolve()
    try:
        if path != root.resolve() / position.file:
            return ""
        lines = _whole(path)[: position.line]
    except OSError:
        return ""
    if (
        len(lines) < position.line
        or len(lines[-1]) > _LONGEST_LINE
        or (position.file == SETTINGS and _may_hold_secret(lines))
    ):
        return ""
    return lines[-1]


def _whole(path: Path) -> list[str]:
    found = path.stat()
    if path.is_symlink() or not path.is_file() or found.st_size > _LONGEST_SOURCE:
        return []
    return _lines(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4)
def _lines(path: Path, _changed: int, _size: int) -> list[str]:
    """A file with thousands of findings is read once."""
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()


def _may_hold_secret(lines: Sequence[str]) -> bool:
    """Whether the last line looks like one that holds a secret, or stands below ``credentials:``."""
    from orgsync.cli.redact import redact

    line = lines[-1]
    margin = _margin(line)
    for above in islice(reversed(lines), 1, None):
        if not margin:
            break
        if above.strip() and _margin(above) < margin:
            margin = _margin(above)
            if "credentials" in above:
                return True
    return "credentials" in line or redact(line) != line


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def known_targets(repo: str | None) -> list[str]:
    """Target names for shell completion; nothing where the settings cannot be read."""
    options = Options()
    options.repo = repo
    try:
        return sorted(Session(options=options, output=Output.of_process(), environment=os.environ).settings.targets)
    except OrgsyncError:
        return []

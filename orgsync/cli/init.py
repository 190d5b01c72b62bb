"""``orgsync init``: an organization repository that works at once."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from orgsync import __version__
from orgsync.cli.app import offering

_LONGEST = 120
_IGNORED = (".orgsync/", "*.plan.json")
_ORGANIZATION = ("units", "roles")
_NAMES = {"dotgithub": ".github", "dotvscode": ".vscode"}


@click.command(name="init")
@click.argument("directory", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--organization", metavar="NAME", help="Name of the organization  [default: that of the folder]")
@click.option("--workflows/--no-workflows", default=True, help="GitHub workflows too.")
@offering("text")
def init(directory: Path | None, organization: str | None, workflows: bool) -> int:  # noqa: FBT001
    """Scaffold an organization repository that works at once, here or in DIRECTORY.

    Never overwrites a file; what is there already is kept and said. Units and roles are written where there are none.
    """
    from orgsync.cli.schema import write_schemas
    from orgsync.cli.session import begin
    from orgsync.errors import OrgsyncError

    session = begin()
    directory = directory or Path(session.options.repo or ".")
    organization = _named_after(directory) if organization is None else organization
    scaffold = files("orgsync.cli") / "scaffold"
    declared = _declared(directory)
    try:
        told = [
            _place(directory / path, _fill(source, organization), directory)
            for path, source in _walk(scaffold, Path())
            if (workflows or path.parts[0] != ".github") and not (declared and path.parts[0] in _ORGANIZATION)
        ]
        told += [f"kept     {folder}/" for folder in declared]
        told.append(_ignore(directory / ".gitignore"))
    except OSError as error:
        raise OrgsyncError(f"cannot write to {directory}: {error.strerror}", remedy="choose another folder") from None
    if not (directory / "schemas").exists():
        told += [f"created  schemas/{path.name}" for path in write_schemas(directory / "schemas")]
    for one in told:
        session.output.write(f"{one}\n")
    where = "" if directory == Path() else f"cd {directory} && "
    session.output.say(f"next: {where}orgsync plan")
    return 0


def _declared(directory: Path) -> list[str]:
    """Folders in which somebody declares an organization: another one would not do beside it."""
    return [one for one in _ORGANIZATION if any((directory / one).rglob("*.y*ml"))]


def _named_after(directory: Path) -> str:
    """ "Acme Corp" for a folder acme-corp."""
    words = re.split(r"[\W_]+", directory.resolve().name)
    return " ".join(word[0].upper() + word[1:] for word in words if word)[:_LONGEST] or "My Organization"


def _walk(folder: Traversable, path: Path) -> list[tuple[Path, Traversable]]:
    found: list[tuple[Path, Traversable]] = []
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        below = path / _NAMES.get(one.name, one.name)
        if one.is_dir():
            found += _walk(one, below)
        else:
            found.append((below, one))
    return found


def _fill(source: Traversable, organization: str) -> str:
    """JSON strings are YAML strings: whatever the name, the file stays valid."""
    import json

    text = source.read_text(encoding="utf-8").replace("@VERSION@", ".".join(__version__.split(".")[:2]))
    return text.replace('"@ORGANIZATION@"', json.dumps(organization, ensure_ascii=False))


def _place(path: Path, text: str, base: Path) -> str:
    shown = path.relative_to(base).as_posix()
    if path.exists() or path.is_symlink():
        return f"kept     {shown}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return f"created  {shown}"


def _ignore(path: Path) -> str:
    """Adds what is missing at the end; lines that are there stay."""
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in _IGNORED if line not in there.splitlines()]
    if not missing:
        return "kept     .gitignore"
    glue = "\n" if there and not there.endswith("\n") else ""
    path.write_text(there + glue + "".join(f"{line}\n" for line in missing), encoding="utf-8")
    return f"{'extended' if there else 'created '} .gitignore"

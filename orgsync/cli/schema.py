"""``orgsync schema``: the JSON Schemas of the documents, for editors and for CI."""

import json
from pathlib import Path

import click

from orgsync.cli.app import shared

NAMES = (
    "document",
    "business-unit",
    "unit",
    "function",
    "role",
    "settings",
    "plan",
    "drift",
    "apply",
    "findings",
    "access",
    "access-diff",
)
"""What people ask for; a test holds it equal to what there is, so that completion need not make them."""


@click.command(name="schema")
@click.argument("kind", required=False, type=click.Choice(sorted(NAMES), case_sensitive=False))
@click.option("--write", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write files instead.")
@shared
def schema(kind: str | None, write: Path | None) -> int:
    """Print the JSON Schemas of the documents and of orgsync.yaml, or of one KIND."""
    from orgsync.cli.session import begin

    session = begin()
    names = [kind] if kind else [*NAMES]
    if write is not None:
        for path in write_schemas(write, names):
            session.output.say(f"wrote {path}")
    elif kind:
        session.output.write(text_of(kind))
    else:
        session.output.write(json.dumps({name: schema_of(name) for name in names}, indent=2) + "\n")
    return 0


def write_schemas(folder: Path, names: list[str] | None = None) -> list[Path]:
    """``unit.schema.json`` and so on; generated, so what stood there is replaced."""
    from orgsync.errors import OrgsyncError

    paths = [folder / f"{name}.schema.json" for name in names or NAMES]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            path.write_text(text_of(path.name.removesuffix(".schema.json")), encoding="utf-8")
    except OSError as error:
        raise OrgsyncError(f"cannot write to {folder}: {error.strerror}") from None
    return paths


def text_of(name: str) -> str:
    return json.dumps(schema_of(name), indent=2) + "\n"


def schema_of(name: str) -> dict[str, object]:
    from orgsync.schema import schemas

    return schemas()[name]

"""Examples of policies: a small repository in one file, what is run on it, and what must be found there.

In: a file whose remarks name its parts. Out: what orgsync prints. Never: asserts.

    # expect: CODE FILE LINE:COLUMN   the one finding ("# expect: nothing" for none; a place may be missing)
    # run: drift --hints              the command; validate where it is not said
    # crm: UPDATE ...                 done to the CRM between the first apply and the command
    # before: FILE                    a part of what is applied first, where something is
    # file: FILE                      a part of what is looked at
"""

import io
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from orgsync.cli import main
from orgsync.cli.options import Options
from orgsync.cli.output import Output

FOLDER = Path(__file__).parent.parent / "invalid" / "policies"
VIOLATING = sorted(FOLDER.glob("*.yaml"))
SATISFYING = sorted((FOLDER / "satisfying").glob("*.yaml"))
TODAY = "2026-11-01"
COMPANY = "apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: company\nname: Company\n"
SETTINGS = "apiVersion: orgsync/v1\nkind: Settings\norganization: Northwind\n"
TARGETS = 'targets:\n  demo: {adapter: local, url: "sqlite:///.orgsync/demo.db", missingUsers: create}\n'


@dataclass(frozen=True, kw_only=True)
class Example:
    """``expected``: the words of the remark. ``parts`` and ``before``: name of a file -> text."""

    expected: list[str]
    command: list[str]
    crm: str
    before: dict[str, str]
    parts: dict[str, str]


def read(path: Path) -> Example:
    head, *rest = re.split(r"^# (file|before): (\S+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    said = dict(re.findall(r"^# (\w+): (.*)$", head, re.MULTILINE))
    parts = list(zip(rest[::3], rest[1::3], rest[2::3], strict=True))
    return Example(
        expected=said["expect"].split(),
        command=said.get("run", "validate").split(),
        crm=said.get("crm", ""),
        before={name: text for kind, name, text in parts if kind == "before"},
        parts={name: text for kind, name, text in parts if kind == "file"},
    )


def lay_out(root: Path, example: Example) -> list[str]:
    """The repository as it is looked at; the command to run there."""
    write(root, {"orgsync.yaml": SETTINGS + TARGETS, "units/company.yaml": COMPANY, **example.before})
    if example.before:
        run(root, ["apply", "--yes"])
    if example.crm:
        with sqlite3.connect(root / ".orgsync" / "demo.db") as crm:
            crm.execute(example.crm)
        crm.close()
    settings = example.parts.get("orgsync.yaml", "")
    write(root, {**example.parts, "orgsync.yaml": f"{settings}{SETTINGS}{TARGETS}"})
    day = [] if example.command[0] == "drift" else ["--as-of", TODAY]
    return [*example.command, *day]


def write(root: Path, parts: dict[str, str]) -> None:
    for name, text in parts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def run(root: Path, arguments: list[str]) -> str:
    """Everything that a command prints."""
    out = io.StringIO()
    with _fresh(), redirect_stdout(out), redirect_stderr(out):
        try:
            main(["--repo", str(root), *arguments])
        except SystemExit as left:
            sys.stdout.flush()
            if left.code not in {0, 2, 3}:
                raise AssertionError(out.getvalue()) from None
    return out.getvalue()


@contextmanager
def _fresh() -> Iterator[None]:
    """The command line remembers the options of the last command."""
    Output.options, Output.current = Options(), None
    yield
    Output.options, Output.current = Options(), None


def shown(printed: str, code: str) -> str:
    """The block of a finding in what was printed."""
    blocks = printed.split("\n\n")
    return "\n\n".join(block for block in blocks if re.search(rf"^\w+\[{code}\]", block, re.MULTILINE))

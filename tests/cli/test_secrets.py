"""A secret that somebody wrote into orgsync.yaml is refused, and printed nowhere: CI logs are read by many."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orgsync.cli.redact import redact
from orgsync.cli.session import source_line
from orgsync.finding import Position
from tests.cli.conftest import Answer

Run = Callable[..., Answer]
FOLDER = Path(__file__).parent.parent / "invalid" / "settings"
SECRETS = [path for path in sorted(FOLDER.glob("*.yaml")) if "canary" in path.read_text(encoding="utf-8")]
HEAD = "apiVersion: orgsync/v1\nkind: Settings\norganization: Northwind\n"


@pytest.mark.parametrize("style", ["text", "json", "github", "sarif", "markdown"])
@pytest.mark.parametrize("path", SECRETS, ids=lambda path: path.stem)
def test_a_refused_secret_is_printed_nowhere(path: Path, style: str, root: Path, run: Run) -> None:
    (root / "orgsync.yaml").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    answer = run("validate", "--format", style)
    assert answer.code == 2
    assert "orgsync.yaml:" in answer.err
    assert "canary" not in answer.out + answer.err
    assert "hunter2" not in answer.out + answer.err


def test_there_are_such_files() -> None:
    assert len(SECRETS) >= 8


@pytest.mark.parametrize(
    "line",
    [
        "    credentials: {key: canary}",
        "    url: postgresql://crm:canary@127.0.0.1/crm",
        "    password: canary",
        '    clientSecret: "canary"',
        "    credentials:\n      key: canary",
        "    credentials:\n\n      # the vendor's\n      of:\n        key: canary",
    ],
)
def test_a_line_that_may_hold_a_secret_is_never_shown(line: str, tmp_path: Path) -> None:
    (tmp_path / "orgsync.yaml").write_text(f"targets:\n  demo:\n{line}\n", encoding="utf-8")
    last = 2 + len(line.split("\n"))
    assert source_line(tmp_path, Position(file="orgsync.yaml", line=last)) == ""
    assert source_line(tmp_path, Position(file="orgsync.yaml", line=2)) == "  demo:"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\u2028"])
def test_a_line_is_shown_as_yaml_counts_lines(ending: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + ending.join(["a: b", "c: d", ""]).encode())
    lines = [source_line(tmp_path, Position(file="a.yaml", line=line)) for line in (1, 2, 3, 9)]
    assert lines == ["a: b", "c: d", "", ""]
    assert source_line(tmp_path, Position(file="none.yaml")) == ""
    assert source_line(tmp_path / "units", Position(file="../a.yaml")) == ""


def test_a_line_after_the_credentials_is_shown(tmp_path: Path) -> None:
    text = "targets:\n  demo:\n    credentials:\n      key: canary\n    missingUsers: creat\n"
    (tmp_path / "orgsync.yaml").write_text(text, encoding="utf-8")
    assert source_line(tmp_path, Position(file="orgsync.yaml", line=5)) == "    missingUsers: creat"


@pytest.mark.parametrize(
    ("target", "code", "place"),
    [
        ("adapter: locl", "unknown-adapter", "6:14"),
        ("adapter: local\n    url: sqlite:///x.db\n    missingUser: create", "unknown-option", "8:18"),
        ("adapter: local", "missing-option", "6:5"),
        ("adapter: local\n    url: sqlite:///x.db\n    seats: many", "invalid-option", "8:12"),
    ],
)
def test_validate_checks_what_the_adapter_is_told(target: str, code: str, place: str, root: Path, run: Run) -> None:
    (root / "orgsync.yaml").write_text(f"{HEAD}targets:\n  demo:\n    {target}\n", encoding="utf-8")
    answer = run("validate")
    assert answer.code == 2
    assert f"error[{code}]" in answer.out
    assert "Input should be" not in answer.out, "the library's words are nobody's"
    assert f"--> orgsync.yaml:{place}" in answer.out


def test_the_folders_of_the_shell_are_no_secrets() -> None:
    folders = {"PWD": "/home/ana/acme", "OLDPWD": "/home/ana", "DB_PWD": "hunter-2"}
    assert redact("/home/ana/acme/orgsync.yaml: hunter-2", folders) == "/home/ana/acme/orgsync.yaml: ***DB_PWD***"

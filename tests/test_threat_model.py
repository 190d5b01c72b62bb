"""The threat model names the tests that show what it says; a test that is gone or renamed takes its sentence along."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "name"), [pair for pair in NAMED if pair[1]])
def test_a_named_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_file_is_named_as_a_whole() -> None:
    assert not [file for file, name in NAMED if not name]


def test_every_row_of_a_threat_names_what_shows_it() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 40
    assert not [row for row in rows if "`tests/" not in row.split(" | ")[-1]]

"""Bad input, one fault per file: exactly that finding, at exactly that place, in words that an admin understands."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orgsync.errors import InvalidInput
from orgsync.finding import Finding, Severity
from orgsync.pipeline import validate
from orgsync.settings import load_settings
from orgsync.settings.values import Policies
from orgsync.watch import Timings
from orgsync.wording import translate
from tests.policy.examples import VIOLATING, read

FOLDER = Path(__file__).parent / "invalid"
FILES = sorted(FOLDER.glob("*.yaml"))
SETTINGS = sorted((FOLDER / "settings").glob("*.yaml"))
EXPECT = re.compile(r"# expect: (\S+) (\d+):(\d+)")
JARGON = re.compile(
    r"pydantic|Input should|string_|_type|NoneType|Traceback|<class|union|literal_error|regex", re.IGNORECASE
)

BASE = {
    "units/base.yaml": """
apiVersion: orgsync/v1
kind: BusinessUnit
key: company
name: Company
---
apiVersion: orgsync/v1
kind: Unit
key: head
name: Head Office
businessUnit: company
owner: head@example.com
assignments: []
""",
    "roles/base.yaml": """
apiVersion: orgsync/v1
kind: Function
key: work
name: Work
privileges: {lead: [read]}
---
apiVersion: orgsync/v1
kind: Role
key: clerk-base
name: Clerk Base
---
apiVersion: orgsync/v1
kind: Role
key: boss
name: Boss
privileged: true
---
apiVersion: orgsync/v1
kind: Role
key: payer
name: Payer
conflictsWith: [approver]
---
apiVersion: orgsync/v1
kind: Role
key: approver
name: Approver
""",
}
"""A small organization without a fault, beside which each bad file stands."""


def expected(path: Path) -> tuple[str, int, int]:
    found = EXPECT.match(path.read_text())
    assert found is not None, f"{path.name} does not say what to expect"
    return found[1], int(found[2]), int(found[3])


def organization(root: Path, bad: Path | None) -> Path:
    for name, text in BASE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    if bad is not None:
        text = bad.read_text()
        roles = re.search(r"^kind: (Role|Function)$", text, re.MULTILINE) and "# folder: units" not in text
        (root / ("roles" if roles else "units") / "bad.yaml").write_text(text)
    return root


def findings(root: Path) -> list[Finding]:
    return [*validate(root, today=date(2026, 11, 1), watch=Timings(), policies=Policies()).findings]


def places(found: Iterable[Finding]) -> list[tuple[str, int, int]]:
    return [
        (one.code, one.position.line, one.position.column)
        for one in found
        if one.position is not None and one.severity is not Severity.INFO
    ]


def test_there_are_many_bad_inputs_and_none_without_a_fault(tmp_path: Path) -> None:
    assert len(FILES) + len(SETTINGS) >= 100
    assert findings(organization(tmp_path, None)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bad_file_gives_the_one_finding_at_its_place(path: Path, tmp_path: Path) -> None:
    found = findings(organization(tmp_path, path))
    assert places(found) == [expected(path)]
    assert all(one.position is not None and one.position.file.endswith("/bad.yaml") for one in found)
    _speaks_plainly(found[0])


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_bad_settings_give_the_one_finding_at_its_place(path: Path, tmp_path: Path) -> None:
    (tmp_path / "orgsync.yaml").write_text(path.read_text())
    with pytest.raises(InvalidInput) as raised:
        load_settings(tmp_path)
    assert places(raised.value.findings) == [expected(path)]
    _speaks_plainly(raised.value.findings[0])


def _speaks_plainly(finding: Finding) -> None:
    text = f"{finding.summary} {finding.detail} {finding.remedy}"
    assert finding.summary
    assert finding.remedy
    assert not JARGON.search(text), text
    assert "canary" not in text, "a secret must not be repeated"


SOURCES = ("load/*", "documents", "wording", "resolve", "settings/*", "policy/*")
ELSEWHERE = {
    "not-utf-8": "test_load",
    "file-not-read": "test_load",
    "file-too-large": "test_load",
    "unreadable-file": "test_load",
    "unreadable-folder": "test_load",
    "bad-file-name": "test_load",
    "link-not-followed": "test_load",
    "checks-wait": "test_resolve",
    "no-settings": "test_settings",
    "invalid-value": "test_invalid",
}
"""Codes whose fault is not one file of text, and the module that shows them."""


def test_every_code_of_the_sources_is_shown_by_a_bad_input() -> None:
    shown = {expected(path)[0] for path in [*FILES, *SETTINGS]} | {read(path).expected[0] for path in VIOLATING}
    missing = codes() - shown - ELSEWHERE.keys()
    assert not missing, f"write a bad input for {sorted(missing)}"


@pytest.mark.parametrize("code", sorted(ELSEWHERE))
def test_a_code_without_a_file_is_shown_by_a_test(code: str) -> None:
    assert f'"{code}"' in (Path(__file__).parent / f"{ELSEWHERE[code]}.py").read_text()


COMPOSED = {
    "wrong-shape",
    "unknown-unit",
    "unknown-role",
    "unknown-function",
    "unknown-business-unit",
    "parent-ring",
    "include-ring",
    "too-many-holders",
    "too-few-holders",
}
"""Codes that the sources put together or pass on."""


def codes() -> set[str]:
    """Every code in the sources: a dashed word that stands where a code stands."""
    package = Path(__file__).parent.parent / "orgsync"
    text = "\n".join(path.read_text() for name in SOURCES for path in sorted(package.glob(f"{name}.py")))
    before = r"(?:code=|_finding\(\s*|_fault\(\s*event,\s*|tell\(\s*|return |\(|    )"
    words = set(re.findall(before + r'"([a-z0-9]+(?:-[a-z0-9]+)+)"(?=,|: (?:Policy)?\()', text))
    return words - {"utf-8", "utf-8-sig"} | COMPOSED


def test_a_fault_that_nobody_foresaw_is_told_without_jargon() -> None:
    error: Any = {"type": "new_kind_of_error", "loc": ("Unit", "name"), "input": "x", "msg": "Input should be new"}
    code, summary, detail, remedy = translate(error, ("name",), [])
    assert code == "invalid-value"
    _speaks_plainly(Finding(code=code, summary=summary, detail=detail, remedy=remedy))

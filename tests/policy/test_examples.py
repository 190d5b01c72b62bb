"""Every policy has an example that breaks it and a twin that keeps it, and the page shows what is printed."""

import re
from pathlib import Path

import pytest

from orgsync.settings.policies import POLICIES
from tests.policy import examples, page

PAGE = Path(__file__).parent.parent.parent / "docs" / "policies.md"


def found(root: Path, path: Path) -> tuple[str, list[str]]:
    """What was printed, and the codes in it."""
    printed = examples.run(root, examples.lay_out(root, examples.read(path)))
    return printed, re.findall(r"^\w+\[([a-z-]+)\]", printed, re.MULTILINE)


def _name(path: Path) -> str:
    return path.stem


def test_every_policy_has_both_examples() -> None:
    names = {path.stem for path in examples.VIOLATING}
    assert names >= set(POLICIES)
    assert {path.stem for path in examples.SATISFYING} == names


@pytest.mark.parametrize("path", examples.VIOLATING, ids=_name)
def test_what_breaks_a_policy_is_found_at_its_place(path: Path, tmp_path: Path) -> None:
    code, *place = examples.read(path).expected
    printed, codes = found(tmp_path, path)
    assert codes.count(code) == 1
    assert set(codes) <= {code, "unit-without-owner"}
    where = f"--> {':'.join(place)}\n" if place else "\n   = "
    assert where in examples.shown(printed, code)


@pytest.mark.parametrize("path", examples.SATISFYING, ids=_name)
def test_what_keeps_a_policy_gives_no_finding(path: Path, tmp_path: Path) -> None:
    printed, codes = found(tmp_path, path)
    assert path.stem not in codes
    assert set(codes) <= {"unit-without-owner"}, "which is waived there"
    assert "unit-without-owner" not in codes or "waived until 2026-12-31" in printed


def test_the_page_of_policies_shows_every_finding_as_it_is_printed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page.written(text) == text, "run python -m tests.policy.page"


def test_the_page_has_a_section_for_every_policy_with_its_severity() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for code, policy in POLICIES.items():
        assert f"\n### `{code}` ({policy.severity})\n" in text
        assert f"<!-- example: {code} -->" in text

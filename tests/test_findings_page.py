"""The page of findings lists every code and every guard that the package can give, and none besides."""

import re
from pathlib import Path

from tests.test_invalid import codes

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
MODULES = [
    path
    for path in (ROOT / "orgsync").rglob("*.py")
    if not {"local", "cli", "doctor.py", "diagnosis.py"} & {*path.parts}
]
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)


def listed(heading: str) -> set[str]:
    part = PAGE.partition(heading)[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE))


def test_every_code_is_listed_and_nothing_else() -> None:
    later = set(re.findall(r'code="([a-z-]+)"', SOURCE))
    options = {"missing-option", "invalid-option"}
    assert listed("# Findings") == codes() | later | options


def test_every_guard_is_listed_and_nothing_else() -> None:
    safety = (ROOT / "orgsync" / "safety.py").read_text(encoding="utf-8")
    named = {name.replace("{kind}", "<kind>") for name in re.findall(r'name=f?"([a-z{}-]+)"', safety)}
    assert listed("## Guards") == named | {"unit-members", "role-holders"}
    assert '"unit-members"' in safety
    assert '"role-holders"' in safety

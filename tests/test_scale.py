"""A large company goes the whole way: 1,000 units nested 12 deep, 500 roles, 10,000 users, 100,000 assignments."""

import json
import re
import subprocess
import sys
from pathlib import Path

from bench.generate import generate
from bench.write import write_repository

ORGSYNC = str(Path(sys.executable).with_name("orgsync"))
STAGES = ("load", "validate", "resolve", "policies", "project", "read", "diff", "order", "safety", "access", "seal")


def run(root: Path, *arguments: str) -> tuple[str, str]:
    done = subprocess.run([ORGSYNC, "-v", *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, done.stderr


def stages(told: str) -> set[str]:
    return set(re.findall(r"(\w+) [0-9.]+ s", told.partition("stages: ")[2]))


def test_a_hundred_thousand_assignments_are_validated_planned_applied_and_planned_again(tmp_path: Path) -> None:
    company = generate(100_000)
    write_repository(company, tmp_path, per_file=100, messy=False, seed=1)
    assert stages(run(tmp_path, "validate")[1]) == {*STAGES[:4]}
    out, told = run(tmp_path, "--format", "json", "apply", "--yes")
    summary = json.loads(out)["summary"]
    assert {**summary, "applied": 0} == {"applied": 0, "failed": 0, "skipped": 0, "unknown": 0}
    assert summary["applied"] > 100_000 + 10_000 + 1_000 + 500
    assert stages(told) >= {"freshness", "apply", "verify"}
    out, told = run(tmp_path, "plan")
    assert "Nothing to do" in out
    assert "100,000 memberships" in out
    assert stages(told) == set(STAGES)

"""The commands that the README promises, and that CI runs the same."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == "make test"
    assert "set -euo pipefail" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_every_target_that_the_documentation_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "CONTRIBUTING.md"))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", pages, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= targets


def test_the_sample_is_what_the_demo_plans() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\ndemo: .venv\n")[1].split("\n\n")[0]
    steps = [line.rsplit("orgsync ", 1)[1] for line in recipe.splitlines()]
    assert steps == ["validate", "plan", "apply --yes", "plan"]


def test_an_interrupted_install_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    command = ["make", "--dry-run", "--directory", str(tmp_path), "--file", str(ROOT / "Makefile"), ".venv"]
    assert "pip install" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (tmp_path / ".venv" / "bin" / "orgsync").touch()
    assert "pip install" not in subprocess.run(command, capture_output=True, text=True, check=True).stdout

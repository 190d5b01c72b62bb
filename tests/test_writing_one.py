"""The adapter that the documentation builds is a real one: installed, found, opened, and it stands the whole suite."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "adapters" / "writing-one.md").read_text(encoding="utf-8")
BLOCKS = {match[1]: match[2] for match in re.finditer(r"```\w+\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The page's files, and what an installer would have made of its pyproject.toml."""
    for name, text in BLOCKS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    about = tmp_path / "orgsync_tiny-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: orgsync-tiny\nVersion: 1.0\n", encoding="utf-8")
    points = re.search(r'\[project.entry-points."orgsync.adapters"\]\n(\w+) = "(\S+)"', BLOCKS["pyproject.toml"])
    assert points is not None
    (about / "entry_points.txt").write_text(f"[orgsync.adapters]\n{points[1]} = {points[2]}\n", encoding="utf-8")
    return tmp_path


def run(package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(package), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths, "TINY_TOKEN": "a-token"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=package, env=environment, capture_output=True, text=True, check=False
    )


def test_the_page_has_every_file_of_the_package() -> None:
    assert sorted(BLOCKS) == [
        "pyproject.toml",
        "test_tiny.py",
        "tiny_crm/adapter.py",
        "tiny_crm/capabilities.py",
        "tiny_crm/convert.py",
    ]


def test_it_stands_the_conformance_suite(package: Path) -> None:
    done = run(package, "pytest", "-q", "-p", "no:cacheprovider", "test_tiny.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d\d passed in", done.stdout.splitlines()[-1]), done.stdout


def test_its_types_are_right(package: Path) -> None:
    (package / "tiny_crm" / "__init__.py").touch()
    done = run(package, "mypy", "--strict", "--cache-dir", str(package / ".mypy"), "-p", "tiny_crm")
    assert done.returncode == 0, done.stdout + done.stderr

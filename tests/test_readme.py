"""Nothing in the README is untested: its YAML gives its plan, and its commands run in order."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import adapter_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ORGSYNC = str(Path(sys.executable).with_name("orgsync"))

BEFORE = {
    "orgsync.yaml": """
apiVersion: orgsync/v1
kind: Settings
organization: Northwind
targets:
  demo: {adapter: local, url: sqlite:///.orgsync/demo.db, missingUsers: create}
""",
    "units/company.yaml": "{apiVersion: orgsync/v1, kind: BusinessUnit, key: commercial, name: Commercial}",
    "roles/sales.yaml": """
{apiVersion: orgsync/v1, kind: Role, key: sales-representative, name: Sales Representative}
---
{apiVersion: orgsync/v1, kind: Role, key: sales-manager, name: Sales Manager}
""",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "MAKE"))}
    return subprocess.run(
        command,
        cwd=folder,
        env=inherited | {"COLUMNS": "100"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_twelve_lines_give_the_plan_that_stands_below_them(tmp_path: Path) -> None:
    (yaml,), (plan,) = blocks("yaml"), blocks("text")
    for name, text in BEFORE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert run([ORGSYNC, "apply", "--yes"], tmp_path).returncode == 0
    (tmp_path / "units" / "sales.yaml").write_text(yaml)
    shown = run([ORGSYNC, "plan"], tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert len(yaml.splitlines()) == 12
    assert re.sub(r" · digest \S+", "", shown.stdout).split("\n\n", 1)[1] == plan


def test_the_reviewer_of_one_scope_reads_what_stands_below_it(tmp_path: Path) -> None:
    (diff,), (access,) = blocks("diff"), blocks("console")
    for name in ("units", "roles", "orgsync.yaml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    assert run([ORGSYNC, "apply", "--yes"], tmp_path).returncode == 0
    file, *lines = diff.splitlines()
    removed, added = ("".join(f"{line[1:]}\n" for line in lines if line[0] in signs) for signs in (" -", " +"))
    before = (tmp_path / file).read_text(encoding="utf-8")
    assert before.count(removed) == 1
    (tmp_path / file).write_text(before.replace(removed, added), encoding="utf-8")
    shown = run([ORGSYNC, "plan"], tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "ACCESS" + shown.stdout.split("ACCESS")[1].split("\n\n")[0] + "\n" == access


def commands() -> list[str]:
    return [line for block in blocks("bash") for line in block.splitlines()]


def test_every_command_of_the_readme_runs_in_order(tmp_path: Path) -> None:
    """In a copy with the environment that these tests run in; ``make test`` is what runs this test."""
    copy = tmp_path / "orgsync"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "*.plan.json", "__pycache__"))
    (copy / ".venv").symlink_to(Path(sys.prefix))
    os.utime(copy / "pyproject.toml", (0, 0))  # for make, the environment is up to date
    ran = [command for command in commands() if command != "make test"]
    for command in ran:
        done = run(["bash", "-c", command], copy, COVERAGE_PROCESS_START="")
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if command in {"make demo", ".venv/bin/orgsync plan"}:
            assert done.stdout.endswith("Nothing to do: the CRM is as declared.\n"), done.stdout
    assert not {path.name for path in copy.iterdir()} - {path.name for path in ROOT.iterdir()} - {".venv", ".orgsync"}
    assert ran[0] == "make demo"
    assert len(ran) == len(commands()) - 1


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_of_adapters_is_what_they_say() -> None:
    assert "<!-- what every adapter's CRM can express -->" in README
    assert adapter_table.written(README) == README, "run python -m tests.adapter_table"


@pytest.mark.parametrize("name", ["scim", "tryton"])
def test_the_readme_s_trial_on_a_real_server_works(name: str, tmp_path: Path) -> None:
    """What the README says for a second terminal, while the server of the first one runs."""
    [command] = [line for block in blocks("sh") for line in block.splitlines() if f"--target {name}" in line]
    assert [line for block in blocks("sh") for line in block.splitlines() if line == f"make {name}"] == [f"make {name}"]
    copy = tmp_path / "orgsync"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "*.plan.json", "__pycache__"))
    (copy / ".venv").symlink_to(Path(sys.prefix))
    where = os.environ.get("ORGSYNC_TEST_SERVERS", str(ROOT / ".servers"))
    begun = tmp_path / "servers"
    begun.mkdir()
    for one in Path(where).iterdir():
        if not one.name.endswith("-trial"):
            (begun / one.name).symlink_to(one)
    environment = {**os.environ, "ORGSYNC_TEST_SERVERS": str(begun)}
    run_ = [sys.executable, "-m", "tests.servers", "run", name]
    with subprocess.Popen(run_, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = [server.stdout.readline() for _ in range(2)]
            assert said[1].strip() == command
            for expected in ("to create, 0 to update", "Nothing to do"):
                done = run(["bash", "-c", f"{command} --yes"], copy, COVERAGE_PROCESS_START="")
                assert done.returncode == 0, done.stdout + done.stderr
                assert expected in done.stdout
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()
                raise

"""An organization repository with a CRM, a journal and git, and orgsync beside it as a process of its own.

In: a folder. Out: what a plan says, and whether it would be said again. Never: asserts.
"""

import os
import pty
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from orgsync.replay.facts import digest
from orgsync.replay.record import name_of, read, write
from tests.repository import applied, edit, planned, repository

OWN = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("driver.py")
AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@northwind.example", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``root``: of the organization; ``driver``: the program that stands for orgsync; ``path``: what it imports."""

    root: Path
    cache: Path
    driver: Path
    path: str
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, word: str = "", cwd: Path | None = None) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, str(self.driver), *self._words(arguments)],
            input=word.encode(),
            capture_output=True,
            check=False,
            timeout=120,
            cwd=cwd or self.root,
            env=self.variables,
        )

    def plan(self, *arguments: str, word: str = "", cwd: Path | None = None) -> bytes:
        """What is said on both streams, and the exit code."""
        done = self.run(*arguments, word=word, cwd=cwd)
        return b"%b\n--\n%b\n--\n%d" % (done.stdout, done.stderr, done.returncode)

    def knows(self, *arguments: str, word: str = "ask", cwd: Path | None = None) -> bool:
        """Whether the last answer would be given again."""
        done = self.run(*arguments, word=word, cwd=cwd)
        if done.stdout not in {b"True\n", b"False\n"}:
            raise RuntimeError(done.stderr.decode())
        return done.stdout == b"True\n"

    def on_a_terminal(self, *arguments: str) -> bytes:
        """What ``ask`` says to one."""
        above, below = pty.openpty()
        command = [sys.executable, str(self.driver), *self._words(arguments)]
        subprocess.run(command, input=b"ask", stdout=below, check=True, timeout=60, cwd=self.root, env=self.variables)
        os.close(below)
        said = os.read(above, 100)
        os.close(above)
        return said.strip()

    @property
    def variables(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        stated = {"CI": "1", "ORGSYNC_CACHE": str(self.cache), "PYTHONPATH": self.path}
        return {**inherited, **stated, **self.environment}

    def record(self, *arguments: str, cwd: Path | None = None) -> Path:
        """Where the answer is kept."""
        return self.cache / name_of(digest(self._words(arguments), str(cwd or self.root)))

    def forge(self, text: str) -> None:
        """Whoever says this has it from the record."""
        path = str(self.record())
        record = read(path)
        record.said = [f"1{text}"]
        write(path, record)

    def git(self, *arguments: str) -> None:
        command = ["git", *AUTHOR, "-C", str(self.root), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def _words(self, arguments: tuple[str, ...]) -> list[str]:
        return [*arguments] or ["plan", "--format", "json"]


def set_up(folder: Path, *, code: Path | None = None) -> Stage:
    """One change is pending, and not committed, so that git says the same of many another state. ``code``: a package of
    orgsync's own to run instead of this one."""
    (folder / "organization").mkdir()
    (folder / "program").mkdir()
    (folder / "more-packages").mkdir()
    root = repository(folder / "organization")
    applied(root, planned(root))
    (root / ".gitignore").write_text(".orgsync/\n")
    driver = folder / "program" / "driver.py"
    shutil.copy(DRIVER, driver)
    path = os.pathsep.join([str(code or OWN), str(folder / "more-packages")])
    stage = Stage(root=root, cache=folder / "cache", driver=driver, path=path)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "Begin"]):
        stage.git(*command)
    edit(root, "  - user: ben@example.com\n", "  - user: carl@example.com\n")
    return stage

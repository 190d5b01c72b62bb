"""Lays out everything that one size needs below the cache folder: files for all contestants, the live sides, the peers.

Nothing here is timed. What is there already is used again.
"""

import json
import shutil
import sys
import venv
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.generate import Company, generate, mutate
from bench.measure import CommandFailed, measure
from bench.write import JOURNAL, LIVE, write_json, write_octodns, write_repository, write_terraform

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What to generate: all that tells one set of files from another."""

    size: int
    variant: str = "regular"
    per_file: int = 100
    seed: int = 1

    @property
    def folder(self) -> Path:
        return CACHE / f"{self.variant}-{self.size}-{self.per_file}-{self.seed}"


def write(shape: Shape, *, peers: bool = True) -> int:
    """Writes what is missing; returns how many changes every contestant must report.

    The base organization says what the live side holds.
    """
    done = shape.folder / "expected.json"
    if done.exists() and (not peers or (shape.folder / "octodns").exists()):
        return int(json.loads(done.read_text())["total"])
    messy = shape.variant == "messy"
    base = company(shape)
    desired, differences = mutate(base, seed=shape.seed)
    for name, written in (("base", base), ("desired", desired)):
        write_repository(written, shape.folder / name, per_file=shape.per_file, messy=messy, seed=shape.seed)
    write_json(desired, shape.folder / "json", per_file=shape.per_file)
    if peers:
        write_octodns(desired, base, shape.folder / "octodns")
        write_terraform(desired, base, shape.folder / "terraform")
    done.write_text(json.dumps({**asdict(differences), "total": differences.total}))
    return differences.total


def company(shape: Shape) -> Company:
    """Before anything differs."""
    members = min(100, shape.per_file)
    return generate(shape.size, seed=shape.seed, messy=shape.variant == "messy", members=members)


def orgsync(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "orgsync", *arguments]


def environment(shape: Shape | None = None) -> dict[str, str]:
    """Whatever forbids it on this machine, modules are compiled once, as they are for whoever installed them."""
    cache = {"XDG_CACHE_HOME": str(shape.folder / "cache")} if shape else {}
    return {"PYTHONPATH": str(ROOT), "CI": "1", "PYTHONDONTWRITEBYTECODE": "", **cache}


def orgsync_missing() -> str:
    """Why orgsync cannot take part yet; empty where it can."""
    try:
        measure(orgsync("--help"), cwd=ROOT, environment=environment())
    except CommandFailed as error:
        return str(error).strip().rpartition("\n")[2]
    return ""


def make_live(shape: Shape) -> None:
    """A repository under git whose files say what is desired; the embedded CRM and the journal hold the base."""
    folder = shape.folder / "orgsync"
    if (folder / "ready").exists():
        return
    from bench.fill import fill  # noqa: PLC0415  # needs orgsync's own modules, which writing the files does not

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(shape.folder / "desired", folder)
    (folder / ".gitignore").write_text(".orgsync/\nready\n")
    fill(company(shape), folder, LIVE, JOURNAL)
    for command in (["init", "-q"], ["add", "."], [*_AUTHOR, "commit", "-qm", "Say what is desired"]):
        measure(["git", *command], cwd=folder)
    (folder / "ready").touch()


_AUTHOR = ["-c", "user.name=bench", "-c", "user.email=bench@northwind.example", "-c", "commit.gpgsign=false"]


def install_peers() -> Path:
    """The interpreter of the environment in which the peers run."""
    python = CACHE / "peers" / "bin" / "python"
    wanted = (ROOT / "bench" / "requirements.txt").read_text()
    stamp = CACHE / "peers" / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing octoDNS and Terraform into .bench/peers (once)", file=sys.stderr)
        venv.create(CACHE / "peers", with_pip=True, clear=True)
        requirements = ["-r", str(ROOT / "bench" / "requirements.txt")]
        measure([str(python), "-m", "pip", "install", "--quiet", *requirements], cwd=ROOT)
        stamp.write_text(wanted)
    return python


def init_terraform(shape: Shape) -> None:
    folder = shape.folder / "terraform"
    if not (folder / ".terraform.lock.hcl").exists() and not (folder / "ready").exists():
        python = str(install_peers())
        command = [python, "-m", "bench.peers.terraform", str(folder), "init", "-input=false"]
        measure(command, cwd=ROOT, environment=environment())
        (folder / "ready").touch()

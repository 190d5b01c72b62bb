"""Who takes part and what each one is told to do: whole commands, and how to read the number of changes they report."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.prepare import ROOT, Shape, environment, orgsync


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """``changes`` reads the reported number of changes from stdout, None where there is none to report (floors);
    ``seconds`` reads what counts of the time where that is not the whole process; ``before`` brings the files into the
    state that each run must find."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    changes: Callable[[str], int] | None = None
    seconds: Callable[[str], float] | None = None
    before: Callable[[], None] = field(default=lambda: None)


COLD, WARM, UNCHANGED = "orgsync cold", "orgsync warm", "orgsync unchanged"
HELP, VALIDATE = "orgsync --help", "orgsync validate sample"
ACCESS_WORK = "effective access and diff"
OCTODNS, TERRAFORM = "octoDNS", "Terraform"
BARE, HASH, JSON = "floor: bare python", "floor: read and hash", "floor: JSON"


def floors(shape: Shape) -> list[Contestant]:
    """Measured in the same run, so that a ratio to them means something on this machine."""
    floor = [sys.executable, "-m", "bench.floors"]
    commands = {
        HASH: [*floor, "hash", str(shape.folder / "desired")],
        JSON: [*floor, "json", str(shape.folder / "json")],
    }
    return [Contestant(name=name, command=command, environment=environment()) for name, command in commands.items()]


def ours(shape: Shape) -> list[Contestant]:
    plan = orgsync("--repo", str(shape.folder / "orgsync"), "--format", "json", "plan")
    states = {COLD: lambda: forget(shape), WARM: lambda: touch(shape), UNCHANGED: lambda: None}
    return [
        Contestant(name=name, command=plan, environment=environment(shape), changes=planned, before=before)
        for name, before in states.items()
    ]


def access(shape: Shape) -> Contestant:
    """Only the work itself counts: reading the files is no part of it."""
    command = [sys.executable, "-m", "bench.access", str(shape.folder / "base"), str(shape.folder / "desired")]
    return Contestant(name=ACCESS_WORK, command=command, environment=environment(), seconds=_told_seconds)


def cold_at(size: int) -> str:
    """A cold plan of another size, measured beside those of a larger one."""
    return f"{COLD} at {size:,}"


def start_up() -> list[Contestant]:
    """What takes the same time whatever the size."""
    commands = {
        BARE: [sys.executable, "-c", "pass"],
        HELP: orgsync("--help"),
        VALIDATE: orgsync("--repo", str(ROOT), "validate"),
    }
    return [Contestant(name=name, command=command, environment=environment()) for name, command in commands.items()]


def octodns(shape: Shape, python: Path) -> Contestant:
    config = str(shape.folder / "octodns" / "config.yaml")
    command = [str(python.with_name("octodns-sync")), "--config-file", config]
    return Contestant(name=OCTODNS, command=command, environment=environment(), changes=_octodns_changes)


def terraform(shape: Shape, python: Path) -> Contestant:
    folder = str(shape.folder / "terraform")
    command = [str(python), "-m", "bench.peers.terraform", folder, "plan", "-json", "-input=false", "-lock=false"]
    return Contestant(name=TERRAFORM, command=command, environment=environment(), changes=_terraform_changes)


def forget(shape: Shape) -> None:
    """Cold: nothing that orgsync keeps between runs."""
    shutil.rmtree(shape.folder / "cache", ignore_errors=True)


def touch(shape: Shape) -> None:
    """Warm: one file has other content than last time, and says the same."""
    path = next((shape.folder / "orgsync" / "units").rglob("units-*.yaml"))
    text, remark = path.read_text(encoding="utf-8"), "# touched\n"
    path.write_text(text.removesuffix(remark) if text.endswith(remark) else text + remark, encoding="utf-8")


def planned(stdout: str) -> int:
    summary = json.loads(stdout)["summary"]
    return sum(int(summary[action]) for action in ("create", "update", "delete"))


def _told_seconds(stdout: str) -> float:
    return float(sum(json.loads(stdout).values()))


def _octodns_changes(stdout: str) -> int:
    zones = json.loads(stdout)["live"]
    return sum(len(zone["changes"]) for zone in zones.values())


def _terraform_changes(stdout: str) -> int:
    lines = (json.loads(line) for line in stdout.splitlines() if line.startswith("{"))
    changes = next(line["changes"] for line in lines if line["type"] == "change_summary")
    return sum(int(changes[action]) for action in ("add", "change", "remove"))

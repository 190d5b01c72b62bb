"""Nothing on the page about pictures is untested: its commands run, and its pictures are what is drawn."""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from orgsync import documents
from orgsync.load import load
from orgsync.render.picture.chart import chart
from orgsync.render.picture.dot import dot
from orgsync.render.picture.svg import svg
from orgsync.render.picture.values import Detail
from orgsync.resolve import resolve
from tests.test_sample import TODAY

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "graphs.md").read_text(encoding="utf-8")
DRAWN = ROOT / "docs" / "northwind.svg"
ORGSYNC = Path(sys.executable).with_name("orgsync")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    return subprocess.run(
        [str(ORGSYNC), *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    for name in ("units", "roles"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "orgsync.yaml", tmp_path)
    return tmp_path


def content(picture: str) -> Counter[tuple[str, str]]:
    """What it shows, wherever that stands: letters are as wide as the fonts of the machine that draws."""
    root = ET.fromstring(picture)
    named = [(one.tag.rpartition("}")[2], one.text or "") for one in root.iter()]
    colours = [
        (one.get("class", ""), shape.get("fill", "")) for one in root.iter() for shape in one if "fill" in shape.attrib
    ]
    return Counter([one for one in named if one[0] in {"text", "title"}] + colours)


def test_the_chart_of_the_sample_is_as_it_is_drawn_today() -> None:
    repository = load(ROOT)
    desired, _ = resolve(documents.check(repository)[0], repository, today=TODAY)
    now = svg(dot(chart(desired.resources, today=TODAY, detail=Detail())))
    if os.environ.get("ORGSYNC_REGENERATE_GOLDEN"):
        DRAWN.write_text(now, encoding="utf-8")
    assert content(DRAWN.read_text(encoding="utf-8")) == content(now), "ORGSYNC_REGENERATE_GOLDEN=1 draws it anew"
    assert "](northwind.svg)" in PAGE


def test_the_commands_of_the_page_run(sample: Path) -> None:
    commands = [line.split() for block in blocks("bash") for line in block.splitlines()]
    assert [command[0] for command in commands] == [".venv/bin/orgsync"] * 4
    outputs = [run(sample, *command[1:]) for command in commands]
    assert [text.split()[0] if text else "" for text in outputs] == ["%%{init:", "%%{init:", "digraph", ""]


def test_the_picture_of_what_moves_is_the_one_of_the_plan(sample: Path) -> None:
    (diff,), (picture,) = blocks("diff"), blocks("mermaid")
    run(sample, "apply", "--yes")
    for part in diff.split("\n\n"):
        file, *lines = part.strip("\n").split("\n")
        old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] in signs) for signs in (" -", " +"))
        before = (sample / file).read_text(encoding="utf-8")
        assert before.count(old) == 1, file
        (sample / file).write_text(before.replace(old, new), encoding="utf-8")
    shown = run(sample, "plan", "--format", "markdown")
    assert re.findall(r"^```mermaid\n(.*?)^```$", shown, re.MULTILINE | re.DOTALL) == [picture]

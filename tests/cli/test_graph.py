"""``orgsync graph`` from the outside: real YAML, a real CRM in a file."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pygraphviz
import pytest

from tests.cli.conftest import Answer
from tests.cli.test_access import acme, commit, without_seat
from tests.mermaid import Drawn, drawn

__all__ = ["acme"]
Run = Callable[..., Answer]


def seen(answer: Answer) -> Drawn:
    assert answer.code == 0, answer.err
    return drawn(answer.out)


def test_the_chart_shows_units_members_roles_and_business_units(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    found = seen(run("graph", "org"))
    assert list(found.boxes.values()) == [
        "Sales Team\nsales · 2 members\nroles: rep\nin All",
        "Germany\nde · 0 members",
        "All\n2 units",
    ]
    assert found.named() == [("Sales Team", "Germany")]
    assert found.frames == {"Business units": ["b3"]}


def test_the_roles_show_what_they_include_and_who_is_privileged(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    found = seen(run("graph", "roles"))
    assert found.named() == [("Boss", "Rep")]
    assert {found.title(box): looks for box, looks in found.looks.items()} == {
        "Boss": ["privileged"],
        "Rep": ["plain"],
        "Seat": ["plain"],
    }


@pytest.mark.parametrize("graph", ["org", "roles"])
def test_every_format_is_what_its_readers_take(graph: str, acme: Path, run: Run) -> None:
    assert run("graph", graph, "--format", "svg", "-o", "a.svg").out == ""
    assert ET.parse(acme / "a.svg").getroot().tag.endswith("svg")
    assert pygraphviz.AGraph(string=run("graph", graph, "--format", "dot").out).edges() == [("b1", "b2")]
    assert run("--format", "mermaid", "graph", graph).out == run("graph", graph).out
    assert run("graph", graph, "-o", "b.svg").code == 0
    assert (acme / "b.svg").read_text() == (acme / "a.svg").read_text(), "a file's name says its format"


def test_a_part_and_a_depth_can_be_asked_for(acme: Path, run: Run) -> None:
    assert acme.is_dir()
    part = seen(run("graph", "org", "--unit", "de"))
    assert [part.title(box) for box in part.boxes] == ["Germany", "All"]
    shallow = run("graph", "org", "--depth", "1")
    assert "+ 1 unit, 0 members below" in seen(shallow).boxes["b1"]
    assert "1 is counted in the picture and not named" in shallow.err


def test_the_crm_a_plan_and_the_past_are_drawn_as_well(acme: Path, run: Run) -> None:
    without_seat(acme)
    assert run("apply", "--yes").code == 0
    path = acme / "units" / "units.yaml"
    path.write_text(path.read_text().replace("name: Germany", "name: DACH"))
    assert run("plan", "-o", "renamed.json").code == 0
    titles = [
        seen(run("graph", "org", *source)).title("b2")
        for source in (("--live",), ("--plan", "renamed.json"), (), ("--at", "2026-01-01"))
    ]
    assert titles == ["Germany", "DACH", "DACH", "Germany"]


def test_the_past_counts_the_members_of_its_day(acme: Path, run: Run) -> None:
    path = acme / "units" / "units.yaml"
    path.write_text(path.read_text().replace("{user: bob@example.com}", "{user: bob@example.com, until: 2026-03-31}"))
    commit(acme, "2026-03-01")
    sizes = [seen(run("graph", "org", "--at", day)).boxes["b1"].split("\n")[1] for day in ("2026-03-31", "2026-04-01")]
    assert sizes == ["sales · 2 members", "sales · 1 member"]


def test_many_alike_are_counted_unless_all_are_asked_for(acme: Path, run: Run) -> None:
    unit = "---\napiVersion: orgsync/v1\nkind: Unit\nkey: t{0}\nname: Team {0}\nbusinessUnit: all\nparent: de\n"
    (acme / "units" / "teams.yaml").write_text("".join(unit.format(n) for n in range(30)))
    for style in ("dot", "mermaid"):
        short, whole = (run("graph", "org", "--format", style, *more) for more in ((), ("-v",)))
        assert "and 10 more" in short.out
        assert "10 are counted in the picture and not named" in short.err
        assert "t29 · 0 members" in whole.out
        assert "not named" not in whole.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("org", "--unit", "nowhere"), 'there is no unit "nowhere"'),
        (("org", "--depth", "0"), "--depth"),
        (("org", "--live", "--at", "2026-01-01"), "exclude one another"),
        (("org", "--format", "json"), "json"),
        (("teams",), "teams"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: tuple[str, ...], said: str, acme: Path, run: Run) -> None:
    assert acme.is_dir()
    answer = run("graph", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_file_that_cannot_be_written_is_an_error_with_a_remedy(acme: Path, run: Run) -> None:
    answer = run("graph", "org", "-o", str(acme / "nowhere" / "a.mmd"))
    assert (answer.code, answer.out) == (1, "")
    assert "choose another path for -o" in answer.err

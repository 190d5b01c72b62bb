"""The sample organization: what a customer sees first must be whole, valid and plausible."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from orgsync import documents
from orgsync.cli.schema import NAMES, text_of
from orgsync.load import load
from orgsync.pipeline import validate
from orgsync.resolve import resolve
from orgsync.resources import Fields, Kind, Organization, parts_of
from orgsync.settings import load_settings
from orgsync.watch import Timings

ROOT = Path(__file__).parent.parent
FILES = sorted(p.relative_to(ROOT).as_posix() for part in ("units", "roles") for p in ROOT.glob(f"{part}/**/*.yaml"))
TODAY = date(2026, 11, 23)
TEAMS = {
    "sales": {"lead-management", "sales-forecasting", "product-catalog-management"},
    "marketing": {"campaign-management", "email-marketing", "lead-generation", "social-media-management"},
    "customer-service": {
        "case-management",
        "knowledge-management",
        "customer-portal-management",
        "service-level-agreement-management",
    },
}


@pytest.fixture(scope="module")
def sample() -> Organization:
    repository = load(ROOT)
    checked, invalid = documents.check(repository)
    desired, unresolved = resolve(checked, repository, today=TODAY)
    assert [*repository.findings, *invalid, *unresolved] == []
    return desired


def of(sample: Organization, kind: Kind) -> dict[str, Fields]:
    return {a.partition("/")[2]: fields for a, fields in sample.resources.items() if a.startswith(f"{kind}/")}


def functions_of(sample: Organization, unit: str) -> set[str]:
    """Of the roles that the unit gives to all members, or to single ones, with what these include."""
    roles = of(sample, Kind.ROLE)
    waiting = [*_list(of(sample, Kind.UNIT)[unit]["roles"])]
    waiting += [parts_of(a)[2] for a in sample.resources if a.startswith(f"{Kind.GRANT}/{unit}/")]
    found: set[str] = set()
    while waiting:
        role = roles[waiting.pop()]
        found.update(_map(role.get("functions")))
        waiting += _list(role.get("includes"))
    return found


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def depth(units: dict[str, Fields], unit: str) -> int:
    """Geographical levels from the unit upwards."""
    fields = units[unit]
    parent = fields.get("parent")
    return (fields["type"] == "geographical") + (depth(units, str(parent)) if parent else 0)


@pytest.mark.parametrize("team", TEAMS)
def test_a_team_has_its_functions_workflows_and_a_description(sample: Organization, team: str) -> None:
    unit = of(sample, Kind.UNIT)[team]
    assert unit["type"] == "functional"
    assert functions_of(sample, team) == TEAMS[team]
    assert unit["description"]
    assert all(str(one["url"]).startswith("https://wiki.example.com/") for one in _maps(unit["workflows"]))
    assert len(_maps(unit["workflows"])) >= 3


def _maps(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def test_geographical_units_stand_below_each_team_up_to_three_levels_deep(sample: Organization) -> None:
    units = of(sample, Kind.UNIT)
    assert {str(fields["parent"]) for fields in units.values() if "parent" in fields} >= set(TEAMS)
    assert max(depth(units, unit) for unit in units) == 3


def test_every_unit_has_an_owner_a_review_and_a_description(sample: Organization) -> None:
    for fields in of(sample, Kind.UNIT).values():
        assert fields["owner"]
        assert _map(fields["review"])["every"]
        assert fields["description"]


def test_owners_work_here(sample: Organization) -> None:
    owners = {str(fields["owner"]) for fields in of(sample, Kind.UNIT).values()}
    assert owners <= set(of(sample, Kind.USER))


def test_about_forty_people_work_here_each_in_one_unit(sample: Organization) -> None:
    people = set(of(sample, Kind.USER))
    assert 35 <= len(people) <= 45
    assert len(of(sample, Kind.MEMBERSHIP)) == len(people)
    assert all(login.endswith("@example.com") for login in people)


def test_some_assignments_end_and_say_why(sample: Organization) -> None:
    ending = [fields for fields in of(sample, Kind.MEMBERSHIP).values() if "until" in fields]
    assert len(ending) >= 3
    assert all(str(fields["until"]) >= "2029" and fields["reason"] for fields in ending)


def test_the_privileged_role_has_an_end_a_reason_and_limits(sample: Organization) -> None:
    privileged = {key for key, fields in of(sample, Kind.ROLE).items() if fields.get("privileged")}
    assert privileged == {"crm-administrator"}
    holders = [parts_of(a) for a in sample.resources if a.startswith("grant/") and a.endswith("/crm-administrator")]
    limits = _map(of(sample, Kind.ROLE)["crm-administrator"]["holders"])
    assert limits["min"] <= len(holders) <= limits["max"]
    for unit, user, _ in holders:
        assert sample.resources[f"membership/{unit}/{user}"].keys() >= {"until", "reason"}


def test_refunds_are_decided_by_nobody_who_asks_for_them(sample: Organization) -> None:
    assert of(sample, Kind.ROLE)["refund-approver"]["conflictsWith"] == ["service-agent"]


def test_every_role_and_function_is_used(sample: Organization) -> None:
    roles = of(sample, Kind.ROLE)
    used = {role for fields in of(sample, Kind.UNIT).values() for role in _list(fields["roles"])}
    used |= {parts_of(a)[2] for a in sample.resources if a.startswith("grant/")}
    used |= {role for fields in roles.values() for role in _list(fields.get("includes"))}
    assert used == set(roles)
    assert {f for fields in roles.values() for f in _map(fields.get("functions"))} == set(of(sample, Kind.FUNCTION))


def test_the_settings_open_the_demo_by_default() -> None:
    settings = load_settings(ROOT)
    demo = settings.targets[str(settings.default_target)]
    assert (settings.organization, demo.adapter, demo.url) == ("Northwind", "local", "sqlite:///.orgsync/demo.db")
    assert demo.missing_users == "create"


def test_the_sample_keeps_its_policies() -> None:
    policies = load_settings(ROOT).policies
    assert policies.mail_domains
    assert policies.names.role.key
    assert validate(ROOT, today=TODAY, watch=Timings(), policies=policies).findings == ()


def test_the_rule_that_the_settings_suggest_holds_where_it_is_taken_up(tmp_path: Path) -> None:
    text = (ROOT / "orgsync.yaml").read_text(encoding="utf-8")
    before, rule = text.split("  # rules:\n")
    lines = [line.removeprefix("  # ") for line in rule.splitlines()]
    (tmp_path / "orgsync.yaml").write_text(before + "  rules:\n" + "".join(f"  {one}\n" for one in lines))
    policies = load_settings(tmp_path).policies
    assert [one.id for one in policies.rules] == ["deletes-stay-with-managers"]
    assert validate(ROOT, today=TODAY, watch=Timings(), policies=policies).findings == ()


def _as_written(_: yaml.SafeLoader, node: yaml.Node) -> object:
    return node.value


def plain(file: str) -> Iterator[Any]:
    """As an editor reads it: YAML's numbers and booleans, dates as text."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)
    yield from yaml.load_all((ROOT / file).read_text(encoding="utf-8"), Loader)


@pytest.mark.parametrize("file", [*FILES, "orgsync.yaml"])
def test_a_file_names_its_schema_and_agrees_with_it(file: str) -> None:
    first = (ROOT / file).read_text(encoding="utf-8").splitlines()[0]
    modeline, _, path = first.partition("$schema=")
    assert modeline == "# yaml-language-server: "
    schema = ((ROOT / file).parent / path).resolve()
    assert schema.parent == ROOT / "schemas"
    for document in plain(file):
        jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", FILES)
def test_a_file_agrees_with_the_schema_of_all_documents(file: str) -> None:
    schema = json.loads((ROOT / "schemas" / "document.schema.json").read_text(encoding="utf-8"))
    for document in plain(file):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("name", NAMES)
def test_a_published_schema_is_up_to_date(name: str) -> None:
    assert (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8") == text_of(name)


def test_the_editor_finds_a_schema_for_every_folder() -> None:
    wiring = json.loads((ROOT / ".vscode" / "settings.json").read_text(encoding="utf-8"))["yaml.schemas"]
    assert all((ROOT / schema).is_file() for schema in wiring)
    assert "orgsync.yaml" in wiring["schemas/settings.schema.json"]
    assert {"units/**/*.yaml", "roles/**/*.yaml"} <= set(wiring["schemas/document.schema.json"])

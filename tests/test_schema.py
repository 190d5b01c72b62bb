"""The published schemas are current, are schemas, and accept exactly what orgsync accepts."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from orgsync.cli.schema import NAMES
from orgsync.documents import check
from orgsync.load import load
from orgsync.schema import schemas

ROOT = Path(__file__).parent.parent
SCHEMAS = schemas()
SAMPLE = sorted([*(ROOT / "units").rglob("*.yaml"), *(ROOT / "roles").rglob("*.yaml")])


def native(path: Path) -> list[Any]:
    """As an editor reads the file: with the core types of YAML 1.2, dates as text."""
    return [json.loads(json.dumps(one, default=date.isoformat)) for one in yaml.safe_load_all(path.read_text())]


def refused(name: str, value: object) -> bool:
    return not jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(value)


def test_the_command_offers_every_schema() -> None:
    assert sorted(NAMES) == sorted(SCHEMAS)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_published_schema_is_current(name: str) -> None:
    published = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    assert published == SCHEMAS[name], "make schemas"


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_nothing_else_is_published() -> None:
    assert {path.name for path in (ROOT / "schemas").iterdir()} == {f"{name}.schema.json" for name in SCHEMAS}


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_the_sample_organization_is_valid_in_an_editor(path: Path) -> None:
    values = native(path)
    assert values
    for value in values:
        jsonschema.validate(value, SCHEMAS["document"], jsonschema.Draft202012Validator)


def test_the_sample_settings_are_valid_in_an_editor() -> None:
    (value,) = native(ROOT / "orgsync.yaml")
    jsonschema.validate(value, SCHEMAS["settings"], jsonschema.Draft202012Validator)


UNIT = {"apiVersion": "orgsync/v1", "kind": "Unit", "key": "sales", "name": "Sales", "businessUnit": "company"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "Sales Team"},
        {"type": "regional"},
        {"colour": "red"},
        {"review": {"every": "sometimes"}},
        {"assignments": [{"user": "nobody"}]},
        {"assignments": [{"roles": ["sales-representative"]}]},
        {"workflows": [{"name": "Lead hand-over", "url": "ftp://example.com"}]},
    ],
)
def test_an_editor_marks_what_orgsync_refuses(wrong: dict[str, object]) -> None:
    assert not refused("unit", UNIT)
    assert refused("unit", UNIT | wrong)
    assert refused("document", UNIT | wrong)


def test_kinds_in_settings_are_written_as_orgsync_reads_them() -> None:
    def settings(*prune: str) -> dict[str, object]:
        target = {"adapter": "local", "prune": [*prune]}
        return {"apiVersion": "orgsync/v1", "kind": "Settings", "organization": "N", "targets": {"demo": target}}

    assert not refused("settings", settings("membership", "businessUnit"))
    assert refused("settings", settings("business-unit"))


@pytest.mark.parametrize("value", [2027, 1.5, True, "2027", "on"])
def test_a_text_that_an_editor_takes_for_something_else_is_accepted(value: object) -> None:
    assert not refused("unit", UNIT | {"name": value})
    assert not refused("unit", UNIT | {"assignments": [{"user": "a@example.com", "reason": value}]})


def test_a_number_is_accepted_only_where_its_text_would_be() -> None:
    assert not refused("unit", UNIT | {"key": 2027, "roles": [7]})
    assert refused("unit", UNIT | {"key": 1.5})
    assert refused("unit", UNIT | {"owner": 7})
    assert refused("unit", UNIT | {"review": {"every": 90}})
    assert refused("unit", UNIT | {"name": None})
    assert refused("unit", UNIT | {"name": ["Sales"]})


VALID_LINES = [
    ("name: 2027", "unit"),
    ("name: NO", "unit"),
    ("name: 1e3", "unit"),
    ("description: 0x1F", "unit"),
    ("roles: [007, 1-2, on]", "unit"),
    ("assignments: [{user: a@example.com, until: 2027-03-31, reason: 12:30}]", "unit"),
    ("previously: [unit/2027, 2026]", "unit"),
    ("privileged: false", "role"),
    ("holders: {min: 0, max: 5}", "role"),
    ("privileges: {lead: {read: none}}", "role"),
]


@pytest.mark.parametrize(("line", "kind"), VALID_LINES)
def test_what_orgsync_accepts_an_editor_accepts(line: str, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / ("units" if kind == "unit" else "roles")
    folder.mkdir()
    name = line.partition(":")[0]
    head = {"apiVersion": "orgsync/v1", "kind": kind.title(), "key": "x", "name": "X", "businessUnit": "company"}
    stated = {one: value for one, value in head.items() if one != name and (kind == "unit" or one != "businessUnit")}
    path = folder / "a.yaml"
    path.write_text("".join(f"{one}: {value}\n" for one, value in stated.items()) + line + "\n")
    assert check(load(tmp_path))[1] == []
    (value,) = native(path)
    assert not refused(kind, value)
    assert not refused("document", value)


def described(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Where something is described, and how, for every field and every kind of mapping."""
    if "properties" in schema:
        yield path, schema.get("description", "")
    for name, one in schema.get("properties", {}).items():
        yield f"{path}.{name}", one.get("description", "")
    for name, one in schema.get("$defs", {}).items():
        yield from described(one, name)


@pytest.mark.parametrize("name", ["business-unit", "unit", "function", "role", "settings"])
def test_every_field_is_described_in_an_editor_for_those_who_write_yaml(name: str) -> None:
    found = dict(described(SCHEMAS[name]))
    assert len(found) > 5
    assert [path for path, text in found.items() if not text.endswith(".")] == []
    jargon = re.compile(r"\n|->|`|\b(models?|mappings?|typed|Python|pydantic|dict|slug|forest)\b", re.IGNORECASE)
    assert [path for path, text in found.items() if jargon.search(text)] == []


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_published_file_is_laid_out_for_diffs(name: str) -> None:
    text = (ROOT / "schemas" / f"{name}.schema.json").read_text()
    assert text == json.dumps(SCHEMAS[name], indent=2) + "\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "sqlite:///demo.db", "credentials": {"password": "hunter2"}},
        {"url": "sqlite:///demo.db", "credentials": {"password": "${PASSWORD}"}},
        {"url": "crm.example.com"},
    ],
)
def test_an_editor_marks_a_literal_secret_and_an_address_without_a_scheme(wrong: dict[str, Any]) -> None:
    head = {"apiVersion": "orgsync/v1", "kind": "Settings", "organization": "Northwind"}
    right = {"adapter": "local", "url": "${env:CRM_URL}", "credentials": {"password": "${env:CRM_PASSWORD}"}}
    assert not refused("settings", head | {"targets": {"demo": right}})
    assert refused("settings", head | {"targets": {"demo": {"adapter": "local", **wrong}}})

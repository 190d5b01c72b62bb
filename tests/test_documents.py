"""The models: every collection keeps absent, null, empty and listed apart; what is refused is named in plain words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from orgsync.documents import MODELS, Assignment, check
from orgsync.finding import Finding, suggestion
from orgsync.load import Document, Repository, Stated, parse

HEADS: dict[str, str] = {
    "BusinessUnit": "apiVersion: orgsync/v1\nkind: BusinessUnit\nkey: x\nname: X\n",
    "Unit": "apiVersion: orgsync/v1\nkind: Unit\nkey: x\nname: X\nbusinessUnit: company\n",
    "Function": "apiVersion: orgsync/v1\nkind: Function\nkey: x\nname: X\n",
    "Role": "apiVersion: orgsync/v1\nkind: Role\nkey: x\nname: X\n",
}
LISTED = {
    "previously": "[older]",
    "roles": "[clerk]",
    "workflows": "[{name: Hand-over, url: 'https://example.com'}]",
    "assignments": "[{user: ana@example.com}]",
    "includes": "[clerk]",
    "functions": "{work: own}",
    "privileges": "{lead: {read: own}}",
    "conflictsWith": "[clerk]",
    "bind": "{hubspot: {role: Sales seat}}",
}
NEVER_NULL = {
    ("BusinessUnit", "previously"),
    ("Unit", "previously"),
    ("Function", "previously"),
    ("Role", "previously"),
    ("Function", "privileges"),
    ("Role", "bind"),
}
"""Collections that clear nothing in the CRM: there a null is more likely a line that somebody forgot to fill."""


def checked(*texts: str, folder: str = "") -> tuple[list[Stated], list[Finding]]:
    """Each text is a file of its own."""
    documents, contents = [], {}
    for number, text in enumerate(texts):
        home = folder or ("roles" if "kind: Role" in text or "kind: Function" in text else "units")
        file = f"{home}/{number}.yaml"
        contents[file] = text.encode()
        values, faults = parse(contents[file], file)
        assert faults == []
        documents += [Document(value=v, file=file, number=n) for n, v in enumerate(values) if isinstance(v, dict)]
    pairs, findings = check(Repository(root=Path(), documents=documents, texts=contents))
    return [stated for _, stated in pairs], findings


def one(text: str) -> Stated:
    (stated,), findings = checked(text)
    assert findings == []
    return stated


def codes(text: str) -> list[str]:
    return [finding.code for finding in checked(text)[1]]


def collections() -> Iterator[tuple[str, str]]:
    """(kind, alias) of every field that holds a list or a mapping."""
    for kind, model in MODELS.items():
        assert issubclass(model, BaseModel)
        for info in model.model_fields.values():
            options = [info.annotation, *get_args(info.annotation)]
            if any(get_origin(option) in {list, dict} for option in options):
                assert info.alias is not None
                yield kind, info.alias


COLLECTIONS = sorted(collections())


def test_every_collection_of_every_model_is_looked_at() -> None:
    assert {name for _, name in COLLECTIONS} == LISTED.keys()
    assert len(COLLECTIONS) == 13
    assert set(COLLECTIONS) >= NEVER_NULL


@pytest.mark.parametrize(("kind", "name"), COLLECTIONS)
def test_absent_null_empty_and_listed_are_four_things(kind: str, name: str) -> None:
    listed = "{lead: [read]}" if (kind, name) == ("Function", "privileges") else LISTED[name]
    empty = "[]" if listed.startswith("[") else "{}"

    def stated(text: str) -> Any:
        return one(HEADS[kind] + text).get(name, "absent")

    assert stated("") == "absent"
    assert stated(f"{name}: {empty}\n") == ([] if empty == "[]" else {})
    assert len(stated(f"{name}: {listed}\n")) == 1
    for null in (f"{name}:\n", f"{name}: null\n", f"{name}: ~\n"):
        if (kind, name) in NEVER_NULL:
            assert codes(HEADS[kind] + null) == ["wrong-shape"]
        else:
            assert stated(null) is None


@pytest.mark.parametrize(("kind", "name"), COLLECTIONS)
@pytest.mark.parametrize("quoted", ["'null'", "''", '"[]"'])
def test_a_quoted_nothing_is_not_a_collection(kind: str, name: str, quoted: str) -> None:
    assert codes(HEADS[kind] + f"{name}: {quoted}\n") == ["wrong-shape"]


def test_the_terms_of_an_assignment_keep_absent_and_null_apart() -> None:
    unit = one(HEADS["Unit"] + "assignments: [{user: A@Example.com}, {user: b@example.com, until: , reason: ~}]\n")
    assert unit["assignments"] == [
        {"user": "a@example.com"},
        {"user": "b@example.com", "until": None, "reason": None},
    ]
    assert set(Assignment.__annotations__) == {"user", "roles", "primary", "until", "reason"}


@pytest.mark.parametrize("former", ["older", "unit/older", "business-unit/older", "o", "a-1"])
def test_a_former_key_or_address_is_accepted(former: str) -> None:
    assert one(HEADS["Unit"] + f"previously: [{former}]\n")["previously"] == [former]


@pytest.mark.parametrize("former", ["Older", "user/a", "unit/", "/older", "unit/a/b", "a--b", "-a", "''", "unit/A"])
def test_another_form_of_former_key_is_refused(former: str) -> None:
    assert codes(HEADS["Unit"] + f"previously: [{former}]\n") == ["bad-key"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("privileged: True", "bad-flag"),
        ("privileged: yes", "bad-flag"),
        ("privileged: 1", "bad-flag"),
        ("privileged: [true]", "bad-flag"),
        ("privileged: {a: b}", "bad-flag"),
        ("holders: {max: 010}", "bad-number"),
        ("holders: {max: 1e3}", "bad-number"),
        ("holders: {max: 1_000}", "bad-number"),
        ("holders: {max: -1}", "bad-number"),
        ("holders: {max: ٣}", "bad-number"),
        ("holders: {max: 9999999999}", "bad-number"),
        ("holders: {max: [1]}", "bad-number"),
        ("holders: {min: }", "bad-number"),
        ("functions: {work: all}", "unknown-scope"),
        ("functions: {Work: own}", "bad-key"),
        ("privileges: {lead: {Read: own}}", "bad-action"),
        ("privileges: {1lead: {read: own}}", "bad-object"),
        ("bind: {hubspot: Sales seat}", "wrong-shape"),
        ("includes: clerk", "wrong-shape"),
        ("includes: [[clerk]]", "wrong-shape"),
    ],
)
def test_a_surprising_value_is_refused_rather_than_guessed(line: str, code: str) -> None:
    assert codes(HEADS["Role"] + line + "\n") == [code]


@pytest.mark.parametrize(
    "day",
    ["2026-02-29", "2026-13-01", "20270331", "2027-3-31", "2027-W13-3", "٢٠٢٧-٠٣-٣١", "'2027-03-31 '", "0000-01-01"],
)
def test_a_day_that_does_not_exist_is_refused(day: str) -> None:
    assert codes(HEADS["Unit"] + f"assignments: [{{user: a@example.com, until: {day}}}]\n") == ["bad-date"]


@pytest.mark.parametrize("name", ["'  '", "''", '"a\\nb"', '"a\\tb"', '"a\\u2028b"', '"a\\u0085b"', '"\\u202Eab"'])
def test_a_name_is_one_line_that_shows_something(name: str) -> None:
    assert codes(HEADS["Role"].replace("name: X", f"name: {name}")) == ["bad-name"]


@pytest.mark.parametrize(
    "login", ["ana", "a@b", "a b@example.com", "a@example.com/x", "a@b@example.com", "'a@example.com '"]
)
def test_a_login_is_an_address(login: str) -> None:
    assert codes(HEADS["Unit"] + f"owner: {login}\n") == ["bad-login"]


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        (HEADS["Unit"] + "asignments: []\n", "units/0.yaml:6:1", 'did you mean "assignments"?'),
        (HEADS["Unit"] + "assignments: [{user: a@example.com, role: [x]}]\n", "units/0.yaml:6:37", "roles"),
        (HEADS["Unit"] + "workflows: [{name: A, link: x, url: 'https://e.example'}]\n", "units/0.yaml:6:23", "url"),
        (HEADS["Unit"] + "review: {evry: 90d, every: 90d}\n", "units/0.yaml:6:10", "every"),
        (HEADS["Role"] + "holders: {maximum: 5}\n", "roles/0.yaml:5:11", "max"),
        (HEADS["Role"] + "bind: {hubspot: {rol: a, role: b}}\n", "roles/0.yaml:5:18", "role"),
    ],
)
def test_an_unknown_field_is_told_with_the_fields_of_its_own_mapping(text: str, path: str, hint: str) -> None:
    (finding,) = checked(text)[1]
    assert (finding.code, str(finding.position)) == ("unknown-field", path)
    assert hint in f"{finding.detail} {finding.remedy}"


def test_every_fault_of_a_document_is_told_and_its_neighbours_stay_valid() -> None:
    bad = HEADS["Unit"].replace("key: x", "key: X") + "type: regional\ncolour: red\n"
    documents, findings = checked(bad + "---\n" + HEADS["BusinessUnit"], HEADS["Role"])
    assert [stated["kind"] for stated in documents] == ["BusinessUnit", "Role"]
    assert sorted(finding.code for finding in findings) == ["bad-key", "unknown-field", "unknown-word"]


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_kind_belongs_into_its_folder(kind: str) -> None:
    wrong = "units" if kind in {"Role", "Function"} else "roles"
    (finding,) = checked(HEADS[kind], folder=wrong)[1]
    assert (finding.code, str(finding.position)) == ("wrong-folder", f"{wrong}/0.yaml:2:7")


def test_a_kind_that_is_not_a_word_is_told_for_what_it_is() -> None:
    for value, detail in (("[Unit]", "a list"), ("", "empty"), ("{a: b}", "a mapping")):
        (finding,) = checked(f"apiVersion: orgsync/v1\nkind: {value}\nkey: x\n", folder="units")[1]
        assert finding.code == "unknown-kind"
        assert detail in finding.detail
        assert "'" not in finding.detail


def test_what_an_author_wrote_is_cut_where_it_is_long() -> None:
    (finding,) = checked(HEADS["Role"].replace("key: x", f"key: {'A' * 60}{'B' * 3}"))[1]
    assert finding.code == "bad-key"
    assert finding.detail == f'"{"A" * 60}…"'


def test_a_suggestion_is_made_only_for_what_is_near() -> None:
    assert suggestion("sales-repp", ["sales-rep", "clerk"]) == ' (did you mean "sales-rep"?)'
    assert suggestion("zebra", ["sales-rep", "clerk"]) == ""
    assert suggestion("x", []) == ""

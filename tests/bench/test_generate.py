"""The generated organization: the same every time, valid, in proportion, and changed exactly as announced."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.generate import Assignment, Company, generate, mutate
from bench.write import write_octodns, write_repository, write_terraform
from orgsync import documents as documents_of_orgsync
from orgsync.load import load
from orgsync.resolve import resolve
from orgsync.resources import Kind, kind_of

VARIANTS = pytest.mark.parametrize("messy", [False, True], ids=["regular", "messy"])
Document = dict[str, Any]


def documents(folder: Path) -> Iterator[tuple[str, Document]]:
    for path in sorted(folder.glob("*/**/*.yaml")):
        for document in yaml.load_all(path.read_text(encoding="utf-8"), yaml.CBaseLoader):
            yield path.relative_to(folder).as_posix(), document


def of_kind(folder: Path, kind: str) -> dict[str, Document]:
    found = [document for _, document in documents(folder) if document["kind"] == kind]
    assert len({document["key"] for document in found}) == len(found)
    return {document["key"]: document for document in found}


def memberships(folder: Path) -> dict[tuple[str, str], Document]:
    return {
        (key, one["user"].lower()): {name: value for name, value in one.items() if name != "user"}
        for key, unit in of_kind(folder, "Unit").items()
        for one in unit["assignments"]
    }


def written(company: Company, folder: Path, *, messy: bool, per_file: int = 100) -> Path:
    write_repository(company, folder, per_file=per_file, messy=messy, seed=1)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@VARIANTS
def test_the_same_arguments_write_the_same_bytes(tmp_path: Path, *, messy: bool) -> None:
    first, second = (
        contents(written(mutate(generate(600, messy=messy))[0], tmp_path / name, messy=messy)) for name in ("a", "b")
    )
    assert first == second


def test_another_seed_writes_another_organization() -> None:
    assert generate(600, seed=1) != generate(600, seed=2)


@VARIANTS
@pytest.mark.parametrize("size", [1_000, 10_000])
def test_there_are_exactly_as_many_assignments_as_asked_for(size: int, *, messy: bool) -> None:
    assert len(generate(size, messy=messy).assignments) == size


def test_a_hundred_thousand_assignments_have_the_proportions_of_the_unit_of_work() -> None:
    company = generate(100_000)
    assert len(company.units) == 1_000
    assert max(unit.depth for unit in company.units) == 12
    assert len(company.roles) == 500
    assert 9_990 <= len({one.user for one in company.assignments.values()}) <= 10_000


@VARIANTS
def test_every_reference_finds_what_it_names(tmp_path: Path, *, messy: bool) -> None:
    folder = written(generate(1_000, messy=messy), tmp_path, messy=messy)
    units, roles, functions = (of_kind(folder, kind) for kind in ("Unit", "Role", "Function"))
    business_units = of_kind(folder, "BusinessUnit")
    for unit in units.values():
        assert unit["businessUnit"] in business_units
        assert unit.get("parent") in {None, *units}
        held = [role for one in unit["assignments"] for role in one.get("roles", [])]
        assert {*unit["roles"], *held} <= roles.keys()
    for role in roles.values():
        assert set(role.get("includes", [])) <= roles.keys()
        assert role["functions"].keys() <= functions.keys()


@VARIANTS
def test_names_are_unique_per_kind_and_folders_fit_the_kinds(tmp_path: Path, *, messy: bool) -> None:
    folder = written(generate(1_000, messy=messy), tmp_path, messy=messy)
    names = Counter((document["kind"], document["name"]) for _, document in documents(folder))
    places = {(path.partition("/")[0], document["kind"]) for path, document in documents(folder)}
    assert set(names.values()) == {1}
    assert places == {("units", "BusinessUnit"), ("units", "Unit"), ("roles", "Function"), ("roles", "Role")}


def test_the_messy_files_say_what_the_company_says(tmp_path: Path) -> None:
    company = generate(1_000, messy=True)
    assert memberships(written(company, tmp_path, messy=True)) == {
        key: stated(one) for key, one in company.assignments.items()
    }


def stated(one: Assignment) -> Document:
    roles = {"roles": [one.role]} if one.role else {}
    return {**roles, **({"until": one.until} if one.until else {}), "reason": one.reason}


@pytest.mark.parametrize("per_file", [100, 1_000])
def test_a_file_has_about_as_many_assignments_as_asked_for(tmp_path: Path, per_file: int) -> None:
    folder = written(generate(10_000), tmp_path, messy=False, per_file=per_file)
    held: Counter[str] = Counter()
    for path, document in documents(folder):
        held[path] += len(document.get("assignments", []))
    assert {count for count in held.values() if count} == {per_file}


@VARIANTS
def test_the_changed_company_differs_in_exactly_the_announced_changes(tmp_path: Path, *, messy: bool) -> None:
    base = generate(1_000, messy=messy)
    changed, differences = mutate(base)
    before = memberships(written(base, tmp_path / "before", messy=messy))
    after = memberships(written(changed, tmp_path / "after", messy=messy))
    differing = {key: changed_fields(before[key], after[key]) for key in before.keys() & after.keys()}
    assert before.keys() - after.keys() == set(differences.removed)
    assert after.keys() - before.keys() == set(differences.added)
    assert {key for key, names in differing.items() if names == {"roles"}} == {*differences.gained, *differences.lost}
    assert {key for key, names in differing.items() if names == {"until"}} == set(differences.moved)
    assert all(len(names) <= 1 for names in differing.values())


def changed_fields(before: Document, after: Document) -> set[str]:
    return {name for name in {**before, **after} if before.get(name) != after.get(name)}


@VARIANTS
def test_one_in_a_hundred_differs_and_each_is_one_change_of_one_thing(*, messy: bool) -> None:
    base = generate(1_000, messy=messy)
    changed, differences = mutate(base)
    assert differences.total == 10
    assert all(base.assignments[key].role is None for key in (*differences.removed, *differences.gained))
    assert all(changed.assignments[key].role is None for key in (*differences.added, *differences.lost))


@VARIANTS
def test_nobody_comes_or_goes_altogether(*, messy: bool) -> None:
    base = generate(1_000, messy=messy)
    changed, _ = mutate(base)
    assert people(base) == people(changed)


def people(company: Company) -> set[str]:
    return {one.user for one in company.assignments.values()}


def test_the_peers_get_one_object_per_assignment(tmp_path: Path) -> None:
    base = generate(1_000, messy=True)
    changed, _ = mutate(base)
    write_octodns(changed, base, tmp_path / "octodns")
    write_terraform(changed, base, tmp_path / "terraform")
    zones = [yaml.safe_load(path.read_text()) for path in (tmp_path / "octodns" / "zones").glob("*.yaml")]
    blocks = [path.read_text().count('resource "terraform_data"') for path in (tmp_path / "terraform").glob("*.tf")]
    assert len(zones) == len(blocks) == len(base.units)
    assert sum(map(len, zones)) == sum(blocks) == len(changed.assignments)


@VARIANTS
def test_orgsync_itself_finds_nothing_wrong(tmp_path: Path, *, messy: bool) -> None:
    folder = written(generate(1_000, messy=messy), tmp_path, messy=messy)
    repository = load(folder)
    checked, invalid = documents_of_orgsync.check(repository)
    desired, unresolved = resolve(checked, repository, today=date(2026, 1, 1))
    kinds = Counter(kind_of(address) for address in desired.resources)
    assert [*repository.findings, *invalid, *unresolved] == []
    assert kinds[Kind.MEMBERSHIP] == 1_000

"""The cache of checked documents and the second process: nothing but the time they take is different with them."""

import ast
import json
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync import intake, pipeline
from orgsync import program as making
from orgsync.cli.options import Options
from orgsync.cli.output import Output
from orgsync.cli.session import Session
from orgsync.intake import Intake, cache, check
from orgsync.intake import entries as entries_module
from orgsync.intake import helper as helper_module
from orgsync.intake.entries import Content, Entry, entries_of, entry_of, opened, pack
from orgsync.intake.helper import Helper
from orgsync.load import Assignments, Repository, load
from orgsync.load.files import key_of
from orgsync.plan import to_json
from orgsync.resolve import resolve
from orgsync.resources import Json
from orgsync.settings import load_settings
from orgsync.watch import Timings
from tests.repository import TODAY, UNIT_FILE, applied, edit, planned, repository, sql
from tests.test_fuzz import mutated

ROOT = Path(__file__).parent.parent
FAULTS = sorted((ROOT / "tests" / "invalid").glob("*.yaml"))


def told(root: Path, folder: Path | None) -> dict[str, Any]:
    """All that the rest of orgsync learns about the files, as plain values."""
    repository = load(root, Intake(root, folder).ready)
    checked, invalid = check(repository)
    desired, unresolved = resolve(checked, repository, today=TODAY)
    places = {address: desired.sources.get(address) for address in desired.resources}
    return {
        "findings": [one.to_json() for one in [*repository.findings, *invalid, *unresolved]],
        "resources": {address: dict(fields) for address, fields in desired.resources.items()},
        "others": [sorted(desired.managed), desired.previously, desired.primary, desired.bound],
        "positions": {a: str(repository.position(place)) for a, place in places.items() if place is not None},
        "stated": [(index, dict(stated)) for index, stated in checked],
    }


def sample(root: Path) -> Path:
    for name in ("units", "roles"):
        shutil.copytree(ROOT / name, root / name)
    return root


def kept(folder: Path) -> Path:
    (file,) = folder.glob("*.documents")
    return file


EDITS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=1, max_size=6)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(EDITS)
def test_whatever_is_edited_the_cache_changes_nothing(tmp_path_factory: pytest.TempPathFactory, edits: Any) -> None:
    """Each edit deletes, doubles or breaks lines of one file, the cache of the state before it being there."""
    root = sample(tmp_path_factory.mktemp("repository"))
    folder = root / "cache"
    files = sorted([*(root / "units").rglob("*.yaml"), *(root / "roles").rglob("*.yaml")])
    assert told(root, folder) == told(root, None)
    for which, seed in edits:
        file = files[which % len(files)]
        file.write_bytes(mutated(file.read_bytes(), random.Random(seed)))
        assert told(root, folder) == told(root, None)
        assert told(root, folder) == told(root, None)


@pytest.mark.parametrize("second", ["_MUCH", "_MUCH_KEPT", ""])
def test_every_faulty_file_is_told_of_as_without_a_cache(
    tmp_path: Path, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_MUCH", "_MUCH_KEPT"):
        monkeypatch.setattr(intake, name, 0 if name == second else 1 << 40)
    root = sample(tmp_path)
    for file in FAULTS:
        folder = "roles" if b"\nkind: Role" in file.read_bytes() else "units"
        shutil.copy(file, root / folder / f"x-{file.name}")
    expected = told(root, None)
    assert len(expected["findings"]) > len(FAULTS) / 2
    for _ in range(2):
        assert told(root, root / "cache") == expected


def plan_text(root: Path, folder: Path | None, target: str = "demo") -> str:
    settings_ = load_settings(root)
    plan = pipeline.make_plan(root, settings_, target, today=TODAY, environment={}, watch=Timings(), cache=folder)
    return json.dumps(to_json(plan, lambda _: []), default=dict)


def test_a_plan_from_the_cache_is_the_same_to_the_byte_and_the_crm_is_read_each_time(tmp_path: Path) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    applied(root, planned(root))
    edit(root, "  - user: ben@example.com\n", "  - {user: carl@example.com, until: 2030-01-31, roles: [manager]}\n")
    first = plan_text(root, folder)
    assert first == plan_text(root, folder) == plan_text(root, None)
    assert kept(folder).exists()
    sql(root, "UPDATE crm_unit SET name = 'Renamed by hand' WHERE external_id = 'sales'")
    second = plan_text(root, folder)
    assert "Renamed by hand" in second
    assert second == plan_text(root, None)


def test_what_is_kept_is_not_parsed_again_and_what_was_touched_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def noted(content: bytes, file: str) -> Any:
        parsed.append(file)
        return entry_of(content, file)

    root, folder = repository(tmp_path), tmp_path / "cache"
    monkeypatch.setattr(entries_module, "entry_of", noted)
    told(root, folder)
    assert sorted(parsed) == ["roles/roles.yaml", "units/sales.yaml"]
    told(root, folder)
    edit(root, "name: Sales Team", "name: Sales Force")
    told(root, folder)
    assert parsed[2:] == ["units/sales.yaml"]


def test_a_file_of_the_same_size_and_time_but_other_bytes_is_read_anew(tmp_path: Path) -> None:
    """Neither times nor sizes are believed: clocks differ, and go backwards."""
    root, folder = repository(tmp_path), tmp_path / "cache"
    told(root, folder)
    before = (root / UNIT_FILE).stat()
    edit(root, "name: Sales Team", "name: Sales Crew")
    os.utime(root / UNIT_FILE, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (root / UNIT_FILE).stat().st_size == before.st_size
    assert told(root, folder)["resources"]["unit/sales"]["name"] == "Sales Crew"


def test_the_same_bytes_in_the_other_folder_are_another_file(tmp_path: Path) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    told(root, folder)
    shutil.copy(root / "roles" / "roles.yaml", root / "units" / "moved.yaml")
    (root / "roles" / "roles.yaml").unlink()
    assert [one["code"] for one in told(root, folder)["findings"]][:2] == ["wrong-folder", "wrong-folder"]


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, Mapping):
        for name in value:
            yield from _paths(value[name], (*path, name))
        yield (*path, "missing")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, one in enumerate(value):
            yield from _paths(one, (*path, number))
        yield (*path, len(value))


def test_every_place_is_as_exact_as_without_a_cache(tmp_path: Path) -> None:
    """What is checked is columns, and the text is read again for what the marks do not tell."""
    root = sample(tmp_path)
    plain = load(root)
    load(root, Intake(root, root / "cache").ready)
    found = load(root, Intake(root, root / "cache").ready)
    assert found.texts == {}
    places = [(n, path) for n, one in enumerate(found.documents) for path in _paths(one.value)]
    assert len(places) > 500
    for place in places:
        for of_key in (False, True):
            assert found.position(place, of_key=of_key) == plain.position(place, of_key=of_key)


@pytest.mark.parametrize("change", ["other bytes", "no file"])
def test_a_place_in_a_file_that_has_changed_since_is_that_of_what_was_read(tmp_path: Path, change: str) -> None:
    root = repository(tmp_path)
    content = (root / UNIT_FILE).read_bytes()
    found = load(root, Intake(root, root / "cache").ready)
    number = next(n for n, one in enumerate(found.documents) if one.file == UNIT_FILE and "assignments" in one.value)
    exact = {path: load(root).position((number, path)) for path in [(), ("assignments", 1), ("name",)]}
    if change == "no file":
        (root / UNIT_FILE).unlink()
    else:
        (root / UNIT_FILE).write_bytes(b"# a remark\n\n" + content)
    assert found.position((number, ("assignments", 1))) == exact["assignments", 1]
    assert found.position((number, ("assignments", 1, "user"))) == exact["assignments", 1]
    assert found.position((number, ("name",))) == exact[()] != exact["name",]


def test_without_a_cache_the_folder_may_be_gone_when_a_place_is_asked_for(tmp_path: Path) -> None:
    root = repository(tmp_path)
    found = load(root, Intake(root, None).ready)
    expected = load(root).position((0, ("name",)))
    shutil.rmtree(root / "units")
    shutil.rmtree(root / "roles")
    assert found.position((0, ("name",))) == expected


def test_a_document_with_aliases_keeps_its_text(tmp_path: Path) -> None:
    """Without marks nothing else tells where anything stands."""
    root = repository(tmp_path)
    edit(root, "name: Sales Team", "name: &name Sales Team\ndescription: *name")
    found = load(root, Intake(root, root / "cache").ready)
    assert {*found.texts} == {UNIT_FILE}


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "short": lambda content: content[:10],
    "cut": _cut,
    "one bit": _flipped,
    "longer": lambda content: content + b"x",
    "noise": lambda content: random.Random(1).randbytes(len(content)),
    "no head": lambda _: pack({}, None),
    "other JSON": lambda _: _sealed(b"[1, 2]"),
    "no JSON": lambda _: _sealed(b"{"),
    "strange sizes": lambda _: _sealed(json.dumps({"version": cache.version(), "keys": [], "size": [1]}).encode()),
    "no columns": lambda _: _sealed(
        json.dumps({"version": cache.version(), "keys": [], "size": 2, "assignments": 0}).encode(), b"[]"
    ),
}


def _sealed(head: bytes, rest: bytes = b"") -> bytes:
    from hashlib import sha256

    checked = struct.pack(">QQ", len(head), len(head + rest)) + head + rest
    return sha256(checked).digest() + checked


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_passed_over_and_written_again(tmp_path: Path, damage: str) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    expected = told(root, folder)
    whole = kept(folder).read_bytes()
    kept(folder).write_bytes(DAMAGES[damage](whole))
    assert cache.read(cache.found(root, folder)) == cache.Kept()
    assert told(root, folder) == expected
    assert kept(folder).read_bytes() == whole


@pytest.mark.parametrize("what", ["orgsync", "python", "a library", "the source"])
def test_what_another_version_left_is_not_believed(tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    told(root, folder)
    assert len(cache.read(cache.found(root, folder)).entries) == 2
    monkeypatch.setattr(cache, "program", making.program.__wrapped__)  # as another process would find it
    match what:
        case "orgsync":
            monkeypatch.setattr(making, "__version__", "0.0.9")
        case "python":
            monkeypatch.setattr(sys, "version", "3.99")
        case "a library":
            monkeypatch.setattr(making, "_LIBRARIES", ("click",))
        case _:
            monkeypatch.setattr(making, "__file__", cache.__file__)
    assert cache.read(cache.found(root, folder)) == cache.Kept()
    told(root, folder)
    assert len(cache.read(cache.found(root, folder)).entries) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners here")
def test_what_somebody_else_left_or_could_write_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    told(root, folder)
    assert len(cache.read(cache.found(root, folder)).entries) == 2
    kept(folder).chmod(0o620)
    assert cache.read(cache.found(root, folder)) == cache.Kept()
    kept(folder).chmod(0o600)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert cache.read(cache.found(root, folder)) == cache.Kept()


@pytest.mark.parametrize("obstacle", ["a file", "a missing parent that is a file", "a folder in the file's place"])
def test_where_nothing_can_be_kept_nothing_is_missing(tmp_path: Path, obstacle: str) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    expected = told(root, None)
    match obstacle:
        case "a file":
            folder.write_text("")
        case "a missing parent that is a file":
            (tmp_path / "home").write_text("")
            folder = tmp_path / "home" / "cache"
        case _:
            cache._path(root, folder).mkdir(parents=True)
    for _ in range(2):
        assert told(root, folder) == expected
    assert not [*tmp_path.rglob(".new-*")]


def test_a_home_that_may_only_be_read_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    root, folder = repository(tmp_path), tmp_path / "cache"
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuses)
    assert told(root, folder) == told(root, None)
    assert [*folder.iterdir()] == []


def test_runs_at_the_same_time_see_one_whole_cache_or_none(tmp_path: Path) -> None:
    """Two that write different states again and again, and one that reads: no half of one, no mixture."""
    root, folder = repository(tmp_path), tmp_path / "cache"
    states = []
    for name in ("Sales Team", "Sales Crew"):
        content = (root / UNIT_FILE).read_bytes().replace(b"Sales Team", name.encode())
        entry = entry_of(content, UNIT_FILE)
        assert entry is not None
        states.append({key_of(UNIT_FILE, content): entry, "filler": entry})
    cache.write(root, folder, cache.Kept(), states[0])

    def write(state: Mapping[str, Entry]) -> None:
        for _ in range(150):
            cache.write(root, folder, cache.Kept(), state)

    writers = [Thread(target=write, args=(state,)) for state in states]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        seen.append(frozenset(cache.read(cache.found(root, folder)).entries))
    for writer in writers:
        writer.join()
    assert set(seen) <= {frozenset(state) for state in states}
    assert not [*folder.glob(".new-*")]


def test_what_is_new_goes_behind_what_is_there_until_all_is_written_anew(tmp_path: Path) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    for file, content in large(20).items():
        (root / file).write_bytes(content)
    told(root, folder)
    before = cache.read(cache.found(root, folder))
    found = []
    for _ in range(cache._MOST_PACKS + 1):
        (root / UNIT_FILE).write_bytes((root / UNIT_FILE).read_bytes() + b"# a remark\n")
        assert told(root, folder) == told(root, None)
        found.append(cache.read(cache.found(root, folder)))
    assert [len(one.packs) for one in found] == [2, 3, 4, 5, 6, 7, 8, 1, 2]
    assert [len(one.entries) for one in found] == [23, 24, 25, 26, 27, 28, 29, 22, 23]
    assert found[6].packs[0] == before.packs[0]


def test_a_cache_that_holds_mostly_what_no_file_says_any_more_is_written_anew(tmp_path: Path) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    for _ in range(2):
        told(root, folder)
        for path in [*(root / "units").iterdir(), *(root / "roles").iterdir()]:
            path.write_bytes(path.read_bytes() + b"# another end\n")
    told(root, folder)
    found = cache.read(cache.found(root, folder))
    assert (len(found.packs), len(found.entries)) == (1, 2)


def test_what_two_processes_made_shares_its_texts_and_is_kept_as_two_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_MUCH", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(Helper, "turns", lambda self, turns=Helper.turns: islice(turns(self), 2))
    monkeypatch.setattr(helper_module, "_START", f"import time; time.sleep(0.5); {helper_module._START}")
    root, folder = tmp_path, tmp_path / "cache"
    for file, content in large(4).items():
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_bytes(content)
    for _ in range(2):
        found: list[Any] = [one.value["assignments"] for one in load(root, Intake(root, folder).ready).documents]
        assert len(cache.read(cache.found(root, folder)).packs) == 2
        assert len({id(text) for one in found for text in (*one.user, *one.until)}) == 200 + 1


def large(count: int) -> dict[str, bytes]:
    people = "".join(f"- {{user: p{number}@example.com, until: 2030-01-01}}\n" for number in range(200))
    head = "apiVersion: orgsync/v1\nkind: Unit\nname: Unit {0}\nkey: unit-{0}\nbusinessUnit: c\nassignments:\n"
    return {f"units/{number}.yaml": (head.format(number) + people).encode() for number in range(count)}


def test_a_second_process_answers_what_this_one_would(tmp_path: Path) -> None:
    assert tmp_path.is_dir()
    files = large(5) | {"units/bad.yaml": b"kind: [", "units/empty.yaml": b""}
    contents = {f"key of {file}": (file, content) for file, content in files.items()}
    with Helper() as helper:
        helper.ask(contents, "1")
        found = opened(helper.answer(), "1").entries({})
    assert found == entries_of(contents)
    assert {*found} == {f"key of {file}" for file in large(5)}


def test_what_assignments_of_several_files_say_is_held_once() -> None:
    documents = Intake(Path(), None).ready(large(2))
    one, other = (found[0].value["assignments"] for found in documents.values())
    assert isinstance(one, Assignments)
    assert isinstance(other, Assignments)
    assert one == other
    assert len({id(text) for unit in (one, other) for text in (*unit.user, *unit.until)}) == 200 + 1


@pytest.mark.parametrize("end", ["cannot start", "dies", "talks nonsense"])
def test_without_the_second_process_this_one_does_it_all(
    tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = sample(tmp_path)
    expected = told(root, None)
    monkeypatch.setattr(intake, "_MUCH", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    if end == "cannot start":
        monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    else:
        answer = "raise SystemExit(1)" if end == "dies" else "print('nonsense')"
        monkeypatch.setattr(helper_module, "_START", f"import os; os.read(0, 1); {answer}")  # a turn is lost
        monkeypatch.setattr(Helper, "turns", lambda self, turns=Helper.turns: (self._process.wait(), turns(self))[1])
    assert told(root, None) == expected


def test_the_second_process_is_started_for_much_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    class Noted(Helper):
        def ask(self, contents: Mapping[str, Content], version: Json) -> None:
            started.append(len(contents))
            super().ask(contents, version)

    monkeypatch.setattr(helper_module, "Helper", Noted)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    contents = large(40)

    def ready() -> int:
        return len(Intake(Path(), None).ready(contents))

    assert ready() == 40
    assert started == []
    monkeypatch.setattr(intake, "_MUCH", 20_000)
    assert ready() == 40
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert ready() == 40
    assert started == [40]


def test_each_file_is_checked_by_one_of_the_two() -> None:
    contents = {f"key of {file}": (file, content) for file, content in (large(300) | {"units/empty": b""}).items()}
    with Helper() as helper:
        helper.ask(contents, "1")
        mine = {key for turn in islice(helper.turns(), 20) for key in turn}
        theirs = opened(helper.answer(), "1").keys
    assert mine.isdisjoint(theirs)
    assert contents.keys() - mine - theirs <= {"key of units/empty"}
    assert theirs


def test_the_second_process_is_not_waited_for_where_this_one_did_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_MUCH", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(helper_module, "_START", "import time; time.sleep(600)")
    assert len(Intake(Path(), None).ready(large(3))) == 3


@pytest.mark.parametrize("asked", [False, True])
def test_a_second_process_that_started_early_is_the_one_that_is_asked_and_ends_in_any_case(
    tmp_path: Path,
    asked: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[Helper] = []

    class Noted(Helper):
        def __init__(self) -> None:
            super().__init__()
            begun.append(self)

    monkeypatch.setattr(helper_module, "Helper", Noted)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    root, folder = repository(tmp_path), tmp_path / "cache"
    with intake.expected(root, folder):
        assert begun == []
    told(root, folder)
    monkeypatch.setattr(intake, "_MUCH_KEPT", 0)
    edit(root, "name: Sales Team", "name: Sales Crew")
    with intake.expected(root, folder):
        assert len(begun) == 1
        assert not asked or told(root, folder)["resources"]["unit/sales"]["name"] == "Sales Crew"
    assert (begun[0]._process.returncode == 0) == asked
    assert told(root, folder) == told(root, None)
    assert len(begun) == (1 if asked else 2)


def test_an_error_within_is_not_mistaken_for_one_of_starting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(intake, "_MUCH", -1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(FileNotFoundError, match="mine"), intake.expected(tmp_path, None):
        raise FileNotFoundError("mine")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with intake.expected(tmp_path, None):
        assert helper_module._early == []


def test_beside_a_large_cache_this_process_loads_neither_parser_nor_models(tmp_path: Path) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    told(root, folder)
    edit(root, "name: Sales Team", "name: Sales Crew")
    code = (
        "import os, sys, pathlib\nfrom orgsync import intake\nfrom orgsync.load import load\n"
        f"root, folder = pathlib.Path({str(root)!r}), pathlib.Path({str(folder)!r})\n"
        "intake._MUCH_KEPT, os.cpu_count = 0, lambda: 2\n"
        "checked, found = intake.check(load(root, intake.Intake(root, folder).ready))\n"
        "print(len(checked), found, {'yaml', 'pydantic'} & sys.modules.keys())"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    assert done.stdout == "5 [] set()\n"
    assert len(cache.read(cache.found(root, folder)).packs) == 2
    assert told(root, folder) == told(root, None)


@pytest.mark.parametrize("end", ["dies", "talks nonsense"])
def test_beside_a_large_cache_nothing_depends_on_the_second_process(
    tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    told(root, folder)
    monkeypatch.setattr(intake, "_MUCH_KEPT", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    edit(root, "name: Sales Team", "name: Sales Crew")
    monkeypatch.setattr(helper_module, "_START", "raise SystemExit(1)" if end == "dies" else "print('nonsense')")
    assert told(root, folder) == told(root, None)
    assert len(cache.read(cache.found(root, folder)).entries) == 3


def test_nothing_that_can_be_executed_is_read_back() -> None:
    folder = ROOT / "orgsync" / "intake"
    names = {
        name.partition(".")[0]
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names.isdisjoint({"pickle", "marshal", "shelve", "dill", "cloudpickle", "ctypes"})
    assert {"json", "hashlib"} <= names


def test_what_is_packed_is_unpacked_and_what_is_not_ours_is_refused() -> None:
    ((file, content),) = large(1).items()
    entry = entry_of(content, file)
    assert entry is not None
    packed = pack({"a": entry, "b": entry}, ["1"])
    found = opened(packed, ["1"]).entries({})
    assert found == {"a": entry, "b": entry}
    assert [list(one.marks or ()) for one in found["b"]] == [list(one.marks or ()) for one in entry]
    with pytest.raises(ValueError, match="another version"):
        opened(packed, ["2"])


@pytest.mark.parametrize(
    ("environment", "no_cache", "expected"),
    [
        ({"ORGSYNC_CACHE": "/var/tmp/o"}, False, "/var/tmp/o"),
        ({"ORGSYNC_CACHE": "off", "XDG_CACHE_HOME": "/x"}, False, None),
        ({"XDG_CACHE_HOME": "/x"}, False, "/x/orgsync"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/ana"}, False, "/home/ana/.cache/orgsync"),
        ({"XDG_CACHE_HOME": "/x"}, True, None),
    ],
)
def test_the_cache_stands_where_the_user_keeps_such_things(
    environment: dict[str, str],
    no_cache: bool,  # noqa: FBT001
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "ORGSYNC_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = Options()
    options.no_cache = no_cache
    session = Session(
        options=options, output=Output(stdout=sys.stdout, stderr=sys.stderr, environment={}), environment=os.environ
    )
    assert session.cache == (None if expected is None else Path(expected))


def test_the_command_line_keeps_and_uses_it_and_no_cache_does_neither(tmp_path: Path) -> None:
    root = repository(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ORGSYNC_CACHE": str(tmp_path / "cache")}

    def run(*more: str) -> str:
        command = [sys.executable, "-m", "orgsync", "--repo", str(root), "--format", "json", "plan", *more]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
        return done.stdout

    first = run("--no-cache")
    assert not (tmp_path / "cache").exists()
    assert run() == run() == first
    assert kept(tmp_path / "cache").stat().st_mode & 0o77 == 0


def test_documents_that_were_checked_elsewhere_are_not_checked_again(tmp_path: Path) -> None:
    root, folder = repository(tmp_path), tmp_path / "cache"
    told(root, folder)
    code = (
        "import sys, pathlib\nfrom orgsync.intake import Intake, check\nfrom orgsync.load import load\n"
        f"root, folder = pathlib.Path({str(root)!r}), pathlib.Path({str(folder)!r})\n"
        "print(len(check(load(root, Intake(root, folder).ready))[0]), 'orgsync.documents' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    assert done.stdout == "5 False\n"
    assert check(Repository(root=root)) == ([], [])

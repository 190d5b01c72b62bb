"""Loading: texts stay as written, positions are exact, and whatever the bytes, there is a finding and no traceback."""

import errno
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.finding import Finding, Severity
from orgsync.load import MAX_BYTES, MAX_DEPTH, Repository, Value, load, parse, position_in
from orgsync.load.files import read
from tests.test_fuzz import SAMPLE as FUZZED
from tests.test_fuzz import mutated

ROOT = Path(__file__).parent.parent
SAMPLE = sorted([*(ROOT / "units").rglob("*.yaml"), *(ROOT / "roles").rglob("*.yaml")])


def told(content: bytes) -> list[tuple[str, str]]:
    return [(one.code, str(one.position).removeprefix("f:")) for one in parse(content, "f")[1]]


def put(root: Path, name: str, content: bytes) -> Path:
    path = root / "units" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def codes(repository: Repository) -> list[tuple[str, str]]:
    return [(one.code, str(one.position)) for one in repository.findings]


@pytest.mark.parametrize("text", ["NO", "on", "yes", "1e3", "010", "1:30", "2027-01-01", ".5", "0x1F", "1_000", "True"])
def test_a_plain_scalar_stays_the_text_that_was_written(text: str) -> None:
    assert parse(f"a: {text}\n".encode(), "f") == ([{"a": text}], [])


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_a_plain_null_is_nothing_and_a_quoted_one_is_text(text: str) -> None:
    assert parse(f"a: {text}\n".encode(), "f")[0] == [{"a": None}]
    assert parse(f"a: '{text}'\n".encode(), "f")[0] == [{"a": text}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: b".encode("utf-16"), [("not-utf-8", "1:1")]),
        (b"a: b\nc: \xe9\n", [("not-utf-8", "2:4")]),
        ("a: é é ".encode() + b"\xff\n", [("not-utf-8", "1:8")]),  # columns count characters
        (b"\xef\xbb\xbfa: \xff\n", [("not-utf-8", "1:4")]),
        (b'a: "\\0"\n', [("control-character", "1:4")]),
        (b'a: b\n"\\e": c\n', [("control-character", "2:1")]),
        (b"a: &x 1\nb: &x 2\n", [("duplicate-anchor", "2:4")]),
        (b"a: &x [&x 1]\n", [("duplicate-anchor", "1:8")]),
        (b"a: &x 1\n---\nb: &x 2\nc: *x\n", []),
        (b"%YAML 1.1\n---\na: b\n", [("yaml-directive", "1:1")]),
        (b"a: {<<: {b: c}}\n", [("merge-key", "1:5")]),
        (b"~: b\n", [("complex-key", "1:1")]),
        (b"a: b\nc: x\x00\n", [("control-character", "2:5")]),
        (b"a:\n\tb: c\n", [("tab-indentation", "2:1")]),
        (b"\ta: b\n", [("tab-indentation", "1:1")]),
        (b"\xef\xbb\xbf\ta: b\n", [("tab-indentation", "1:1")]),
        (b"\xef\xbb\xbfa:\n\tb: c\n", [("tab-indentation", "2:1")]),
        (b"a: &x [*x]\n", [("recursive-alias", "1:8")]),
        (b"a: *x\n", [("unknown-alias", "1:4")]),
        (b"a: &x 1\n---\nb: *x\n", [("unknown-alias", "3:4")]),
        (b"a: !!int 5\n", [("yaml-tag", "1:4")]),
        (b"a: !custom {b: c}\n", [("yaml-tag", "1:4")]),
        (b"? [a]\n: b\n", [("complex-key", "1:3")]),
        (b"a: {b: c, b: d}\n", [("duplicate-key", "1:11")]),
        (b"- a\n", [("not-a-document", "1:1")]),
        (b"a\n", [("not-a-document", "1:1")]),
        (b"a: [\n", [("yaml-syntax", "2:1")]),
        (b"a: b\n---\na: 'c\n", [("yaml-syntax", "3:4")]),
        (b'a: "b\nc: d\n---\ne: f\n', [("yaml-syntax", "1:4")]),
    ],
)
def test_a_fault_is_told_where_it_stands(content: bytes, expected: list[tuple[str, str]]) -> None:
    assert told(content) == expected


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    assert parse(b"\xef\xbb\xbfa: b\r\nc:\r\n  - d\r\n", "f") == ([{"a": "b", "c": ["d"]}], [])
    assert str(position_in(b"\xef\xbb\xbfa: b\r\nc:\r\n  - d\r\n", "f", 0, ("c", 0))) == "f:3:5"


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (b"", ["1:1"]),
        (b"# nothing\n", ["1:1"]),
        (b"~\n", ["1:1"]),
        (b"---\n", ["1:1"]),
        (b"---\n---\n", ["1:1", "2:1"]),
        (b"a: b\n---\n# c\n", ["2:1"]),
    ],
)
def test_an_empty_document_declares_nothing_and_that_is_said(content: bytes, places: list[str]) -> None:
    values, findings = parse(content, "f")
    assert [value for value in values if value not in (None, {"a": "b"})] == []
    assert told(content) == [("empty-document", place) for place in places]
    assert {one.severity for one in findings} == {Severity.WARNING}


@pytest.mark.parametrize("name", ["sales.yml.txt", "sales.json", "sales.yaml~", "sales", "a/b.toml"])
def test_a_file_that_is_not_read_is_told(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, b"a: b\n")
    repository = load(tmp_path)
    assert repository.documents == []
    assert codes(repository) == [("file-not-read", f"units/{name}:1:1")]
    assert repository.findings[0].severity is Severity.WARNING


@pytest.mark.parametrize("name", ["README", "readme.txt", "notes.md", ".gitkeep", ".sales.yaml.swp", "CODEOWNERS"])
def test_a_file_that_is_meant_for_others_is_not_told(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, b"a: b\n")
    assert codes(load(tmp_path)) == []


@pytest.mark.parametrize(
    ("content", "unread"),
    [
        (b"a: [\n", True),
        (b"- a\n", True),
        (b"a: *x\n", True),
        (b"a: b\x00\n", True),
        (b"a: {b: c, b: d}\n", False),
        (b"a: {<<: {b: c}}\n", False),
        (b"a: !!int 5\n", False),
        (b"%YAML 1.1\n---\na: b\n", False),
        (b"? [a]\n: b\n", False),
        (b"---\n", False),
    ],
)
def test_what_nobody_has_seen_is_told_from_what_has_a_fault(tmp_path: Path, content: bytes, unread: bool) -> None:  # noqa: FBT001
    put(tmp_path, "a.yaml", content)
    repository = load(tmp_path)
    assert repository.findings
    assert (repository.unread == repository.findings) is unread
    assert (repository.unread == []) is not unread


def test_a_broken_file_declares_nothing_at_all() -> None:
    assert parse(b"a: b\n---\nc: [\n", "f")[0] == []


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_nesting_ends_at_a_limit(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    fine = f"a: {opening * (MAX_DEPTH - 1)}{closing * (MAX_DEPTH - 1)}\n"
    deep = f"a: {opening * MAX_DEPTH}{closing * MAX_DEPTH}\n"
    assert told(fine.encode()) == []
    assert [code for code, _ in told(deep.encode())] == ["too-deep"]


def test_deep_indentation_ends_at_the_same_limit() -> None:
    def nested(levels: int) -> bytes:
        return "".join(f"{' ' * level}a:\n" for level in range(levels)).encode()

    assert told(nested(MAX_DEPTH)) == []
    assert [code for code, _ in told(nested(MAX_DEPTH + 1))] == ["too-deep"]
    assert [code for code, _ in told(b"a:\n" + b"- " * 100_000 + b"b\n")] == ["too-deep"]


def test_documents_of_one_file_are_numbered_and_empty_ones_counted(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", b"a: 1\n---\n---\nb: 2\n---\n# nothing\n---\nc:\n  - 3\n")
    repository = load(tmp_path)
    assert [(one.number, one.value) for one in repository.documents] == [
        (0, {"a": "1"}),
        (2, {"b": "2"}),
        (4, {"c": ["3"]}),
    ]
    assert [str(repository.position((index, ()))) for index in range(3)] == [
        "units/a.yaml:1:1",
        "units/a.yaml:4:1",
        "units/a.yaml:8:1",
    ]
    assert str(repository.position((2, ("c", 0)))) == "units/a.yaml:9:5"


def test_a_missing_path_stands_at_the_deepest_part_that_exists(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", b"a:\n  b:\n    - c\n")
    repository = load(tmp_path)
    places = {
        path: str(repository.position((0, path))).removeprefix("units/a.yaml:")
        for path in [
            ("a", "b", 0),
            ("a", "b", 7),
            ("a", "nothing"),
            ("nothing", 3, "x"),
            ("a", "b", 0, "deeper"),
        ]
    }
    assert [*places.values()] == ["3:7", "3:5", "2:3", "1:1", "3:7"]
    assert str(repository.position((0, ("a", "b")), of_key=True)) == "units/a.yaml:2:3"


@pytest.mark.parametrize("text", ["|\n  NO\n", ">-\n  1e3\n", "'~'", '"null"', "'yes'"])
def test_blocks_and_quoted_texts_are_never_nothing(text: str) -> None:
    (value,), findings = parse(f"a: {text}\n".encode(), "f")
    assert findings == []
    assert isinstance(value, dict)
    assert isinstance(value["a"], str)


def test_a_megabyte_of_brackets_is_only_too_deep() -> None:
    assert [code for code, _ in told(b"a: " + b"[" * 1_000_000)] == ["too-deep"]


def test_aliases_save_typing_and_cannot_make_a_small_file_large() -> None:
    assert parse(b"a: &x {b: c}\nd: [*x, *x]\n", "f") == ([{"a": {"b": "c"}, "d": [{"b": "c"}, {"b": "c"}]}], [])
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{c}: &{c} [{', '.join([f'*{p}'] * 10)}]" for p, c in zip("abcdefg", "bcdefgh", strict=True)]
    assert [code for code, _ in told("\n".join(lines).encode())] == ["alias-bomb"]


def test_files_come_in_order_from_any_depth_and_only_yaml(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/c.yml", "a/b/d.YAML", "notes.txt"):
        put(tmp_path, name, b"kind: Unit\n")
    repository = load(tmp_path)
    assert [one.file for one in repository.documents] == ["units/b.yaml", "units/a/c.yml", "units/a/b/d.YAML"]
    assert repository.findings == []


def test_a_link_inside_is_followed_and_one_out_of_the_repository_is_not(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    put(root, "a.yaml", b"kind: Unit\n")
    (tmp_path / "outside.yaml").write_text("kind: Unit\n")
    (root / "units" / "b.yaml").symlink_to(root / "units" / "a.yaml")
    (root / "units" / "c.yaml").symlink_to(tmp_path / "outside.yaml")
    repository = load(root)
    assert [one.file for one in repository.documents] == ["units/a.yaml", "units/b.yaml"]
    assert codes(repository) == [("link-not-followed", "units/c.yaml:1:1")]


def test_a_linked_folder_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "a/b.yaml", b"kind: Unit\n")
    (tmp_path / "units" / "again").symlink_to(tmp_path / "units")
    assert codes(load(tmp_path)) == [("link-not-followed", "units/again:1:1")]


def test_units_and_roles_may_not_be_links_themselves(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "a.yaml", b"kind: Unit\n")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "units").symlink_to(outside / "units")
    repository = load(tmp_path / "repository")
    assert codes(repository) == [("link-not-followed", "units:1:1")]
    assert repository.documents == []


def test_links_in_a_ring_are_told(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", b"kind: Unit\n")
    (tmp_path / "units" / "b.yaml").symlink_to(tmp_path / "units" / "c.yaml")
    (tmp_path / "units" / "c.yaml").symlink_to(tmp_path / "units" / "b.yaml")
    assert codes(load(tmp_path)) == [
        ("unreadable-file", "units/b.yaml:1:1"),
        ("unreadable-file", "units/c.yaml:1:1"),
    ]


def test_a_repository_without_folders_declares_nothing_and_is_no_fault(tmp_path: Path) -> None:
    assert codes(load(tmp_path)) == []


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "roles").write_text("kind: Role\n")
    assert codes(load(tmp_path)) == [("unreadable-folder", "roles:1:1")]


@pytest.mark.parametrize("closed", ["units", "units/emea"])
def test_a_folder_that_cannot_be_read_is_never_passed_over(
    closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "emea/a.yaml", b"kind: Unit\n")
    scandir = os.scandir

    def guarded(path: str) -> Any:
        if Path(path) == tmp_path / closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)  # rights do not bind whoever runs the tests as root
    assert codes(load(tmp_path)) == [("unreadable-folder", f"{closed}:1:1")]


def refuse(*_: object, **__: object) -> Any:
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("call", ["builtins.open", "os.stat"])
def test_a_file_that_may_not_be_read_is_told(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.yaml", b"kind: Unit\n")
    findings: list[Finding] = []
    with monkeypatch.context() as closed:
        closed.setattr(call, refuse)
        assert read(tmp_path, "units/a.yaml", findings) is None
    assert [(one.code, str(one.position)) for one in findings] == [("unreadable-file", "units/a.yaml:1:1")]


def test_a_link_that_may_not_be_followed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "a.yaml").symlink_to(tmp_path / "nowhere.yaml")
    monkeypatch.setattr(Path, "resolve", refuse)
    assert codes(load(tmp_path)) == [("unreadable-file", "units/a.yaml:1:1")]


def test_a_name_that_is_not_utf_8_can_be_shown_wherever_it_stands(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", b"kind: Unit\n")
    os.symlink(b".", os.path.join(os.fsencode(tmp_path), b"units", b"caf\xe9"))  # noqa: PTH118, PTH211
    (finding,) = load(tmp_path).findings
    assert str(finding.position).encode() == rb"units/caf\xe9:1:1"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", b"kind: Unit\n")
    (tmp_path / "units" / "gone.yaml").symlink_to(tmp_path / "units" / "nowhere.yaml")
    os.mkfifo(tmp_path / "units" / "pipe.yaml")
    assert codes(load(tmp_path)) == [
        ("unreadable-file", "units/gone.yaml:1:1"),
        ("unreadable-file", "units/pipe.yaml:1:1"),
    ]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = put(tmp_path, "large.yaml", b"")
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    assert codes(load(tmp_path)) == [("file-too-large", "units/large.yaml:1:1")]


def test_a_file_name_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    name = os.path.join(os.fsencode(tmp_path), b"units", b"caf\xe9.yaml")  # noqa: PTH118  (a name that Path shows as text)
    with open(name, "wb") as stream:  # noqa: PTH123
        stream.write(b"kind: Unit\n")
    assert codes(load(tmp_path)) == [("bad-file-name", r"units/caf\xe9.yaml:1:1")]


def twin(node: yaml.Node | None) -> Value:
    """A plain, slow builder that must agree with the one that loads."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: twin(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [twin(value) for value in node.value]
    assert isinstance(node, yaml.ScalarNode)
    plain_null = node.style is None and node.value in {"", "~", "null", "Null", "NULL"}
    return None if plain_null else str(node.value)


def places(node: yaml.Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Path -> "line:column" of every value."""
    assert node.start_mark is not None
    yield path, f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from places(value, (*path, key.value))
    if isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from places(value, (*path, number))


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_values_and_positions_agree_with_a_plain_twin(path: Path) -> None:
    content = path.read_bytes()
    nodes = list(yaml.compose_all(content, Loader=yaml.SafeLoader))
    values, findings = parse(content, "f")
    assert findings == []
    assert values == [twin(node) for node in nodes]
    for number, node in enumerate(nodes):
        for steps, place in places(node):
            assert str(position_in(content, "f", number, steps)) == f"f:{place}"


CORPUS = [
    b"a: &x {b: [1, 2], c: ~}\nd: *x\ne: [*x, *x]\n",
    b"a: |\n  one\n   two\nb: >-\n  folded\n  text\nc: |+\n  kept\n\n",
    b"? a\n: b\n? c\n: - d\n  - {e: f}\n",
    b"'a': \"b\\tc\\u00e9\"\n\"d e\": 'it''s'\n",
    b"a:\n- b\n-\n- - c\n  - d\n",
    b"{a: {b: {c: [[], {}, '']}}}\n",
    b"--- {a: b}\n...\n---\n# nothing\n...\n--- {c: &s text, d: *s}\n",
    "é: ü\n\U0001f600: [\U0001f600, b]\n".encode(),
    b"a: b # not text\nc: 'd # text'\ne: f#text\n",
    b"a: plain over\n  two lines\nb: -1\n",
]
"""Ways of writing YAML that the sample organization does not use."""


@pytest.mark.parametrize("content", CORPUS)
def test_every_way_of_writing_yaml_agrees_with_a_plain_twin(content: bytes) -> None:
    nodes = list(yaml.compose_all(content, Loader=yaml.SafeLoader))
    values, findings = parse(content, "f")
    assert {one.code for one in findings} <= {"empty-document"}
    assert values == [twin(node) for node in nodes]
    for number, node in enumerate(nodes):
        for steps, place in places(node):
            assert str(position_in(content, "f", number, steps)) == f"f:{place}"


def test_whatever_is_damaged_agrees_with_a_plain_twin() -> None:
    """What the parser refuses has a fault; what has none means the same to both."""
    compared = 0
    for seed in range(300):
        rng = random.Random(seed)
        content = mutated(rng.choice(FUZZED), rng)
        values, findings = parse(content, "f")
        if {one.code for one in findings} - {"empty-document"}:
            continue
        nodes: list[Any] = [*yaml.compose_all(content, Loader=yaml.SafeLoader)]
        expected = [twin(node) for node in nodes if node is not None]
        assert [value for value in values if value is not None] == [one for one in expected if one is not None]
        compared += 1
    assert compared > 40


TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.sampled_from([True, False, None]))
def test_generated_values_agree_with_a_plain_twin(value: dict[str, Any], flow: bool | None) -> None:  # noqa: FBT001
    content = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow).encode()
    nodes = list(yaml.compose_all(content, Loader=yaml.SafeLoader))
    values, findings = parse(content, "f")
    if not findings:
        assert values == [twin(node) for node in nodes]
        for number, node in enumerate(nodes):
            for steps, place in places(node):
                assert str(position_in(content, "f", number, steps)) == f"f:{place}"
    assert {one.code for one in findings} <= {"merge-key", "control-character"}


def all_places(value: Value, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inside:
        yield from all_places(one, (*path, step))


@pytest.mark.parametrize("source", ["sample", "invalid"])
def test_what_was_noted_while_reading_is_where_the_composed_file_has_it(source: str, tmp_path: Path) -> None:
    """Every place of every document: by marks where there are any, and by composing the file alone."""
    here = Path(__file__).parent
    if source == "sample":
        loaded = load(here.parent)
    else:
        shutil.copytree(here / "invalid", tmp_path / "units", ignore=shutil.ignore_patterns("settings", "policies"))
        loaded = load(tmp_path)
    marked = sum(document.marks is not None for document in loaded.documents)
    assert marked > len(loaded.documents) * 0.9
    plain = replace(loaded, documents=[replace(one, marks=None) for one in loaded.documents])
    for number, document in enumerate(loaded.documents):
        for path in all_places(document.value):
            assert loaded.position((number, path)) == plain.position((number, path)), (document.file, path)


def test_an_alias_leaves_the_positions_to_the_composed_file(tmp_path: Path) -> None:
    put(tmp_path, "x.yaml", b"a: &x {b: 1}\nc: *x\nd: {e: 2}\n")
    loaded = load(tmp_path)
    assert loaded.documents[0].marks is None
    assert str(loaded.position((0, ("d",)))) == "units/x.yaml:3:4"

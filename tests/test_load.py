"""Loading: texts stay as written, positions are exact, and whatever the bytes, there is a finding and no traceback."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.load import MAX_BYTES, MAX_DEPTH, Repository, Value, load, parse, position_in

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
        (b"a: b\nc: x\x00\n", [("control-character", "2:5")]),
        (b"a:\n\tb: c\n", [("tab-indentation", "2:1")]),
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
        (b"a: b\n---\na: 'c\n", [("yaml-syntax", "4:1")]),
    ],
)
def test_a_fault_is_told_where_it_stands(content: bytes, expected: list[tuple[str, str]]) -> None:
    assert told(content) == expected


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    assert parse(b"\xef\xbb\xbfa: b\r\nc:\r\n  - d\r\n", "f") == ([{"a": "b", "c": ["d"]}], [])
    assert str(position_in(b"\xef\xbb\xbfa: b\r\nc:\r\n  - d\r\n", "f", 0, ("c", 0))) == "f:3:5"


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"---\n", b"---\n---\n"])
def test_an_empty_file_declares_nothing(content: bytes) -> None:
    values, findings = parse(content, "f")
    assert [value for value in values if value is not None] == []
    assert findings == []


def test_a_broken_file_declares_nothing_at_all() -> None:
    assert parse(b"a: b\n---\nc: [\n", "f")[0] == []


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_nesting_ends_at_a_limit(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    fine = f"a: {opening * (MAX_DEPTH - 1)}{closing * (MAX_DEPTH - 1)}\n"
    deep = f"a: {opening * MAX_DEPTH}{closing * MAX_DEPTH}\n"
    assert told(fine.encode()) == []
    assert [code for code, _ in told(deep.encode())] == ["too-deep"]


def test_a_megabyte_of_brackets_is_only_too_deep() -> None:
    assert [code for code, _ in told(b"a: " + b"[" * 1_000_000)] == ["too-deep"]


def test_aliases_save_typing_and_cannot_make_a_small_file_large() -> None:
    assert parse(b"a: &x {b: c}\nd: [*x, *x]\n", "f") == ([{"a": {"b": "c"}, "d": [{"b": "c"}, {"b": "c"}]}], [])
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{c}: &{c} [{', '.join([f'*{p}'] * 10)}]" for p, c in zip("abcdefg", "bcdefgh", strict=True)]
    assert [code for code, _ in told("\n".join(lines).encode())] == ["alias-bomb"]


def test_files_come_in_order_from_any_depth_and_only_yaml(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/c.yml", "a/b/d.yaml", "notes.txt"):
        put(tmp_path, name, b"kind: Unit\n")
    repository = load(tmp_path)
    assert [one.file for one in repository.documents] == ["units/b.yaml", "units/a/c.yml", "units/a/b/d.yaml"]
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
    assert {one.code for one in findings} <= {"merge-key", "control-character"}

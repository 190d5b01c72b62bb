"""Whatever the bytes: findings with positions, or an organization. Never a traceback."""

import random
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgsync.cli.session import source_line
from orgsync.documents import check
from orgsync.errors import InvalidInput
from orgsync.finding import Finding
from orgsync.load import load, parse
from orgsync.policy import broken, declared_state, hints
from orgsync.resolve import resolve
from orgsync.settings import load_settings
from tests.stated import policies as policies_of

TODAY = date(2026, 11, 1)
POLICIES = policies_of(
    {
        "mailDomains": ["example.com"],
        "depth": {"units": "1", "businessUnits": "1"},
        "longestUntil": {"assignment": "1d", "privileged": "1d"},
        "names": {"unit": {"key": "[ab]*", "name": "[ab]*"}, "role": {"key": "[ab]*"}},
    }
)
ROOT = Path(__file__).parent.parent
SAMPLE = [path.read_bytes() for path in sorted([*(ROOT / "units").rglob("*.yaml"), *(ROOT / "roles").rglob("*.yaml")])]
QUIET = settings(max_examples=300, deadline=None, derandomize=True)
PIECES = [
    b":",
    b"- ",
    b"[",
    b"]",
    b"{",
    b"}",
    b"&a ",
    b"*a",
    b"!!x ",
    b"'",
    b'"',
    b"|",
    b"\t",
    b"\n",
    b"\x00",
    b"\xff",
    b"~",
]


def sound(findings: Iterable[Finding], root: Path | None = None) -> None:
    for one in findings:
        assert one.code
        assert one.summary
        assert one.position is not None
        assert one.position.line >= 1
        assert one.position.column >= 1
        assert root is None or isinstance(source_line(root, one.position), str)


def everything(content: bytes) -> None:
    """The whole way from bytes to an organization, as both folders' only file."""
    with TemporaryDirectory() as folder:
        for name in ("units", "roles"):
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "a.yaml").write_bytes(content)
        repository = load(Path(folder))
        documents, invalid = check(repository)
        desired, unresolved = resolve(documents, repository, today=TODAY)
        state = declared_state(desired, repository.position, sound=False, today=TODAY)
        judged = [*broken(state, POLICIES), *hints(state)]
        sound([*repository.findings, *invalid, *unresolved, *judged], repository.root)


@QUIET
@given(st.binary(max_size=200))
def test_arbitrary_bytes(content: bytes) -> None:
    sound(parse(content, "f")[1])


@QUIET
@given(st.text(alphabet="abk:-[]{}&*!|>'\"#%@`,? \n\t~<0", max_size=80))
def test_arbitrary_text_with_the_signs_of_yaml(text: str) -> None:
    everything(text.encode())


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Lines and bytes deleted, doubled, swapped, moved in and out; signs of YAML thrown in."""
    for _ in range(rng.randint(1, 4)):
        lines = content.splitlines(keepends=True) or [b""]
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        place = rng.randrange(len(content) + 1)
        content = rng.choice(
            [
                b"".join(lines[:at] + lines[at + 1 :]),
                b"".join([*lines[:at], lines[other], *lines[at:]]),
                b"".join([*lines[:at], b"  " + lines[at], *lines[at + 1 :]]),
                b"".join([*lines[:at], lines[at].lstrip(), *lines[at + 1 :]]),
                content[:place] + rng.choice(PIECES) + content[place:],
                content[:place] + content[place + 1 :],
                content[: len(content) // 2] + rng.choice(SAMPLE),
            ]
        )
    return content


@pytest.mark.parametrize("seed", range(600))
def test_a_damaged_sample_document(seed: int) -> None:
    rng = random.Random(seed)
    everything(mutated(rng.choice(SAMPLE), rng))


NAMES = st.sampled_from(["a", "b", "key", "kind", "roles", "parent", "user", "assignments", "privileges", "previously"])
SCALARS = st.sampled_from(["~", "a", "x-1", "Unit", "Role", "true", "2026-11-01", "a@b.example", "[]", "{}", "''"])
ENTRIES = st.recursive(
    SCALARS,
    lambda inner: (
        st.tuples(st.sampled_from(["", "&a ", "&b ", "!t "]), st.lists(inner | st.sampled_from(["*a", "*b"]))).map(
            lambda pair: f"{pair[0]}[{', '.join(pair[1])}]"
        )
        | st.lists(st.tuples(NAMES, inner), max_size=4).map(
            lambda pairs: f"{{{', '.join(f'{name}: {value}' for name, value in pairs)}}}"
        )
    ),
    max_leaves=8,
)


@QUIET
@given(st.sampled_from(["BusinessUnit", "Unit", "Function", "Role"]), st.lists(st.tuples(NAMES, ENTRIES), max_size=6))
def test_well_formed_documents_of_the_wrong_shapes(kind: str, fields: list[tuple[str, str]]) -> None:
    head = f"apiVersion: orgsync/v1\nkind: {kind}\nkey: x\nname: X\nbusinessUnit: x\n"
    everything((head + "".join(f"{name}: {value}\n" for name, value in fields)).encode())


@pytest.mark.parametrize("seed", range(300))
def test_damaged_settings(seed: int, tmp_path: Path) -> None:
    content = mutated((ROOT / "orgsync.yaml").read_bytes(), random.Random(seed))
    (tmp_path / "orgsync.yaml").write_bytes(content)
    sound(faults_of(tmp_path))


def faults_of(root: Path) -> list[Finding]:
    """Any other exception than InvalidInput fails the test."""
    try:
        load_settings(root)
    except InvalidInput as error:
        return [*error.findings]
    return []

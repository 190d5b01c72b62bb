"""Whole processes: what only a real interpreter shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import applied, planned, repository

_ROOT = Path(__file__).parents[2]
_HEAVY = ("pydantic", "sqlalchemy", "rich", "yaml", "requests", "jinja2", "deepdiff", "graphviz", "cel")


def _python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
    )


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["graph", "org", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom orgsync.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        f"print('HEAVY', sorted(set({_HEAVY!r}) & set(sys.modules)))"
    )
    assert _python(code).stdout.endswith("HEAVY []\n")


_UNUSED = (
    *(*_HEAVY, "pydantic_core", "importlib.metadata", "concurrent.futures", "logging", "difflib", "email", "getpass"),
    *("orgsync.apply", "orgsync.documents", "orgsync.journal.book", "orgsync.policy.rules", "orgsync.render.view"),
    *("orgsync.settings.checking", "orgsync.settings.models", "orgsync.wording"),
)
"""By a command whose settings and documents did not change, that prints JSON, or has nothing to tell."""


@pytest.mark.parametrize("arguments", [["--format", "json", "plan"], ["--format", "json", "validate"], ["validate"]])
def test_what_is_checked_already_needs_no_library_that_checks(arguments: list[str], tmp_path: Path) -> None:
    root, environment = repository(tmp_path), {"ORGSYNC_CACHE": str(tmp_path / "cache")}
    applied(root, planned(root))
    first = _loaded(["--repo", str(root), *arguments], **environment)
    assert {"pydantic", "yaml", "orgsync.settings.models"} <= first
    assert not _loaded(["--repo", str(root), *arguments], **environment).intersection(_UNUSED)


def test_the_sample_is_checked_again_without_the_models(tmp_path: Path) -> None:
    for unused in ({"sqlalchemy"}, {*_UNUSED} - {"pydantic_core"}):  # its patterns need that one
        loaded = _loaded(["--repo", str(_ROOT), "validate"], ORGSYNC_CACHE=str(tmp_path))
        assert not loaded & unused


def test_names_of_targets_are_completed_without_the_models(tmp_path: Path) -> None:
    words = {"COMP_WORDS": f"orgsync --repo {_ROOT} plan --target ", "COMP_CWORD": "5", "ORGSYNC_CACHE": str(tmp_path)}
    for _ in range(2):
        loaded = _loaded([], _ORGSYNC_COMPLETE="bash_complete", **words)
    assert not loaded.intersection(_UNUSED)


def _loaded(arguments: list[str], **environment: str) -> set[str]:
    """The modules that a command leaves behind."""
    code = (
        "import sys\nfrom orgsync.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as end: assert not end.code, end.code\n"
        "print('LOADED', *sys.modules)"
    )
    done = _python(code, **environment)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED ")[2].split())


def test_a_reader_who_goes_away_is_no_failure_to_talk_about() -> None:
    code = (
        "import subprocess, sys\n"
        "orgsync = subprocess.Popen([sys.executable, '-m', 'orgsync', '--help'],"
        " stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "orgsync.stdout.close()\n"
        "print(orgsync.stderr.read())\n"
    )
    assert _python(code).stdout == "b''\n"


def test_an_ascii_stream_gets_ascii(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom orgsync.cli.output import Output\n"
        "Output(stdout=sys.stdout, stderr=sys.stderr, environment={}).write('a · é…\\n')"
    )
    assert tmp_path.is_dir()
    assert _python(code, PYTHONIOENCODING="ascii", PYTHONUTF8="0").stdout == "a - \\xe9...\n"


_WATCHED = (
    "import atexit, sys, threading\n"
    "atexit.register(lambda: print('atexit'))\n"
    "{more}\n"
    "from orgsync.cli import main\n"
    "sys.argv = ['orgsync', '{argument}']\n"
    "try: main()\n"
    "finally: print('as usual')\n"
)


def test_a_process_ends_with_its_command_and_all_that_was_to_be_done_at_exit() -> None:
    done = _python(_WATCHED.format(more="", argument="--version"))
    assert done.stdout.startswith("orgsync ")
    assert "as usual" not in done.stdout
    assert done.stdout.endswith("atexit\n")
    assert done.returncode == 0


def test_a_process_ends_with_the_exit_code() -> None:
    done = _python(_WATCHED.format(more="", argument="no-such-command"))
    assert (done.stdout, done.returncode) == ("atexit\n", 2)


@pytest.mark.parametrize(
    "more",
    [
        "threading.Thread(target=lambda: (threading.main_thread().join(), print('worked'))).start()",
        "sys.setprofile(lambda *_: None)\nprint('worked')",
    ],
)
def test_a_process_where_somebody_still_works_or_watches_ends_as_usual(more: str) -> None:
    done = _python(_WATCHED.format(more=more, argument="--version"))
    assert "worked\n" in done.stdout
    assert "as usual\n" in done.stdout
    assert done.stdout.endswith("atexit\n")

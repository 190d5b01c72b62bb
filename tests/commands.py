"""Whole commands inside this process: real settings, real YAML, real databases; only the streams are ours."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

from orgsync.cli import main
from orgsync.cli.options import Options
from orgsync.cli.output import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


def command(*arguments: str) -> Answer:
    """``orgsync ARGUMENTS``; an interruption ends the command as it does outside, too."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with _fresh(), redirect_stdout(out), redirect_stderr(err):
        try:
            main([*arguments])
        except SystemExit as left:
            code = int(left.code or 0)
    return Answer(code=code, out=out.getvalue(), err=err.getvalue())


@contextmanager
def _fresh() -> Iterator[None]:
    """What one process remembers of its one command must not reach the next."""
    Output.current, Output.options = None, Options()
    try:
        yield
    finally:
        Output.current, Output.options = None, Options()

"""Streams: results to stdout, everything else to stderr; colour, width and what the encoding can carry.

In: text, findings, rich lines. Out: bytes on the right stream. Never: colours a pipe, or fails on a character.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TextIO

from orgsync.cli.options import Options
from orgsync.finding import Finding, Position
from orgsync.render.escape import inert, printable, visible

if TYPE_CHECKING:
    from rich.text import Text

    from orgsync.render.text import Page

_PIPE_WIDTH = 120
_NARROWEST = 20


@dataclass(slots=True, kw_only=True)
class Output:
    """``options`` of the running command stand here so that the error boundary can follow them."""

    stdout: TextIO
    stderr: TextIO
    environment: Mapping[str, str]
    source: "Callable[[Position], str]" = lambda _: ""

    options: ClassVar[Options] = Options()
    current: "ClassVar[Output | None]" = None
    referenced: ClassVar[frozenset[str]] = frozenset()
    """Environment variables that the settings refer to: what they hold is redacted, whatever their names."""

    @classmethod
    def of_process(cls) -> "Output":
        """The one of the running command; before there is one, plain standard streams."""
        return cls.current or cls(stdout=sys.stdout, stderr=sys.stderr, environment=os.environ)

    def page(self, stream: TextIO | None = None) -> "Page":
        from orgsync.render.text import Page

        terminal = is_terminal(stream or self.stdout)
        return Page(width=self._width(terminal=terminal), wrap=terminal, verbose=self.options.verbose)

    def write(self, text: str) -> None:
        """A result, as it is."""
        _write(self.stdout, text)

    def lines(self, lines: "Iterable[Text]", stream: TextIO | None = None) -> None:
        from orgsync.render.text import to_string

        to = stream or self.stdout
        _write(to, to_string(lines, color=self.colors(to)))

    def say(self, text: str) -> None:
        """Progress or advice, one line; not with ``--quiet``."""
        if not self.options.quiet:
            _write(self.stderr, inert(f"{visible(text)}\n"))

    def fail(self, text: str, remedy: str) -> None:
        """An error and what to do about it, on stderr."""
        from orgsync.render.text.page import line, wrapped

        page = self.page(self.stderr)
        first, *rest = text.split("\n")
        shown = [line("error: ", "error").append(visible(first), "not bold default"), *map(line, rest)]
        shown += [line(f"  = {advice}") for advice in remedy.split("\n") if advice]
        self.lines((piece for one in shown for piece in wrapped(one, page, hanging=4)), self.stderr)

    def complain(self, found: Sequence[Finding]) -> None:
        """Findings that stopped a command, on stderr."""
        self.show_findings(found, "orgsync", self.stderr)

    def show_findings(self, found: Sequence[Finding], title: str, stream: TextIO | None = None) -> None:
        """All findings and a line of counts."""
        from orgsync.render.numbers import tally
        from orgsync.render.text import findings

        to = stream or self.stdout
        self.lines(findings(found, self.page(to), self.source), to)
        _write(to, f"{title}: {tally(found)}\n")

    def findings_as(self, format_: str, found: Sequence[Finding]) -> None:
        """Findings as a result in a machine's format."""
        from orgsync.render import shapes

        if format_ == "github":
            from orgsync.render import github

            self.write(github.findings(found))
        elif format_ == "sarif":
            from orgsync.render import sarif

            self.write(shapes.text(sarif.findings(found)))
        else:
            self.write(shapes.text(shapes.findings(found)))

    def colors(self, stream: TextIO) -> bool:
        """Only on a terminal that wants it: NO_COLOR, TERM=dumb and CI say no, FORCE_COLOR says yes."""
        if self.environment.get("NO_COLOR"):
            return False
        if self.environment.get("FORCE_COLOR"):
            return True
        plain = self.environment.get("TERM") == "dumb" or self.in_ci
        return is_terminal(stream) and not plain

    @property
    def in_ci(self) -> bool:
        return self.environment.get("CI", "").lower() not in {"", "0", "false"}

    def progress_bars(self) -> bool:
        dumb = self.environment.get("TERM") == "dumb"
        return is_terminal(self.stderr) and not self.in_ci and not dumb and not self.options.quiet

    def _width(self, *, terminal: bool) -> int:
        stated = self.environment.get("COLUMNS", "")
        if stated.isdecimal() and int(stated) > 0:
            return max(_NARROWEST, int(stated))
        if not terminal:
            return _PIPE_WIDTH
        from shutil import get_terminal_size

        return max(_NARROWEST, get_terminal_size().columns)


def is_terminal(stream: TextIO | None) -> bool:
    """False for what is closed or was never there."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _write(stream: TextIO, text: str) -> None:
    stream.write(printable(text, stream.encoding or "utf-8"))
    stream.flush()

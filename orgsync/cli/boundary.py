"""The one error boundary: what is expected becomes a message with a remedy, what is not a report to paste.

In: whatever escaped a command. Out: text on stderr and the exit code. Never: a secret or a bare traceback.

0 done, 1 failed or refused, 2 usage or invalid input, 3 changes pending (``--exit-code``), 4 incomplete read,
70 a bug, 130 interrupted.
"""

import errno
import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

import click

from orgsync import __version__
from orgsync.cli.output import Output
from orgsync.cli.redact import redact
from orgsync.errors import InvalidInput, OrgsyncError, Refused
from orgsync.finding import Finding

BUG = 70
INTERRUPTED = 130
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def leave(error: BaseException) -> int:
    """Says what happened and returns the exit code."""
    try:
        return _silence() if isinstance(error, BrokenPipeError) else _leave(error)
    except OSError:
        return _silence()


def _leave(error: BaseException) -> int:
    if isinstance(error, SystemExit):  # Click's own way out when a pipe breaks
        return error.code if isinstance(error.code, int) else 1
    output = Output.of_process()
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        output.say("interrupted")
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, OrgsyncError):
        return _expected(error, output)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        output.fail(f"cannot write: {error.strerror}", "make room where the output and the journal go")
        return 1
    return _bug(error, output)


def _expected(error: OrgsyncError, output: Output) -> int:
    """Findings in the format that was asked for; everything else as a sentence and a remedy."""
    options = Output.options
    if options.format in {"json", "sarif", "github"}:
        output.findings_as(options.format, _findings(error))
    if isinstance(error, (InvalidInput, Refused)):
        output.complain(error.findings)
    else:
        output.fail(redact(str(error)), redact(error.remedy))
    return error.exit_code


def _findings(error: OrgsyncError) -> tuple[Finding, ...]:
    if isinstance(error, (InvalidInput, Refused)):
        return error.findings
    name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__)
    return (
        Finding(
            code=name.lstrip("-"), summary="orgsync failed", detail=redact(str(error)), remedy=redact(error.remedy)
        ),
    )


def _bug(error: BaseException, output: Output) -> int:
    path = _write(_report(error))
    output.fail(
        f"internal error: {type(error).__name__} (this is a bug in orgsync, not in your files)",
        f"a report that holds no secrets is in {path}; please read it and attach it to an issue",
    )
    return BUG


def _report(error: BaseException) -> str:
    """Places instead of source lines, and the message with everything redacted that looks like a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    places = "\n".join(f"    {_place(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames)
    words = [word for word in sys.argv[1:] if word.isalpha() or (word.startswith("--") and "=" not in word)]
    return (
        f"orgsync {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}\n"
        f"Command: orgsync {' '.join(words)}\n\n{places}\n\n{type(error).__name__}: {redact(str(error))}\n"
    )


def _place(filename: str) -> str:
    """From the package on: folders above it name people and machines."""
    parts = Path(filename).parts
    at = next((index for index, part in enumerate(parts) if part in {"orgsync", "site-packages"}), len(parts) - 1)
    return "/".join(parts[at:])


def _write(report: str) -> str:
    try:
        handle, path = tempfile.mkstemp(prefix="orgsync-report-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(report)
    except OSError:
        sys.stderr.write(report)
        return "the lines above"
    return path


def _silence() -> int:
    """Whoever read our output went away: nothing to say, and nothing for Python to say at exit either."""
    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(sink, stream.fileno())
    return 1

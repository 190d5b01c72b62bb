import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orgsync.change import Action, Outcome, Status
from orgsync.cli.output import Output
from orgsync.cli.progress import Watching


class _Lost(io.StringIO):
    """The stream of somebody who stopped reading, or a file on a disk that is full."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        raise self._error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.ENOSPC, "No space left on device")])
def test_progress_that_cannot_be_told_is_no_reason_to_stop_an_apply_halfway(error: OSError) -> None:
    gone = _Lost(error)
    watch = Watching(Output(stdout=io.StringIO(), stderr=gone, environment=os.environ))
    for number in (1, 2):
        one = Outcome(id=str(number), address=f"unit/{number}", action=Action.CREATE, status=Status.APPLIED, detail="")
        watch.outcomes((one,), number, 2)
    assert "unit/2" in gone.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no disk that is always full")
def test_a_full_disk_is_no_bug() -> None:
    command = [sys.executable, "-m", "orgsync", "schema"]
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        silent = subprocess.run(command, stdout=full, stderr=full, check=False)
    assert (answer.returncode, silent.returncode) == (1, 1)
    assert answer.stderr.startswith("error: cannot write: No space left on device\n  = make room")

import io
import os

from orgsync.change import Action, Outcome, Status
from orgsync.cli.output import Output
from orgsync.cli.progress import Watching


class _Gone(io.StringIO):
    """The stream of somebody who stopped reading."""

    def flush(self) -> None:
        raise BrokenPipeError


def test_nobody_who_reads_the_progress_is_no_reason_to_stop_an_apply_halfway() -> None:
    gone = _Gone()
    watch = Watching(Output(stdout=io.StringIO(), stderr=gone, environment=os.environ))
    for number in (1, 2):
        one = Outcome(id=str(number), address=f"unit/{number}", action=Action.CREATE, status=Status.APPLIED, detail="")
        watch.outcomes((one,), number, 2)
    assert "unit/2" in gone.getvalue()

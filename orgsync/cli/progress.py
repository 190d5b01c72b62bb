"""What is going on, on stderr: the stage on a terminal, one line per step of an apply, seconds per stage with -v.

In: the engine's Watch calls. Out: text on stderr. Never: results.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from orgsync.change import Outcome, Status
from orgsync.cli.output import Output
from orgsync.render.escape import printable
from orgsync.watch import Timings

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_EACH = 60
"""Up to so many steps are told one by one where there is no terminal; beyond, about twenty lines in all."""
_STAGES = {
    "load": "reading files",
    "validate": "checking documents",
    "resolve": "resolving references",
    "project": "fitting to the target",
    "read": "reading the CRM",
    "diff": "comparing",
    "order": "ordering",
    "safety": "checking guards",
    "access": "working out who can do what",
    "seal": "sealing the plan",
    "freshness": "checking that the CRM has not moved",
    "apply": "applying",
    "verify": "reading back",
}


class Watching:
    """The Watch of the command line; safe to be told by several threads."""

    def __init__(self, output: Output, sentences: dict[str, tuple[str, str]] | None = None) -> None:
        self._output = output
        self._sentences = sentences or {}
        self._timings = Timings()
        self._told = 0
        self._busy = False
        self._lock = threading.Lock()
        self._bar: Bar | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        shown = name != "apply" and not self._busy and self._output.progress_bars()
        with self._timings.stage(name):
            if not shown:
                yield
                return
            self._busy = True
            try:
                with self._status(_STAGES.get(name, name)):
                    yield
            finally:
                self._busy = False

    @contextmanager
    def _status(self, text: str) -> Iterator[None]:
        from rich.console import Console

        console = Console(file=self._output.stderr, no_color=not self._output.colors(self._output.stderr))
        with console.status(printable(f"{text} …", self._output.stderr.encoding), spinner="line"):
            yield

    def outcomes(self, outcomes: Sequence[Outcome], done: int, total: int) -> None:
        """Nobody who stopped reading (``orgsync apply --yes 2>&1 | head``) and no full disk ends a run between two of
        its steps."""
        with self._lock, suppress(OSError):
            if self._output.options.quiet:
                return
            start = done - len(outcomes)
            for number, one in enumerate(outcomes, start + 1):
                if self._worth_a_line(one, total):
                    self._line(one, number, total)
            self._advance(done, total)

    def _worth_a_line(self, one: Outcome, total: int) -> bool:
        if one.status in {Status.FAILED, Status.UNKNOWN} or self._output.options.verbose:
            return True
        return total <= _EACH and not self._output.progress_bars()

    def _line(self, one: Outcome, number: int, total: int) -> None:
        from orgsync.render.text import outcome

        output = self._output
        output.lines(outcome(one, number, total, self._sentences, output.page(output.stderr)), output.stderr)

    def _advance(self, done: int, total: int) -> None:
        """The bar on a terminal; elsewhere a line every twentieth of a long run."""
        if self._output.progress_bars():
            self._draw(done, total)
        elif total > _EACH and (done == total or done - self._told >= total / 20):
            self._told = done
            self._output.say(f"[{done:>{len(str(total))}}/{total}] {done * 100 // total} %")

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            console = Console(file=self._output.stderr, no_color=not self._output.colors(self._output.stderr))
            self._bar = Bar(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True)
            self._bar.add_task("apply", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Takes the bar away; harmless where there is none."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def tell_seconds(self) -> None:
        """With ``-v`` a line, ``load 0.120 s, 45 MiB · read 1.300 s, 80 MiB``; with ``--profile`` a table."""
        timings, options = self._timings, self._output.options
        if options.profile:
            for line in _table(timings):
                self._output.say(line)
        elif options.verbose:
            told = " · ".join(
                f"{name} {seconds:.3f} s{_mebibytes(timings.peaks.get(name), ', {} MiB')}"
                for name, seconds in timings.seconds.items()
            )
            self._output.say(f"stages: {told}")


def _table(timings: Timings) -> Iterator[str]:
    """The memory is the peak of the whole process until the end of the stage, so that it shows which one raised it."""
    total = sum(timings.seconds.values()) or 1.0
    yield f"{'stage':<12} {'seconds':>9} {'share':>6} {'CPU':>9} {'peak MiB':>9}"
    for name, seconds in timings.seconds.items():
        cpu, peak = timings.cpu_seconds.get(name, 0.0), _mebibytes(timings.peaks.get(name), "{}")
        yield f"{name:<12} {seconds:>9.3f} {seconds / total:>6.1%} {cpu:>9.3f} {peak:>9}"


def _mebibytes(size: int | None, text: str) -> str:
    return "" if size is None else text.format(round(size / 1024 / 1024))


@contextmanager
def watching(output: Output, sentences: dict[str, tuple[str, str]] | None = None) -> Iterator[Watching]:
    watch = Watching(output, sentences)
    try:
        yield watch
    finally:
        watch.close()
        watch.tell_seconds()

"""Everything orgsync raises on purpose; whatever else escapes is a bug (exit code 70, with a report to paste).

OrgsyncError                 exit 1   whatever else went wrong, such as an unset environment variable
├── BadUsage                 exit 2   what the command line names is not there: repository, target or plan file
├── InvalidInput             exit 2   findings in the organization repository or its settings
├── Refused                  exit 1   a guard of the safety stage was violated and not accepted by name
├── PlanRefused              exit 1   a plan file that is none, was edited, or is for another target or format
│   └── StalePlan            exit 1   the CRM moved since the plan was made
├── JournalError             exit 1   the journal cannot be read or written
│   ├── LeaseHeld            exit 1   another apply to this target is under way
│   └── LeaseLost            exit 1   another run took this one for dead and was given the target
└── AdapterError             exit 1   the CRM could not be reached, or refused as a whole
    ├── ReadOnly             exit 1   something tried to write while only reading was allowed
    ├── CallRefused          exit 1   the CRM answered one call with a definite no: nothing was written
    ├── UnknownOutcome       exit 1   a write without a usable answer: it may or may not have been carried out
    └── IncompleteRead       exit 4   the CRM could not be read completely
"""

from collections.abc import Sequence
from datetime import datetime

from orgsync.finding import Finding, Severity

_NAMED = 20
"""Things that moved; whoever applies a plan twice wants no list of all that it did."""


def _told(findings: Sequence[Finding], what: str) -> str:
    """The worst of them in words: a caller that is no command line shows no more than this."""
    first = min(findings, key=lambda one: list(Severity).index(one.severity), default=None)
    return f"{len(findings)} {what}" + (f", the first: {first.summary}: {first.detail}" if first is not None else "")


class OrgsyncError(Exception):
    """An expected failure: ``str(error)`` is for people, ``remedy`` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class BadUsage(OrgsyncError):
    """As Click's own usage errors: another command line would have worked."""

    exit_code = 2


class InvalidInput(OrgsyncError):
    """The organization repository or its settings cannot be used; ``findings`` says where and why."""

    exit_code = 2

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(_told(findings, "findings"))
        self.findings = tuple(findings)


class Refused(OrgsyncError):
    """Guards were violated: nothing was applied; ``findings`` has one entry per guard."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(_told(findings, "guards refuse this plan"))
        self.findings = tuple(findings)


class PlanRefused(OrgsyncError):
    pass


class StalePlan(PlanRefused):
    """``moved`` names each resource that is no longer as the plan saw it, one sentence each."""

    def __init__(self, moved: Sequence[str]) -> None:
        more = [f"and {len(moved) - _NAMED} more"] if len(moved) > _NAMED else []
        super().__init__(
            "\n  ".join(["the CRM changed since this plan was made:", *map(_one_line, moved[:_NAMED]), *more]),
            remedy="run orgsync plan again and review the new plan",
        )
        self.moved = tuple(moved)


class JournalError(OrgsyncError):
    pass


class LeaseHeld(JournalError):
    def __init__(self, identity: str, run: str, holder: str, until: datetime) -> None:
        super().__init__(
            f"{identity} is being changed by run {run} ({holder}), which holds it until {until:%Y-%m-%d %H:%M:%S} UTC",
            remedy=f"wait for it; if you know that it died, repeat with --take-over {run}",
        )
        self.run = run


class LeaseLost(JournalError):
    def __init__(self, run: str) -> None:
        super().__init__(
            f"run {run} was taken for dead, and another run was given the target: nothing more was sent",
            remedy="see orgsync history; then run orgsync plan again",
        )


class AdapterError(OrgsyncError):
    """What the CRM says becomes one line: it cannot add lines that look like orgsync's own.

    ``status``: of the HTTP answer, where there was one. ``said``: its JSON without our secrets, else None.
    """

    def __init__(
        self, message: str, *, remedy: str = "", status: int | None = None, said: object | None = None
    ) -> None:
        super().__init__(_one_line(message), remedy=remedy)
        self.status, self.said = status, said


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


class ReadOnly(AdapterError):
    pass


class CallRefused(AdapterError):
    """A definite no: the call was not carried out. The message ends with the vendor's words."""


class UnknownOutcome(AdapterError):
    """The call may or may not have been carried out: whoever made it reads before it is repeated."""


class IncompleteRead(AdapterError):
    exit_code = 4

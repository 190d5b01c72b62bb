"""Everything orgsync raises on purpose; whatever else escapes is a bug (exit code 70, with a report to paste).

OrgsyncError                 exit 1
├── InvalidInput             exit 2   findings in the organization repository or its settings
├── Refused                  exit 1   a guard of the safety stage was violated and not accepted by name
├── PlanRefused              exit 1   a plan file that was edited, or is for another target, format or organization
│   └── StalePlan            exit 1   the CRM moved since the plan was made
├── JournalError             exit 1   the journal cannot be read or written
└── AdapterError             exit 1   the CRM could not be reached, or refused as a whole
    ├── ReadOnly             exit 1   something tried to write while only reading was allowed
    └── IncompleteRead       exit 4   the CRM could not be read completely
"""

from collections.abc import Sequence

from orgsync.finding import Finding


class OrgsyncError(Exception):
    """An expected failure: ``str(error)`` is for people, ``remedy`` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class InvalidInput(OrgsyncError):
    """The organization repository or its settings cannot be used; ``findings`` says where and why."""

    exit_code = 2

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = tuple(findings)


class Refused(OrgsyncError):
    """Guards were violated: nothing was applied; ``findings`` has one entry per guard."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} guards refuse this plan")
        self.findings = tuple(findings)


class PlanRefused(OrgsyncError):
    pass


class StalePlan(PlanRefused):
    """``moved`` names each resource that is no longer as the plan saw it, one sentence each."""

    def __init__(self, moved: Sequence[str]) -> None:
        super().__init__(
            "the CRM changed since this plan was made:\n" + "\n".join(f"  {_one_line(line)}" for line in moved),
            remedy="run orgsync plan again and review the new plan",
        )
        self.moved = tuple(moved)


class JournalError(OrgsyncError):
    pass


class AdapterError(OrgsyncError):
    """What the CRM says becomes one line: it cannot add lines that look like orgsync's own."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(_one_line(message), remedy=remedy)


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


class ReadOnly(AdapterError):
    pass


class IncompleteRead(AdapterError):
    exit_code = 4

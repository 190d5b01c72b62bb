"""One finding: what is wrong (or worth knowing), where, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

UNSHOWN = frozenset({"literal-secret", "bad-address", "bad-public-key"})
"""Codes that point at what may be a secret: neither the value nor its line is ever shown."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A place in a file: path relative to the repository (POSIX separators), line and column from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @classmethod
    def read(cls, text: str) -> "Position | None":
        """What ``str`` of one gives; None where it is none."""
        file, line, column = text.rsplit(":", 2) if text.count(":") > 1 else ("", "", "")
        if not (line.isdecimal() and column.isdecimal()):
            return None
        return cls(file=file, line=int(line), column=int(column))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``code`` and ``summary`` are constant per kind of finding (scripts and documentation refer to them);
    ``detail`` has the specifics, ``remedy`` the next step, ``address`` the resource, where there is one;
    ``waiver`` until when and why somebody agreed to it."""

    code: str
    severity: Severity = Severity.ERROR
    summary: str
    detail: str = ""
    remedy: str = ""
    position: Position | None = None
    address: str = ""
    waiver: str = ""

    def to_json(self) -> dict[str, object]:
        """The shape that ``schemas/findings.schema.json`` publishes."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "summary": self.summary,
            "detail": self.detail,
            "remedy": self.remedy,
            "file": self.position.file if self.position else None,
            "line": self.position.line if self.position else None,
            "column": self.position.column if self.position else None,
            "address": self.address or None,
            "waiver": self.waiver or None,
        }


def has_errors(findings: "tuple[Finding, ...] | list[Finding]") -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`` (did you mean "x"?)``, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415  (only a mistake needs it)

    near = get_close_matches(word, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""

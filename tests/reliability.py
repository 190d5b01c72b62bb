"""The page of figures: written from what a test run counted, and held against it.

In: a folder of figures (``tests.figures``). Out: docs/reliability.md (``write``), or an exit code (``check``): 1 where
anything was lost, doubled, leaked or left unexplained, or where the page says more than the run tried.
"""

import re
import sys
from collections import Counter
from pathlib import Path

from tests.figures import BAD, totals

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
COMMANDS = {
    "killed at every statement and commit": "tests/crash/test_kills.py -k at_any_point",
    "killed again and again": "tests/crash/test_kills.py -k one_after_the_other",
    "killed at random times": "tests/crash/test_kills.py -k from_outside",
    "disk full": "tests/crash/test_kills.py -k full_disk",
    "database gone": "tests/crash/test_kills.py -k goes_away",
    "interrupted once": "tests/crash/test_kills.py -k first_interrupt",
    "interrupted twice": "tests/crash/test_kills.py -k second_interrupt",
    "concurrent appliers of one plan": "tests/crash/test_appliers.py -k saved_plan",
    "concurrent planners and appliers": "tests/crash/test_appliers.py -k plan_and_apply",
    "HTTP faults": "tests/faults",
    "bad plan files": "tests/test_bad_plans.py",
    "rollbacks": "tests/test_rollback.py",
    "hostile names": "tests/test_hostile.py -k acts_nowhere",
    "hostile files": "tests/test_hostile.py",
    "secrets": "tests/test_canaries.py",
}
"""Suite -> what to give to ``python -m pytest``."""
INTRODUCTION = """# Reliability

What was tried, and how often something went wrong. A run of the tests wrote this page (`make reliability`), and every
later one is held against it: it fails if anything is lost, doubled, leaked or left unexplained, or if less was tried.

*Lost*: something that should live does not, or not as it should. *Doubled*: something is there twice, or was written
twice. *Leaked*: a secret, or a text that acts instead of being shown, got out. *Unexplained*: the CRM was changed and
the journal does not say so, a plan that should be refused was not, or planning again did not bring it to its end.

| what was tried | how often | lost | doubled | leaked | unexplained | repeat with `python -m pytest` |
|---|---:|---:|---:|---:|---:|---|
"""
END = """
The kills are `kill -9` of a process of its own that applies a plan with creations, removals, updates, moves, a rename
and two swapped names to the embedded CRM: before every statement, before every commit and after it, in the CRM's
database and in the journal's, and from outside at random times. After each one the next plan must explain what it
finds, finish the work, and the CRM must be what an undisturbed run makes of it, row for row.

`make soak` runs the same over a larger organization, with more random kills and more rounds.
"""


def main(arguments: list[str]) -> int:
    """``write FOLDER`` or ``check FOLDER``."""
    if len(arguments) != 2 or arguments[0] not in {"write", "check"}:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    found = totals(Path(arguments[1]))
    if arguments[0] == "write":
        PAGE.write_text(page(found), encoding="utf-8")
    complaints = faults(found) + ([] if arguments[0] == "write" else missing(found))
    for one in complaints:
        sys.stderr.write(f"reliability: {one}\n")
    if not complaints:
        tried = sum(counts["tried"] for counts in found.values())
        sys.stdout.write(f"reliability: {tried:,} tries in {len(found)} suites, nothing lost, doubled or leaked\n")
    return 1 if complaints else 0


def page(found: dict[str, Counter[str]]) -> str:
    rows = [
        f"| {suite} | {found[suite]['tried']:,} | {' | '.join(str(found[suite][bad]) for bad in BAD)} | `{command}` |\n"
        for suite, command in COMMANDS.items()
        if suite in found
    ]
    return INTRODUCTION + "".join(rows) + END


def faults(found: dict[str, Counter[str]]) -> list[str]:
    unknown = [f'no command is known for "{suite}"' for suite in found if suite not in COMMANDS]
    return unknown + [
        f"{suite}: {counts[bad]} {bad}" for suite, counts in sorted(found.items()) for bad in BAD if counts[bad]
    ]


def missing(found: dict[str, Counter[str]]) -> list[str]:
    """What the page says was tried, and was not this time."""
    said = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    promised = {suite: int(count.replace(",", "")) for suite, count in said}
    return [
        f"{suite}: the page says {count}, this run tried {found.get(suite, Counter())['tried']}"
        for suite, count in promised.items()
        if found.get(suite, Counter())["tried"] < count * _SHARE
    ] + [f"{suite} is not on the page: make reliability" for suite in found if suite not in promised]


_SHARE = 0.9
"""How many statements a run takes is not the same on every version of a library."""

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m bench.access BEFORE AFTER``: effective access of everybody and the uncut access diff of two repositories.

In: two folders with the same organization, the second one changed. Out: seconds on stdout, as JSON: what it takes to
work out how far everybody reaches with all that they can do, and to compare the two. Never: counts reading the files.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

from orgsync.pipeline import Known, compare_access, declared_access
from orgsync.settings import load_settings
from orgsync.watch import Timings

TODAY = date(2026, 11, 1)


def seconds(before: Path, after: Path) -> dict[str, float]:
    one, _ = _known(before)
    other, evaluated = _known(after)
    start = time.perf_counter()
    access, reached = other.access, 0
    for holding in access.holdings.values():
        reached += sum(map(len, access.reached(holding).values()))
    asked = time.perf_counter()
    diff, _ = compare_access(one, other)
    done = time.perf_counter()
    if not reached or diff.empty:
        raise RuntimeError("nobody may do anything, or nothing differs: that is no work")
    return {"effective access": evaluated + asked - start, "access diff": done - asked}


def _known(root: Path) -> tuple[Known, float]:
    watch = Timings()
    known = declared_access(root, load_settings(root), None, today=TODAY, watch=watch)
    return known, watch.seconds["access"]


if __name__ == "__main__":
    print(json.dumps(seconds(*map(Path, sys.argv[1:]))))

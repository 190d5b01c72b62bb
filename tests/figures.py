"""What the reliability suites tried and what they found, one file per part, for ``docs/reliability.md``.

In: a suite's name, the part that was tried, counts. Out: JSON files in the folder that ORGSYNC_FIGURES names; nothing
where it is not set. Workers of one run write different parts, so no file is written twice.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path

BAD = ("lost", "doubled", "leaked", "unexplained")


def record(suite: str, part: str = "", *, tried: int = 1, **bad: int) -> None:
    """``tried``: how many cases; ``bad``: how many of them ended in one of BAD. Record first, then assert."""
    if unknown := bad.keys() - set(BAD):
        raise ValueError(f"no such outcome: {unknown}")
    folder = os.environ.get("ORGSYNC_FIGURES")
    if folder:
        name = re.sub(r"[^\w-]+", "-", f"{suite}--{part}")
        path = Path(folder) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"suite": suite, "tried": tried, **bad}), encoding="utf-8")


def totals(folder: Path) -> dict[str, Counter[str]]:
    """Suite -> tried, lost, doubled, leaked, unexplained."""
    found: dict[str, Counter[str]] = {}
    for path in sorted(folder.glob("*.json")):
        one = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(one.pop("suite"), Counter()).update(one)
    return found

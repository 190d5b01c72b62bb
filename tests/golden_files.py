"""Golden files: what people see, word for word. ``ORGSYNC_REGENERATE_GOLDEN=1 pytest`` writes them anew."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check(name: str, actual: str) -> None:
    path = FOLDER / name
    if os.environ.get("ORGSYNC_REGENERATE_GOLDEN"):
        path.write_text(actual, encoding="utf-8")
    assert actual == path.read_text(encoding="utf-8"), f"{name} differs; ORGSYNC_REGENERATE_GOLDEN=1 writes it anew"

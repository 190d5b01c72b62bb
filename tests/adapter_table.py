"""The README's table of adapters, from what each of them says; ``python -m tests.adapter_table`` writes it anew."""

import re
from pathlib import Path

from orgsync.adapters import BUILT_IN, opener_of
from orgsync.render import abilities

README = Path(__file__).parent.parent / "README.md"
_PLACE = re.compile(r"(<!-- what every adapter's CRM can express -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    columns = {name: dict(abilities.rows(opener_of(name).CAPABILITIES)) for name in sorted(BUILT_IN)}
    lines = [["", *(f"`{name}`" for name in columns)], ["---"] * (len(columns) + 1)]
    lines += [[what, *(rows[what] for rows in columns.values())] for what in next(iter(columns.values()))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def written(text: str) -> str:
    return _PLACE.sub(lambda found: found[1] + table() + found[2], text)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")

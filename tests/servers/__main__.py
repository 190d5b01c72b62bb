"""``python -m tests.servers build [name…]``: make what is missing."""

import sys
from importlib import import_module
from pathlib import Path

from tests.servers import home


def main(arguments: list[str]) -> int:
    if arguments[:1] != ["build"]:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    names = arguments[1:] or sorted(file.stem for file in Path(__file__).parent.glob("*.txt"))
    for name in names:
        if not home(name).exists():
            import_module(f"tests.servers.{name}").build()
    return 0


sys.exit(main(sys.argv[1:]))

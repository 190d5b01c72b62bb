"""``python -m tests.servers build``: make what is missing. ``run NAME``: keep a server for trials until Ctrl-C.

For a trial, a server listens where the targets in orgsync.yaml look for it, with a database that is kept in
``.servers/`` from one run to the next where the server has one.
"""

import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module

NAMES = ("scim", "tryton")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["build"]:
            for name in NAMES:
                import_module(f"tests.servers.{name}").build()
        case ["run", name] if name in NAMES:
            module = import_module(f"tests.servers.{name}")
            module.build()
            for end in (signal.SIGINT, signal.SIGTERM):  # a shell may have started it with Ctrl-C ignored
                signal.signal(end, signal.default_int_handler)
            with module.trial() as told, suppress(KeyboardInterrupt):
                sys.stdout.write(f"{told}\nIt runs until Ctrl-C.\n")
                sys.stdout.flush()
                threading.Event().wait()
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


sys.exit(main(sys.argv[1:]))

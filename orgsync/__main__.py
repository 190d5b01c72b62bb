"""``python -m orgsync``."""

from orgsync.cli import main

main()

"""The command line: one file per command, imported when it is used; the only place that prints or exits.

In: arguments, environment, terminal. Out: text and an exit code. Never: decides anything about the organization.
"""

from orgsync.cli.app import main

__all__ = ["main"]

"""Access as CSV, for spreadsheets.

In: allowances and access diffs. Out: CSV with a line of names. Never: a cell that a spreadsheet takes for a formula.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from orgsync.access import AccessDiff, Allowance
from orgsync.render.escape import cell, inert


def allowances(found: Iterable[Allowance]) -> str:
    """One line per path: ``scope`` is what the user has in all, ``granted`` what this path gives, in ``unit``."""
    return _csv(
        ("user", "object", "action", "scope", "granted", "unit", "path"),
        (
            (one.user, one.object, one.action, one.scope, path.scope, path.unit, " > ".join(path.steps))
            for one in found
            for path in one.paths
        ),
    )


def access_diff(diff: AccessDiff) -> str:
    """One line per group, privilege and user."""
    return _csv(
        ("change", "privileged", "user", "object", "action", "scope", "other", "over", "roles", "units"),
        (
            (
                "gain" if group.gain else "loss",
                "yes" if group.privileged else "no",
                user,
                one.object,
                one.action,
                one.scope,
                one.other,
                one.over,
                " ".join(group.roles),
                " ".join(group.units),
            )
            for group in diff.groups
            for one in group.privileges
            for user in group.users
        ),
    )


def _csv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([cell(value) for value in row] for row in rows)
    return inert(stream.getvalue())

"""Text for terminals and logs; the one place that knows rich.

In: the words and a Page (width, verbosity). Out: lists of ``rich.text.Text``, one per line, every foreign string
made visible. Never: prints.
"""

from orgsync.render.text.access import USERS, access_diff, who_can
from orgsync.render.text.drift import drift
from orgsync.render.text.findings import findings
from orgsync.render.text.page import Page, to_string
from orgsync.render.text.plan import plan
from orgsync.render.text.report import outcome, report
from orgsync.render.text.tables import facts, table
from orgsync.render.text.why import explain

__all__ = [
    "USERS",
    "Page",
    "access_diff",
    "drift",
    "explain",
    "facts",
    "findings",
    "outcome",
    "plan",
    "report",
    "table",
    "to_string",
    "who_can",
]

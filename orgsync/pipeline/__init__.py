"""The sentence of the engine; the only house that knows the order of the stages.

load the files, resolve them into the desired organization, project it onto what the CRM can express, read the live
one, diff the two, order the changes, check them for safety, seal a plan; later apply the plan and journal it.

Everything but ``apply_plan`` opens the CRM through a transport that refuses to write.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orgsync.intake import expected
    from orgsync.pipeline.accessing import Known, access_of_commit, compare_access, declared_access, live_access
    from orgsync.pipeline.applying import apply_plan
    from orgsync.pipeline.declaring import Declared, validate
    from orgsync.pipeline.past import check_journal, runs, steps
    from orgsync.pipeline.planning import find_access_diff, find_drift, make_plan
    from orgsync.pipeline.target import databases
    from orgsync.pipeline.undoing import make_rollback
    from orgsync.pipeline.values import Checked, Clock, Drift, Environment, Report
    from orgsync.revision import commit_at, commit_of

_HOUSES = {
    "orgsync.intake": ("expected",),
    "orgsync.pipeline.accessing": ("Known", "access_of_commit", "compare_access", "declared_access", "live_access"),
    "orgsync.pipeline.applying": ("apply_plan",),
    "orgsync.pipeline.declaring": ("Declared", "validate"),
    "orgsync.pipeline.past": ("check_journal", "runs", "steps"),
    "orgsync.pipeline.planning": ("find_access_diff", "find_drift", "make_plan"),
    "orgsync.pipeline.target": ("databases",),
    "orgsync.pipeline.undoing": ("make_rollback",),
    "orgsync.pipeline.values": ("Checked", "Clock", "Drift", "Environment", "Report"),
    "orgsync.revision": ("commit_at", "commit_of"),
}
"""Loaded when they are asked for: ``validate`` needs half of what all of them do."""


def __getattr__(name: str) -> Any:
    for module, names in _HOUSES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Checked",
    "Clock",
    "Declared",
    "Drift",
    "Environment",
    "Known",
    "Report",
    "access_of_commit",
    "apply_plan",
    "check_journal",
    "commit_at",
    "commit_of",
    "compare_access",
    "databases",
    "declared_access",
    "expected",
    "find_access_diff",
    "find_drift",
    "live_access",
    "make_plan",
    "make_rollback",
    "runs",
    "steps",
    "validate",
]

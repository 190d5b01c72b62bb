"""The sentence of the engine; the only house that knows the order of the stages.

load the files, resolve them into the desired organization, project it onto what the CRM can express, read the live
one, diff the two, order the changes, check them for safety, seal a plan; later apply the plan and journal it.

Everything but ``apply_plan`` opens the CRM through a transport that refuses to write.
"""

from orgsync.pipeline.applying import apply_plan
from orgsync.pipeline.declaring import validate
from orgsync.pipeline.past import check_journal, runs, steps
from orgsync.pipeline.planning import find_drift, make_plan, make_rollback
from orgsync.pipeline.values import Checked, Clock, Declared, Drift, Environment, Report

__all__ = [
    "Checked",
    "Clock",
    "Declared",
    "Drift",
    "Environment",
    "Report",
    "apply_plan",
    "check_journal",
    "find_drift",
    "make_plan",
    "make_rollback",
    "runs",
    "steps",
    "validate",
]

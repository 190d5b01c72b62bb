"""What our own CRMs (memory, local) can express, and the rules that need no look at what they hold.

In: a batch and its steps. Out: nothing, or a Refusal in the CRM's words. Never: reads or writes a CRM.
"""

from types import MappingProxyType

from orgsync.adapter import Capabilities, KindCapabilities
from orgsync.adapters.canonical import is_foreign
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.resources import FIELDS, KEY, NO_UNIT, SCOPES, Fields, Kind, RemoteId, kind_of, parts_of

MAX_BATCH = 1000
_NO_DELETE = frozenset({Action.CREATE, Action.UPDATE})


class Refusal(Exception):
    """The CRM's own words; nothing was written."""


def everything(kind: Kind) -> KindCapabilities:
    return KindCapabilities(
        actions=_NO_DELETE if kind is Kind.USER else frozenset(Action),
        fields=frozenset(name for name, spec in FIELDS[kind].items() if not spec.derived),
        unique=frozenset(name for name, spec in FIELDS[kind].items() if spec.unique),
        max_batch=MAX_BATCH,
    )


FULL = Capabilities(
    kinds=MappingProxyType({kind: everything(kind) for kind in Kind}),
    hierarchy="forest",
    unit_roles=True,
    unit_grants=True,
    scopes=frozenset(SCOPES),
    privilege_actions=None,
    manages_roles=True,
    expiry="membership",
    attribution="last",
    max_concurrency=4,
)
"""All that orgsync can declare; people are deactivated, never deleted."""


def check_size(batch: Batch, capabilities: Capabilities) -> None:
    if len(batch.steps) > max(capabilities.of(batch.kind).max_batch, 1):
        raise Refusal("too many records in one call")


def check_step(step: Step, batch: Batch, capabilities: Capabilities) -> None:
    kind, can = batch.kind, capabilities.of(batch.kind)
    if kind_of(step.address) is not kind or step.action is not batch.action:
        raise Refusal("a call does one thing to one kind of record")
    if step.action not in can.actions:
        raise Refusal("people are deactivated, never deleted" if kind is Kind.USER else f"no {step.action} of a {kind}")
    for name, value in step.after.items():
        if name not in can.fields and name != KEY and (value or step.action is Action.UPDATE):
            raise Refusal(f"a {kind} has no field {name}")
    if kind is Kind.ROLE and step.after.keys() & {"privileges", "functions"}:
        _check_words(step.after, capabilities)
    if kind is Kind.GRANT and (parts_of(step.address)[0] == NO_UNIT) is capabilities.unit_grants:
        raise Refusal("a role is granted " + ("within a unit" if capabilities.unit_grants else "to a user"))
    if is_foreign(step.address):
        raise Refusal(f"{step.address} is not orgsync's to change")


def _check_words(after: Fields, capabilities: Capabilities) -> None:
    known = capabilities.privilege_actions
    privileges, functions = after.get("privileges"), after.get("functions")
    scopes = {*functions.values()} if isinstance(functions, dict) else set()
    for actions in privileges.values() if isinstance(privileges, dict) else ():
        given = actions if isinstance(actions, dict) else {}
        scopes |= {*given.values()}
        for action in given:
            if known is not None and action not in known:
                raise Refusal(f"the action {action} is not known")
    if wrong := scopes - capabilities.scopes - {SCOPES[0]}:
        raise Refusal(f"the scope {min(map(str, wrong))} is not known")


def outcome(step: Step, *, refused: str = "", remote_id: RemoteId | None = None) -> Outcome:
    status = Status.FAILED if refused else Status.APPLIED
    return Outcome(
        id=step.id, address=step.address, action=step.action, status=status, remote_id=remote_id, detail=refused
    )

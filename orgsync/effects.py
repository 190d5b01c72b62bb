"""What a CRM does by itself: shown in the plan, ordered around, and made good where it takes what is still desired.

In: changes, the effects that the adapter declares for them, desired and live resources. Out: changes.
Never: hides an effect; ``Effect`` values go into the plan as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from orgsync.change import Action, Change, Effect
from orgsync.resources import NO_FIELDS, Address, Fields, Kind, kind_of, parts_of, references


def make_good(
    changes: Iterable[Change],
    effects: Iterable[Effect],
    desired: Mapping[Address, Fields],
    live: Mapping[Address, Fields],
) -> list[Change]:
    """What is dropped and this plan does not remove is created again after the cause; what it removes goes before.

    That includes what nobody stated (a unit without ``assignments``): not managed means not changed. A CRM gives
    nothing to whoever is deactivated: what they lose is lost, and shown as the effect that it is.
    """
    by_id = {change.id: change for change in changes}
    for effect in effects:
        for address in effect.drops:
            known = by_id.get(address)
            if known is not None and known.action is Action.DELETE:
                by_id[effect.cause] = _after(by_id[effect.cause], known.id)
            elif known is not None and known.action is Action.CREATE:
                by_id[address] = _after(known, effect.cause)
            elif address in live and _is_lost(address, live):
                by_id.pop(address, None)
                for end in references(address, live[address]):  # what it holds back can go once it is gone
                    if end in by_id and by_id[end].action is Action.DELETE:
                        by_id[end] = _after(by_id[end], effect.cause)
            elif address in live:
                by_id[address] = _again(address, effect, live[address], desired.get(address, NO_FIELDS))
    return list(by_id.values())


def lost(effects: Iterable[Effect], live: Mapping[Address, Fields]) -> set[Address]:
    """What is dropped for good, so that it holds nothing back: edges of people who are deactivated."""
    return {address for effect in effects for address in effect.drops if _is_lost(address, live)}


def _is_lost(address: Address, live: Mapping[Address, Fields]) -> bool:
    user = f"{Kind.USER}/{parts_of(address)[1]}" if kind_of(address) in {Kind.MEMBERSHIP, Kind.GRANT} else ""
    return live.get(user, NO_FIELDS).get("active") is False


def _after(change: Change, other: str) -> Change:
    return replace(change, waits_for=(*change.waits_for, other))


def _again(address: Address, effect: Effect, live: Fields, desired: Fields) -> Change:
    """Its ``before`` says that it was there already: a rollback must not take it away."""
    return Change(
        address=address,
        action=Action.CREATE,
        before=live,
        after={**live, **desired},
        reason=f"given again: {effect.summary}",
        waits_for=(effect.cause,),
    )

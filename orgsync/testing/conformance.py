"""What every adapter has to stand. Each test goes the whole way: files, plan, apply, journal, reading back.

In: the fixture ``crm`` of a subclass. Out: passed tests. Never: knows anything about a particular CRM.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from orgsync.adapter import Snapshot
from orgsync.adapters import opener_of
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.errors import AdapterError, InvalidInput, ReadOnly, StalePlan
from orgsync.plan import Plan
from orgsync.resources import FIELDS, NO_FIELDS, Address, Fields, Kind, kind_of, same
from orgsync.settings import credentials_of, load_settings
from orgsync.testing.crm import PEOPLE, Crm
from orgsync.testing.standing import Fate, Killed, Mortal, OneByOne
from orgsync.testing.story import State, elsewhere, founded, poor, rich, states
from orgsync.testing.workspace import Workspace, now

_DECLARED = {Kind.BUSINESS_UNIT, Kind.FUNCTION, Kind.ROLE, Kind.UNIT}
_NEVER_EMPTY = {"name", "node", "businessUnit"}
ROUNDS = 3
"""Plans and applies after which an interrupted change has to be complete."""


class Conformance:
    """Subclass it as ``TestSomething`` and provide the fixture ``crm``."""

    @pytest.fixture
    def crm(self) -> Crm:
        raise NotImplementedError("provide a fixture named crm that yields an orgsync.testing.Crm")

    @pytest.fixture
    def workspace(self, crm: Crm, tmp_path: Path) -> Workspace:
        found = Workspace(tmp_path, crm)
        found.declare({})
        return found

    def test_the_story_of_a_company(self, workspace: Workspace) -> None:
        """From nothing through every chapter to nothing, with somebody else's things beside."""
        _tell(workspace)

    def test_the_story_in_pages_and_batches_of_one(self, workspace: Workspace) -> None:
        _tell(workspace.but(wrap=OneByOne, settings=workspace.crm.smallest))

    def test_a_crm_without_anything_of_ours_needs_nothing(self, workspace: Workspace) -> None:
        assert workspace.plan().empty
        assert [address for address in workspace.read().resources if kind_of(address) is not Kind.USER] == []

    def test_ids_are_learned_and_stay(self, workspace: Workspace) -> None:
        titled = dict(states(workspace.crm.objects))
        reach(workspace, titled["the company is founded"])
        first = workspace.read()
        made = {a for a in first.resources if Action.CREATE in _able(workspace, kind_of(a)).actions}
        assert {a for a in made if kind_of(a) not in {Kind.MEMBERSHIP, Kind.GRANT}} <= first.ids.keys()
        for title in ("names are swapped and changed", "keys change", "units move"):
            reach(workspace, titled[title])
        later = workspace.read()
        for old, new in (("business-unit/emea", "business-unit/europe"), ("unit/north", "unit/nordics")):
            assert later.ids.get(new) == first.ids.get(old), f"{new} is another thing than {old} was"
        assert later.ids.get("unit/desk") == first.ids.get("unit/desk")

    def test_what_it_lists_is_stored_changed_and_cleared(self, workspace: Workspace) -> None:
        """Every field of every kind that the capabilities name, from nothing stated to everything and back."""
        able, words = _capabilities(workspace), workspace.crm.objects
        reach(workspace, founded(words))
        reach(workspace, rich(words))
        full = workspace.read().resources
        reach(workspace, poor(words))
        bare = workspace.read().resources
        for kind, can in able.kinds.items():
            reached = kind is not Kind.GRANT or able.expiry in {"grant", "both"}  # no document states a grant's end
            if Action.UPDATE not in can.actions or kind is Kind.USER or not reached:
                continue
            for name in can.fields:
                assert [a for a in full if kind_of(a) is kind and name not in full[a]] == [], f"{kind}: no {name} read"
                assert any(full[a][name] for a in full if kind_of(a) is kind), f"{kind}: {name} was not stored"
                left = [a for a in bare if kind_of(a) is kind and bare[a][name]]
                assert left == [] or name in _NEVER_EMPTY, f"{kind}: {name} was not cleared"

    def test_what_it_does_not_list_is_a_finding(self, workspace: Workspace) -> None:
        workspace.declare(rich(workspace.crm.objects))
        able = _capabilities(workspace)
        told = " ".join(one.detail for one in workspace.plan().findings)
        for kind, specs in FIELDS.items():
            for name, spec in specs.items():
                folded = name in {"roles", "includes", "functions", "privileges"}
                if kind in _DECLARED & able.kinds.keys() and name not in able.of(kind).fields:
                    known = spec.noted or spec.derived or folded or f"the field {name} of a {kind}:" in told
                    assert known, f"nobody is told that the {name} of a {kind} is lost"
        for kind in _DECLARED - able.kinds.keys() - {Kind.FUNCTION}:
            assert f"the kind {kind}:" in told, f"nobody is told that there is no {kind}"

    def test_a_refusal_is_an_outcome(self, workspace: Workspace) -> None:
        """Of one batch, each step has its own: what the CRM cannot do is told, and the rest is done."""
        reach(workspace, founded(workspace.crm.objects))
        good, bad = (_membership(f"membership/sales/{login}") for login in (PEOPLE[3], "nobody.at.all@example.com"))
        with workspace.opened(writable=True) as adapter:
            live = adapter.read(workspace.everything())
            ids = {**live.ids, **_created(adapter.apply(_batch(_user(PEOPLE[3])), live.ids))}
            size = adapter.capabilities.of(Kind.MEMBERSHIP).max_batch
            batches = [_batch(good, bad)] if size > 1 else [_batch(good), _batch(bad)]
            outcomes = [one for batch in batches for one in adapter.apply(batch, ids)]
        assert [one.id for one in outcomes] == [good.id, bad.id]
        assert [one.status for one in outcomes] == [Status.APPLIED, Status.FAILED], outcomes
        assert outcomes[1].detail, "the CRM's reason is missing"
        assert good.address in workspace.read().resources
        assert bad.address not in workspace.read().resources

    def test_a_second_writer_between_plan_and_apply_is_noticed(self, workspace: Workspace) -> None:
        state = founded(workspace.crm.objects)
        reach(workspace, state)
        state["Unit/sales"]["name"] = "Kit Sales, renamed by the plan"
        workspace.declare(state)
        plan = workspace.plan()
        rename(workspace, "Kit Sales, renamed by somebody else")
        with pytest.raises(StalePlan, match="unit/sales"):
            workspace.apply(plan)
        assert workspace.read().resources["unit/sales"]["name"] == "Kit Sales, renamed by somebody else"

    def test_drift_names_what_somebody_else_changed(self, workspace: Workspace) -> None:
        reach(workspace, founded(workspace.crm.objects))
        rename(workspace, "Kit Sales, renamed by somebody else")
        leaver = f"membership/north/{PEOPLE[1]}"
        with workspace.opened(writable=True) as adapter:
            live = adapter.read(workspace.everything())
            gone = Step(
                id=leaver,
                address=leaver,
                action=Action.DELETE,
                before=live.resources[leaver],
                remote_id=live.ids.get(leaver),
            )
            assert _statuses(adapter.apply(_batch(gone), live.ids)) == [Status.APPLIED]
            attribution = adapter.capabilities.attribution
        drift = workspace.drift()
        named = {change.address: change for change in drift.plan.changes}
        assert {"unit/sales", leaver} <= named.keys()
        assert named["unit/sales"].before == {"name": "Kit Sales, renamed by somebody else"}
        if attribution != "none":
            assert "unit/sales" in drift.changed, "it says that it knows who or when, and does not tell"

    def test_nothing_can_be_written_while_reading(self, workspace: Workspace) -> None:
        """Asked behind the registry's guard: the transport itself has to refuse."""
        reach(workspace, founded(workspace.crm.objects))
        before = workspace.read().resources
        settings = load_settings(workspace.root).targets["crm"]
        opener = workspace.crm.opener or opener_of(workspace.crm.adapter)
        stated = {**settings.options, **({"url": settings.url} if settings.url else {})}
        with opener.open(
            opener.Options.model_validate(stated),
            root=workspace.root,
            credentials=credentials_of(settings, workspace.crm.environment),
            writable=False,
            actor="",
            clock=now,
        ) as adapter:
            live = adapter.read(workspace.everything())
            step = Step(
                id="unit/sales",
                address="unit/sales",
                action=Action.UPDATE,
                before={"name": live.resources["unit/sales"]["name"]},
                after={"name": "written while reading"},
                remote_id=live.ids.get("unit/sales"),
            )
            with pytest.raises((ReadOnly, AdapterError)):
                adapter.apply(_batch(step), live.ids)
        assert workspace.read().resources == before

    def test_credentials_show_nowhere(self, workspace: Workspace) -> None:
        secrets = [value for value in workspace.crm.environment.values() if value]
        with workspace.opened(writable=False) as adapter:
            shown = f"{adapter!r} {adapter.identity}"
        assert [secret for secret in secrets if secret in shown] == []

    def test_people_join_only_where_the_target_says_so(self, workspace: Workspace) -> None:
        state = founded(workspace.crm.objects)
        reach(workspace, state)
        newcomer = "newcomer@example.com"
        state["Unit/sales"]["assignments"].append({"user": newcomer})
        skipping = workspace.but(settings={**workspace.settings, "missingUsers": "skip"})
        skipping.declare(state)
        plan = skipping.plan()
        assert plan.empty
        assert [one.code for one in plan.findings if newcomer in one.detail] == ["unknown-user"]
        refusing = workspace.but(settings={**workspace.settings, "missingUsers": "error"})
        refusing.declare(state)
        with pytest.raises(InvalidInput, match=newcomer):
            refusing.plan()
        if Action.CREATE in _able(workspace, Kind.USER).actions:
            reach(workspace, state)
            assert workspace.read().resources[f"user/{newcomer}"].get("active") is not False

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_a_process_that_dies_at_any_call_is_caught_up_with(self, workspace: Workspace, after: bool) -> None:  # noqa: FBT001
        """Every other call on the way there, the ones between on the way back."""
        shuttle = Shuttle(workspace)
        unharmed, at = 0, 0
        while unharmed < 2:  # either way has fewer calls than that
            fate = Fate(at=at, after=after)
            dying = workspace.but(wrap=lambda adapter, fate=fate: Mortal(adapter, fate))
            shuttle.depart()
            try:
                dying.apply(dying.plan())
            except Killed:
                unharmed = 0
            else:
                unharmed += 1
                assert at >= fate.calls > 0, "it was never killed"
            shuttle.arrive(f"killed {'after' if after else 'before'} call {at}")
            at += 1


class Shuttle:
    """Goes to and fro between two states of the company, so that every journey begins where the last one ended."""

    def __init__(self, workspace: Workspace) -> None:
        """Learns what lives in both: the first journey makes people, who stay."""
        self._workspace = workspace
        here, there = founded(workspace.crm.objects), elsewhere(workspace.crm.objects)
        reach(workspace, here)
        self._ways = [(state, self._lives(state)) for state in (there, here)]

    def _lives(self, state: State) -> dict[Address, dict[str, Any]]:
        reach(self._workspace, state)
        return ours(self._workspace.read())

    def depart(self) -> None:
        """Declares the other state."""
        self._workspace.declare(self._ways[0][0])

    def arrive(self, what: str) -> None:
        """Whatever happened on the way: plans and applies until the other state is reached."""
        catch_up(self._workspace, self._ways[0][1], what)
        self._ways.reverse()


def reach(workspace: Workspace, state: Mapping[str, Mapping[str, Any]], *, title: str = "") -> Plan:
    """Declares, plans, applies, reads back and plans again; the plan that was applied."""
    workspace.declare(dict(state))  # type: ignore[arg-type]
    plan = workspace.plan()
    report = workspace.apply(plan)
    assert [one for one in report.outcomes if one.status is not Status.APPLIED] == [], title
    assert report.differences == (), title
    again = workspace.plan()
    assert [(one.id, one.before, one.after) for one in again.changes] == [], f"{title}: planned again"
    return plan


def catch_up(workspace: Workspace, expected: Mapping[Address, Fields], what: str) -> None:
    """Plans and applies until nothing is left; then the CRM is as if nothing had happened."""
    plan = workspace.plan()
    for _ in range(ROUNDS):
        if plan.empty:
            break
        workspace.apply(plan)
        plan = workspace.plan()
    assert [(one.id, one.before, one.after) for one in plan.changes] == [], what
    live = workspace.read()
    assert ours(live) == expected, what
    assert list(live.findings) == [], what


def rename(workspace: Workspace, name: str) -> None:
    """Somebody else gives the unit ``sales`` another name."""
    with workspace.opened(writable=True) as adapter:
        live = adapter.read(workspace.everything())
        step = Step(
            id="unit/sales",
            address="unit/sales",
            action=Action.UPDATE,
            before={"name": live.resources["unit/sales"]["name"]},
            after={"name": name},
            remote_id=live.ids.get("unit/sales"),
        )
        assert _statuses(adapter.apply(_batch(step), live.ids)) == [Status.APPLIED]


def _tell(workspace: Workspace) -> None:
    beside = workspace.crm.beside
    beside.make()
    looks = beside.look()
    assert looks, "the fixture made nothing beside"
    for title, state in states(workspace.crm.objects):
        plan = reach(workspace, state, title=title)
        assert beside.look() == looks, f"{title}: something foreign was touched"
        assert not plan.empty, f"{title}: nothing was planned"
    left = [a for a in workspace.read().resources if kind_of(a) is not Kind.USER]
    stuck = {kind for kind in Kind if Action.DELETE not in _able(workspace, kind).actions}
    assert [address for address in left if kind_of(address) not in stuck] == []


def ours(live: Snapshot) -> dict[Address, dict[str, Any]]:
    """What has an address, without how many ways there are to hold nothing."""
    return {a: {n: v for n, v in fields.items() if not same(v, None)} for a, fields in live.resources.items()}


def _capabilities(workspace: Workspace) -> Any:
    with workspace.opened(writable=False) as adapter:
        return adapter.capabilities


def _able(workspace: Workspace, kind: Kind) -> Any:
    return _capabilities(workspace).of(kind)


def _batch(*steps: Step) -> Batch:
    return Batch(kind=kind_of(steps[0].address), action=steps[0].action, steps=steps)


def _membership(address: Address) -> Step:
    return Step(id=address, address=address, action=Action.CREATE, after=NO_FIELDS)


def _user(login: str) -> Step:
    address = f"{Kind.USER}/{login}"
    return Step(id=address, address=address, action=Action.CREATE, after=NO_FIELDS)


def _created(outcomes: Sequence[Outcome]) -> dict[Address, str]:
    return {one.address: one.remote_id for one in outcomes if one.remote_id is not None}


def _statuses(outcomes: Sequence[Outcome]) -> list[Status]:
    return [one.status for one in outcomes]

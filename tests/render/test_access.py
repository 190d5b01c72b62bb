"""Effective access in words, and how much of it is shown."""

from dataclasses import replace

import pytest

from orgsync.access import AccessDiff, Shift
from orgsync.plan import Plan
from orgsync.render import html, markdown, table, text
from orgsync.render.access import headline, said
from orgsync.render.text import Page
from tests.render import plans

DELETE = Shift(object="opportunity", action="delete", scope="organization", other="own")


def sentence(*shifts: Shift, **more: object) -> str:
    (one,) = said(AccessDiff(groups=(plans.group(*shifts, **more),)), {"unit/sales": "Sales Team"}, {})  # type: ignore[arg-type]
    return one.sentence


def test_one_user_is_named_and_several_are_counted() -> None:
    assert sentence(DELETE) == (
        "Sales Team: ana.kim@example.com gains opportunity:delete (own -> organization) through sales-manager"
    )
    assert sentence(DELETE, more=3).startswith("Sales Team: 4 users gain opportunity:delete ")


def test_a_loss_says_what_is_left() -> None:
    assert "loses opportunity:delete (organization -> own)" in sentence(DELETE, gain=False)
    assert "loses opportunity:delete (organization) through" in sentence(replace(DELETE, other="none"), gain=False)


def test_the_same_scope_in_another_unit_has_no_arrow() -> None:
    assert "gains case:read (unit) through" in sentence(Shift(object="case", action="read", scope="unit", other="unit"))


def test_a_unit_that_moved_is_named() -> None:
    moved = Shift(object="case", action="read", scope="subtree", other="subtree", over="sales")
    assert sentence(moved, units=("emea",)).endswith("case:read (subtree) through sales-manager, now over Sales Team")


def large(groups: int) -> Plan:
    listed = tuple(
        plans.group("lead", users=(f"{side}{n}@x.org",), gain=side == "g") for side in "gl" for n in range(groups)
    )
    return plans.of(
        plans.create("user/x@x.org"), access=AccessDiff(groups=listed, gaining=groups, losing=groups, more_losses=7)
    )


@pytest.mark.parametrize(("groups", "shown"), [(6, 6), (50, 6)])
def test_many_groups_are_summed_up_with_gains_and_losses_counted(groups: int, shown: int) -> None:
    lines = text.to_string(text.plan(large(groups), Page(width=120), lambda _: ""), color=False)
    assert (lines.count("gains lead:read"), lines.count("loses lead:read")) == (shown, shown)
    left = f"{groups - 6} more groups of gains, {groups + 1} more groups of losses" if groups > 6 else "7 more groups"
    assert f"and {left}" in lines
    verbose = text.to_string(text.plan(large(groups), Page(verbose=True), lambda _: ""), color=False)
    assert verbose.count("gains lead:read") == groups


def test_details_that_a_page_has_no_room_for_are_said_to_be_left_out() -> None:
    def shown(groups: int, *, verbose: bool = False) -> str:
        listed = tuple(plans.group("lead", users=(f"a{n}@x.org", f"b{n}@x.org")) for n in range(groups))
        diff = AccessDiff(groups=listed, gaining=2 * groups)
        return text.to_string(text.access_diff(diff, said(diff, {}, {}), Page(verbose=verbose)), color=False)

    assert ("a4@x.org" in shown(5), "left out" in shown(5)) == (True, False)
    assert ("a4@x.org" in shown(6), "who and what in detail is left out  (-v for all)" in shown(6)) == (False, True)
    assert ("a4@x.org" in shown(6, verbose=True), "left out" in shown(6, verbose=True)) == (True, False)


def test_markdown_of_a_large_access_diff_fits_a_comment_and_counts_what_it_cut() -> None:
    shown = markdown.plan(large(150))
    assert len(shown) < 65_536
    assert "110 more groups of gains, 117 more groups of losses" in shown


def test_html_has_every_group_and_says_what_the_plan_does_not_list() -> None:
    shown = html.plan(large(60))
    assert shown.count('class="gain"') == shown.count('class="loss"') == 60
    assert "7 more groups of losses" in shown
    assert 'class="gain privileged"' in html.plan(plans.everything())


def test_html_folds_a_long_list_of_safe_things_and_never_a_risky_one() -> None:
    plan = plans.large()
    shown = html.plan(plan)
    assert "<details><summary>+ 3,000 people join</summary>" in shown
    assert shown.count(" joins ") == 3_000
    assert "<details>" not in html.plan(replace(plan, risky=frozenset(change.id for change in plan.changes)))
    assert "<details>" not in html.plan(plans.everything())


def test_the_headline_counts_people() -> None:
    assert headline(plans.access()) == "46 users gain (1 of them through a privileged role), 2 lose"
    assert headline(AccessDiff(losing=1)) == "1 user loses"
    assert headline(AccessDiff()) == "nobody gains or loses anything"


def test_a_hostile_name_acts_nowhere() -> None:
    group = plans.group(Shift(object="=a\x1b[31m", action="read", scope="own"), users=("=HYPERLINK(1)", "@x"))
    diff = AccessDiff(groups=(group,), gaining=2)
    rows = table.access_diff(diff).splitlines()[1:]
    assert [row.split(",")[2][:2] for row in rows] == ["'=", "'@"]
    assert all("\x1b" not in row and row.split(",")[3].startswith("'=a") for row in rows)
    shown = text.to_string(text.access_diff(diff, said(diff, {"unit/sales": plans.HOSTILE}, {}), Page()), color=False)
    assert "\x1b" not in shown

from dataclasses import replace

import pytest
from rich.cells import cell_len

from orgsync.change import Action, Change, Outcome, Status
from orgsync.finding import Finding, Position
from orgsync.plan import Plan
from orgsync.render import text
from orgsync.render.text import Page
from orgsync.render.view import details, sentences, view
from tests import golden_files
from tests.render import plans


def show(plan: Plan, **page: object) -> str:
    return text.to_string(text.plan(plan, Page(**page), lambda _: ""), color=False)  # type: ignore[arg-type]


def test_something_new_has_only_what_it_gets_in_one_order() -> None:
    rights = {"lead": {"read": "unit", "create": "own"}, "case": {"read": "own"}}
    made = Change(address="role/rep", action=Action.CREATE, after={"privileges": rights, "reason": None})  # type: ignore[dict-item]
    (group,) = view(plans.of(made)).safe
    assert details(group.entries[0]) == ["privileges: case (read own), lead (create own, read unit)"]


@pytest.mark.parametrize("width", [140, 60, 40])
def test_a_plan_reads_as_it_always_did(width: int) -> None:
    golden_files.check(f"plan-{width}.txt", show(plans.everything(), width=width, wrap=True))


@pytest.mark.parametrize("width", [60, 40, 30])
def test_no_line_is_wider_than_a_narrow_terminal(width: int) -> None:
    assert max(map(cell_len, show(plans.everything(), width=width, wrap=True).splitlines())) <= width


def test_a_pipe_gets_lines_that_are_not_broken() -> None:
    shown = show(plans.everything(), width=40)
    assert "    + ana.kim@example.com joins as sales-manager\n" in shown


def test_risky_things_come_before_safe_ones() -> None:
    shown = show(plans.everything())
    assert shown.index("RISKY") < shown.index("unit benelux is removed") < shown.index("SAFE")


def test_a_plan_with_nothing_says_so() -> None:
    assert "Nothing to do: the CRM is as declared." in show(plans.nothing())


def test_users_who_were_looked_up_are_not_said_to_be_all() -> None:
    assert "· live read: 766 units; 1,499 users looked up\n" in show(plans.everything(), width=200)
    assert "· live read: empty; 3 users looked up\n" in show(plans.of(live={"user": 3}), width=200)
    assert "· live read: empty\n" in show(plans.of(live={}), width=200)


def test_a_large_plan_is_summed_up_and_loses_nobody() -> None:
    shown = show(plans.large())
    assert len(shown.splitlines()) < 100
    assert shown.count("50 people join ") == 40
    assert "and 20 more groups: + 1,000 people join" in shown
    assert "Plan: 3,000 to create" in shown


def test_verbose_shows_every_change_of_a_large_plan() -> None:
    assert show(plans.large(), verbose=True).count(" joins") == 3000


def test_a_hostile_name_reaches_no_terminal() -> None:
    shown = text.to_string(text.plan(plans.hostile(), Page(), lambda _: ""), color=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[31m\\u202e| `x` <b>@all</b> [red]\\n::error::" in shown


def test_colour_is_ansi_and_says_the_same() -> None:
    lines = text.plan(plans.everything(), Page(), lambda _: "")
    coloured = text.to_string(lines, color=True)
    assert "\x1b[1;31mRISKY" in coloured
    assert "".join(f"{line.plain.rstrip()}\n" for line in lines) == text.to_string(lines, color=False)


def finding() -> Finding:
    return Finding(
        code="unknown-role",
        summary="unknown role",
        detail='"sales-repp"',
        remedy='did you mean "sales-rep"?',
        position=Position(file="units/de.yaml", line=41, column=13),
        address="unit/de-sales",
    )


def test_a_finding_points_at_its_word() -> None:
    lines = text.findings([finding()], Page(), lambda _: "    roles: [sales-repp]")
    assert text.to_string(lines, color=False).splitlines() == [
        'error[unknown-role] unknown role: "sales-repp"',
        "  --> units/de.yaml:41:13",
        "   |",
        "41 |     roles: [sales-repp]",
        "   |             ^^^^^^^^^^",
        "   = in unit/de-sales",
        '   = did you mean "sales-rep"?',
        "",
    ]


def many(number: int) -> list[Finding]:
    """So many that are alike, each with one of another kind after it."""
    others = [replace(finding(), code=f"other-{one}") for one in range(number)]
    return [one for other in others for one in (finding(), other)]


@pytest.mark.parametrize(("number", "shown"), [(5, 5), (6, 6), (7, 5), (18, 5)])
def test_of_many_findings_that_are_alike_the_first_are_shown_and_the_rest_counted(number: int, shown: int) -> None:
    lines = text.to_string(text.findings(many(number), Page(), lambda _: ""), color=False)
    assert lines.count("error[unknown-role] unknown role") == shown
    assert lines.count("error[other-") == number
    more = f"\n\nerror[unknown-role] and {number - shown} more like this  (-v for all)\n\n"
    assert lines.count(more) == (1 if shown < number else 0)


def test_verbose_shows_every_finding() -> None:
    lines = text.to_string(text.findings(many(18), Page(verbose=True), lambda _: ""), color=False)
    assert lines.count("error[unknown-role] unknown role") == 18
    assert "more like this" not in lines


def test_a_finding_without_a_source_line_still_names_its_place() -> None:
    shown = text.to_string(text.findings([finding()], Page(), lambda _: ""), color=False)
    assert " --> units/de.yaml:41:13" in shown
    assert "^" not in shown


def test_a_position_beyond_the_line_is_no_failure() -> None:
    shown = text.to_string(text.findings([finding()], Page(), lambda _: "a:"), color=False)
    assert "41 | a:\n   |   ^\n" in shown


def test_a_report_counts_and_advises() -> None:
    plan = plans.everything()
    outcomes = [
        Outcome(id="unit/benelux", address="unit/benelux", action=Action.DELETE, status=Status.FAILED, detail="in use"),
        Outcome(id="role/sales-rep", address="role/sales-rep", action=Action.UPDATE, status=Status.APPLIED),
    ]
    shown = text.to_string(text.report("7b1ec09", outcomes, [], sentences(plan), Page()), color=False)
    assert shown == (
        "FAILED - unit benelux is removed: in use\n"
        "apply: 1 applied, 1 failed, 0 skipped, 0 unknown · run 7b1ec09\n"
        "next: fix the cause and run orgsync plan again; what was applied stays applied\n"
    )


def test_drift_says_who_when_and_where_as_seen_from_the_declaration() -> None:
    changed = {"unit/benelux": plans.changed(), "role/sales-rep": plans.changed()}
    lines = text.drift(plans.everything(), [plans.foreign()], changed, Page(width=100, wrap=True))
    golden_files.check("drift.txt", text.to_string(lines, color=False))

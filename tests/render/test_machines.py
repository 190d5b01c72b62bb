"""Markdown, HTML, JSON, GitHub annotations and SARIF."""

import json
from dataclasses import replace

from orgsync.finding import Finding, Position
from orgsync.render import github, html, markdown, sarif, shapes
from tests import golden_files
from tests.render import plans

BAD = Finding(
    code="bad",
    summary="it is bad",
    detail="100%\n::error::pwned",
    remedy="fix it",
    position=Position(file="units/a,b:c.yaml", line=3, column=5),
    address="unit/a",
)


def test_markdown_reads_as_it_always_did() -> None:
    golden_files.check("plan.md", markdown.plan(plans.everything()))


def test_markdown_starts_with_the_mark_of_its_target() -> None:
    assert markdown.plan(plans.nothing()).startswith("<!-- orgsync-plan production -->\n")


def test_markdown_of_a_large_plan_fits_a_comment_and_says_what_it_cut() -> None:
    shown = markdown.plan(plans.large(100, 60))
    assert 30_000 < len(shown.encode()) < 65_536
    assert "_Cut here:" in shown
    assert "6,000 to create" in shown


def test_markdown_lets_no_name_act() -> None:
    shown = markdown.plan(plans.hostile())
    assert "<b>@" not in shown
    assert "@all" not in shown
    assert "\x1b" not in shown
    assert "`x`" not in shown
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    assert {row.count("|") for row in rows} == {4, 5}  # access has a column less


def test_html_escapes_names() -> None:
    shown = html.plan(plans.hostile())
    assert "<b>@all" not in shown
    assert "&lt;b&gt;@all" in shown


def test_drift_and_reports_have_markdown() -> None:
    assert "j.doe" in markdown.drift(plans.everything(), [plans.foreign()], {"unit/benelux": plans.changed()})
    assert "0 applied" in markdown.report("", [], [], {})


def test_markdown_of_a_drift_names_the_place_in_the_yaml() -> None:
    rows = [row for row in markdown.drift(plans.everything(), [plans.foreign()], {}).splitlines() if row[:2] == "| "]
    assert {row.count("|") for row in rows} == {6}
    assert [row.split(" | ")[-1] for row in rows if "sales-rep" in row] == ["roles/sales.yaml&#58;3 |"]


def test_an_annotation_cannot_start_another_command() -> None:
    shown = github.findings([BAD])
    assert shown.count("\n") == 1
    assert shown.startswith("::error file=units/a%2Cb%3Ac.yaml,line=3,col=5,title=it is bad [bad]::100%25%0A")


def test_a_plan_as_annotations_names_what_is_refused() -> None:
    shown = github.plan(plans.everything())
    assert "::error title=guard unit-removals::" in shown
    assert "role-holders" not in shown
    assert "::notice title=orgsync plan production::" in shown


def test_sarif_places_findings_and_lists_rules_once() -> None:
    run = sarif.findings([BAD, BAD])["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["bad"]
    place = run["results"][1]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert place["artifactLocation"]["uri"] == "units/a%2Cb%3Ac.yaml"


def test_sarif_of_a_plan_has_an_error_for_each_guard_that_refuses_it() -> None:
    results = sarif.plan(plans.everything())["runs"][0]["results"]
    assert [(one["ruleId"], one["level"]) for one in results] == [
        ("user-deactivated", "warning"),
        ("access-gain", "warning"),
        ("access-gain", "warning"),
        ("unit-removals", "error"),
    ]
    assert "removals 1 of 2 units" in results[3]["message"]["text"]
    assert "--accept unit-removals" in results[3]["message"]["text"]


def test_a_risky_gain_of_access_is_annotated_at_the_line_that_causes_it() -> None:
    plan = plans.everything()
    risky = replace(plan, risky=frozenset({"role/sales-rep"}))
    shown = [line for line in github.plan(risky).splitlines() if "access-gain" in line]
    assert len(shown) == 3
    assert shown[1].startswith("::warning file=roles/sales.yaml,line=3,col=1,")
    results = sarif.plan(risky)["runs"][0]["results"]
    gains = [one for one in results if one["ruleId"] == "access-gain"]
    assert ["42 users gain opportunity:delete" in one["message"]["text"] for one in gains] == [False, True, False]
    assert gains[1]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_gains_that_a_plan_does_not_list_are_annotated_as_a_number() -> None:
    plan = plans.everything()
    assert "::3 more groups of gains, which a plan does not list%0Aorgsync access diff lists them all" in github.plan(
        plan
    )
    listed = replace(plan, access=replace(plan.access, more_gains=0))
    assert "more groups" not in github.plan(listed)


def test_the_notice_of_a_plan_says_who_gains_and_loses() -> None:
    assert "%0Aaccess: 46 users gain (1 of them through a privileged role), 2 lose\n" in github.plan(plans.everything())
    assert "access:" not in github.plan(plans.nothing())


def test_sarif_gives_everything_a_place_since_code_scanning_refuses_what_has_none() -> None:
    (result,) = sarif.findings([Finding(code="bad", summary="it is bad", address="unit/a")])["runs"][0]["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "orgsync.yaml"
    assert location["logicalLocations"] == [{"fullyQualifiedName": "unit/a"}]


def test_the_json_of_a_plan_has_the_published_members() -> None:
    value = json.loads(shapes.text(shapes.plan(plans.everything())))
    assert value["summary"] == {"create": 5, "update": 1, "delete": 3, "withheld": 1}
    assert {"formatVersion", "target", "digest", "changes", "effects", "guards", "findings"} <= value.keys()
    assert {"path": "name", "before": "Rep", "after": "Sales Rep"} in value["changes"][-1]["attributes"]


def test_the_json_of_drift_names_who_changed_what() -> None:
    value = shapes.drift(plans.everything(), [plans.foreign()], {"unit/benelux": plans.changed()})
    assert value["changes"][0]["changedBy"] == "j.doe"
    assert value["changes"][1]["changedBy"] is None
    assert value["foreign"][0]["address"] == "unit/00G1"

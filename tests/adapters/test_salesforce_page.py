"""What the page about Salesforce lists is what the code has."""

import re
from collections.abc import Iterator
from pathlib import Path

from orgsync.adapters.salesforce.audit import ACTIONS, MOST
from orgsync.adapters.salesforce.bundles import PAUSES
from orgsync.adapters.salesforce.capabilities import ACTION_SCOPES, NEEDS, capabilities
from orgsync.adapters.salesforce.convert import FLAGS, flags
from orgsync.adapters.salesforce.doctor import FOR_ROLES, PERMISSIONS
from orgsync.adapters.salesforce.options import OBJECTS, Options, masters

PAGE = (Path(__file__).parents[2] / "docs" / "adapters" / "salesforce.md").read_text(encoding="utf-8")


def rows(heading: str) -> Iterator[list[str]]:
    """Of the first table below it."""
    part = re.split(r"\n *\|---", PAGE.partition(heading)[2], maxsplit=1)[1]
    for line in part.splitlines()[1:]:
        if not line.strip().startswith("|"):
            return
        yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_exactly_the_permissions_that_the_doctor_asks_for_are_listed() -> None:
    listed = [row[0] for row in rows("## The first hour")]
    assert listed == [*PERMISSIONS.values(), *FOR_ROLES.values()]


def test_exactly_the_settings_that_there_are_are_listed_with_their_defaults() -> None:
    listed = {row[0].strip("`"): row[1] for row in rows("## Settings")}
    fields = {field.alias or name: field.default for name, field in Options.model_fields.items() if name != "url"}
    assert listed.keys() == fields.keys()
    for name, default in fields.items():
        if name not in {"apiVersion", "objects", "parents"}:
            assert listed[name] == ("nothing" if default == "" else f"`{default}`"), name
    assert listed["objects"] == ", ".join(OBJECTS)
    assert listed["parents"] == ", ".join(
        f"`{{{word}: [{', '.join(above)}]}}`" for word, above in masters(OBJECTS, {}).items()
    )


def test_the_table_of_actions_and_scopes_is_what_is_written() -> None:
    words = dict(
        zip(FLAGS, ("Read", "Create", "Edit", "Delete", "View All Records", "Modify All Records"), strict=True)
    )
    listed = {(row[0].strip("`"), row[1].strip("`")): row[2:] for row in rows("## Actions and scopes")}
    expected = {}
    for action, scopes in ACTION_SCOPES.items():
        for scope in scopes:
            given = [words[flag] for flag, on in flags({action: scope}).items() if on]
            along = sorted(NEEDS.get((action, scope), ()))
            told = ", ".join(f"`{other}`" for other, _ in along) + "".join({f" {reach}" for _, reach in along})
            expected[action, scope] = [", ".join(given), told]
    assert {pair: listed[pair] for pair in expected} == expected
    assert listed.keys() - expected.keys() == {
        ("update", "organization"),
        ("create", "organization"),
        ("any", "unit`, `subtree"),
    }


def test_no_setting_changes_what_a_scope_becomes() -> None:
    plain, able = capabilities(OBJECTS), capabilities(OBJECTS, bundled=True, ranked=True)
    assert (able.scopes, able.action_scopes, able.needs) == (plain.scopes, plain.action_scopes, plain.needs)


def test_bounds_are_what_the_page_says() -> None:
    assert "for two minutes at most" in PAGE
    assert sum(PAUSES) == 2 * 60
    assert f"{MOST} entries at most" in PAGE
    named = re.search(r"`Action` names of the Setup Audit Trail: ([\w, ]+) \(", PAGE)
    assert named is not None
    assert set(named[1].split(", ")) == ACTIONS.keys()

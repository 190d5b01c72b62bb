"""What scripts read: the JSON of every command fits its published schema, and a drift has a name and a date."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from orgsync.schema import schemas

ROOT = Path(__file__).parent.parent
ORGSYNC = str(Path(sys.executable).with_name("orgsync"))


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample organization, applied to its own embedded CRM."""
    root = tmp_path_factory.mktemp("sample") / "northwind"
    for name in ("units", "roles"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "orgsync.yaml", root)
    plan, apply = json_of(root, "plan", "-o", "first.plan.json"), json_of(root, "apply", "--yes")
    (root / "printed.plan.json").write_text(json.dumps(plan))
    assert apply["summary"] == {"applied": len(plan["changes"]), "failed": 0, "skipped": 0, "unknown": 0}
    fits("plan", plan)
    fits("apply", apply)
    return root


def json_of(root: Path, *arguments: str, code: int = 0) -> Any:
    done = subprocess.run(
        [ORGSYNC, "--format", "json", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def fits(name: str, value: object) -> None:
    jsonschema.validate(value, schemas()[name], jsonschema.Draft202012Validator)


def test_what_is_printed_is_what_is_saved(applied: Path) -> None:
    saved = json.loads((applied / "first.plan.json").read_text())
    assert saved == json.loads((applied / "printed.plan.json").read_text())


def test_findings_fit_their_schema(applied: Path, tmp_path: Path) -> None:
    root = shutil.copytree(applied, tmp_path / "broken")
    (root / "units" / "broken.yaml").write_text("kind: Unit\nkey: Sales\n")
    found = json_of(root, "validate", code=2)
    fits("findings", found)
    assert {"missing-field", "bad-key"} <= {one["code"] for one in found}


def test_a_second_plan_is_empty_and_a_drift_says_who_and_when(applied: Path, tmp_path: Path) -> None:
    root = shutil.copytree(applied, tmp_path / "drifted")
    assert json_of(root, "plan")["changes"] == []
    with sqlite3.connect(root / ".orgsync" / "demo.db") as crm:
        crm.execute(
            "UPDATE crm_unit SET name = 'Vertrieb', changed_by = 'j.doe', changed_at = '2026-11-20T09:14:00+00:00'"
            " WHERE external_id = 'germany-sales'"
        )
        crm.execute("UPDATE crm_role SET external_id = NULL, name = 'Theirs' WHERE external_id = 'portal-manager'")
    drift = json_of(root, "drift", "--exit-code", code=3)
    fits("drift", drift)
    (unit,) = [one for one in drift["changes"] if one["address"] == "unit/germany-sales"]
    assert (unit["changedBy"], unit["changedAt"][:16]) == ("j.doe", "2026-11-20T09:14")
    assert [one["name"] for one in drift["foreign"]] == ["Theirs"]
    assert "role/portal-manager" in {one["address"] for one in drift["changes"]}


def test_the_finding_about_a_secret_never_shows_the_secret(tmp_path: Path) -> None:
    head = "apiVersion: orgsync/v1\nkind: Settings\norganization: N\ntargets:\n  demo:\n    adapter: local\n"
    for line in ("url: postgresql://crm:canary@127.0.0.1/crm", "credentials: {password: canary}"):
        (tmp_path / "orgsync.yaml").write_text(f"{head}    {line}\n")
        for form in ("text", "json", "markdown", "github"):
            arguments = [ORGSYNC, "--format", form, "plan"]
            done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 2
            assert "literal-secret" in done.stdout + done.stderr
            assert "canary" not in done.stdout + done.stderr

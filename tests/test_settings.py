"""Settings hold limits and references, never secrets."""

import os
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from orgsync.errors import InvalidInput, OrgsyncError
from orgsync.references import expand_url
from orgsync.resources import Kind
from orgsync.schema import schemas
from orgsync.settings import Settings, credentials_of, load_settings, position_of

HEAD = "apiVersion: orgsync/v1\nkind: Settings\norganization: Northwind\n"
TARGET = "targets:\n  demo:\n    adapter: local\n    url: sqlite:///demo.db\n"


def read(root: Path, text: str) -> Settings:
    (root / "orgsync.yaml").write_text(text)
    return load_settings(root)


def test_what_is_not_stated_is_what_a_careful_admin_would_choose(tmp_path: Path) -> None:
    settings = read(tmp_path, HEAD + TARGET)
    target = settings.targets["demo"]
    assert (target.missing_users, target.scope_fallback) == ("error", "error")
    assert target.prune == {Kind.MEMBERSHIP, Kind.GRANT}
    assert (settings.safety.removals.share, settings.safety.removals.count) == (0.25, 50)
    assert settings.safety.window == timedelta(days=30)
    assert settings.only_target == "demo"


def test_limits_and_kinds_are_read(tmp_path: Path) -> None:
    text = (
        HEAD
        + TARGET
        + "    prune: [unit, businessUnit]\n    seats: 40\nsafety:\n  removals: {share: 12.5%, count: 7}\n"
    )
    settings = read(tmp_path, text + "  kinds: {role: {count: 1}}\n  window: 7d\n  protected: [role/*]\n")
    assert settings.targets["demo"].prune == {Kind.UNIT, Kind.BUSINESS_UNIT}
    assert settings.targets["demo"].options == {"seats": "40"}
    assert (settings.safety.removals.share, settings.safety.removals.count) == (0.125, 7)
    assert (settings.safety.kinds[Kind.ROLE].count, settings.safety.window.days) == (1, 7)
    assert settings.safety.protected == ("role/*",)


SHARES = [
    ("0%", 0.0),
    ("7%", 0.07),
    ("12.5%", 0.125),
    ("100%", 1.0),
    ("100.0%", 1.0),
    ("100.1%", None),
    ("150%", None),
    ("1000%", None),
    ("007%", None),
    ("٢٥%", None),
    ("25", None),
    ("-5%", None),
]


@pytest.mark.parametrize(("text", "share"), SHARES)
def test_an_editor_and_orgsync_agree_on_shares(text: str, share: float | None, tmp_path: Path) -> None:
    stated = {"apiVersion": "orgsync/v1", "kind": "Settings", "organization": "N", "safety": {"shrink": text}}
    editor = jsonschema.Draft202012Validator(schemas()["settings"])
    assert editor.is_valid(stated) is (share is not None)
    if share is not None:
        assert read(tmp_path, f"{HEAD}safety: {{shrink: {text}}}\n").safety.shrink == share
    else:
        with pytest.raises(InvalidInput) as raised:
            read(tmp_path, f"{HEAD}safety: {{shrink: {text}}}\n")
        assert [one.code for one in raised.value.findings] == ["bad-share"]


@pytest.mark.parametrize("text", ["٣d", "0d", "30", "30 d", "10000d"])
def test_days_are_a_number_and_d(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, f"{HEAD}safety: {{window: {text}}}\n")
    assert [one.code for one in raised.value.findings] == ["bad-period"]


def test_settings_that_are_a_pipe_are_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "orgsync.yaml")
    with pytest.raises(InvalidInput) as raised:
        load_settings(tmp_path)
    (finding,) = raised.value.findings
    assert (finding.code, finding.detail) == ("unreadable-file", "it is not a regular file")


def test_a_folder_without_settings_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        load_settings(tmp_path)
    (finding,) = raised.value.findings
    assert (finding.code, finding.remedy) == ("no-settings", "run orgsync init")


def test_credentials_come_from_the_environment_and_only_from_there(tmp_path: Path) -> None:
    settings = read(tmp_path, HEAD + TARGET + '    credentials: {password: "${env:CRM_PASSWORD}"}\n')
    target = settings.targets["demo"]
    assert credentials_of(target, {"CRM_PASSWORD": "canary"}) == {"password": "canary"}
    assert "canary" not in repr(settings)
    with pytest.raises(OrgsyncError, match="CRM_PASSWORD is not set"):
        credentials_of(target, {})


def test_all_variables_that_are_missing_are_named_at_once(tmp_path: Path) -> None:
    credentials = '    credentials: {key: "${env:KEY}", user: "${env:CRM_USER}", password: "${env:CRM_PASSWORD}"}\n'
    target = read(tmp_path, HEAD + TARGET + credentials).targets["demo"]
    with pytest.raises(OrgsyncError, match=r"variables are not set: CRM_USER, CRM_PASSWORD$") as raised:
        credentials_of(target, {"KEY": "canary"})
    assert raised.value.remedy == "set CRM_USER, CRM_PASSWORD; orgsync.yaml refers to them"


def test_a_default_target_that_is_not_there_is_told_what_is(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r'"production"; targets: demo$'):
        read(tmp_path, HEAD + TARGET + "defaultTarget: production\n")


def test_a_url_may_refer_to_its_password_but_not_hold_it(tmp_path: Path) -> None:
    url = "postgresql://crm:${env:CRM_PASSWORD}@127.0.0.1/crm"
    settings = read(tmp_path, HEAD + TARGET.replace("sqlite:///demo.db", url))
    assert settings.targets["demo"].url == url
    assert expand_url(url, {"CRM_PASSWORD": "canary"}) == "postgresql://crm:canary@127.0.0.1/crm"
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, HEAD + TARGET.replace("sqlite:///demo.db", "postgresql://crm:canary@127.0.0.1/crm"))
    assert [one.code for one in raised.value.findings] == ["literal-secret"]
    assert "canary" not in repr(raised.value.findings)


@pytest.mark.parametrize("secret", ["canary", "${env:NAME}canary", "$CRM_CANARY", "${ENV:canary}"])
def test_a_literal_secret_is_refused_and_not_repeated(secret: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, HEAD + TARGET + f'    credentials: {{password: "{secret}"}}\n')
    assert [one.code for one in raised.value.findings] == ["literal-secret"]
    assert "canary" not in f"{raised.value} {raised.value.findings}".lower()


def test_secrets_and_faults_are_told_together(tmp_path: Path) -> None:
    text = HEAD + "defaultTarget: dmo\n" + TARGET + "    apiKey: canary\n    tokens: {accessToken: [canary]}\n"
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, text)
    assert [one.code for one in raised.value.findings] == ["literal-secret", "literal-secret", "unknown-target"]
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, text + "safty: {}\n")
    assert [one.code for one in raised.value.findings] == ["literal-secret", "literal-secret", "unknown-field"]
    assert "canary" not in repr(raised.value.findings)


def test_an_option_that_refers_to_a_secret_is_the_adapters_business(tmp_path: Path) -> None:
    settings = read(tmp_path, HEAD + TARGET + '    apiKey: "${env:CRM_KEY}"\n    tokenUrl: https://id.example.com\n')
    assert settings.targets["demo"].options == {"apiKey": "${env:CRM_KEY}", "tokenUrl": "https://id.example.com"}


def test_a_setting_is_found_again_in_its_file(tmp_path: Path) -> None:
    read(tmp_path, HEAD + TARGET)
    assert str(position_of(tmp_path, ("targets", "demo", "url"))) == "orgsync.yaml:7:10"
    assert str(position_of(tmp_path, ("targets", "demo", "seats"))) == "orgsync.yaml:6:5"

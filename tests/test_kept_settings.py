"""Settings that were checked are not checked again: they are the same, or are made anew."""

from pathlib import Path

import pytest

from orgsync.adapters import are_content, standing_in
from orgsync.errors import InvalidInput
from orgsync.settings import Settings, checking, load_settings
from orgsync.settings import kept as kept_settings
from tests.adapters.test_registry import careless

HEAD = "apiVersion: orgsync/v1\nkind: Settings\norganization: Northwind\n"
LOCAL = "targets:\n  demo:\n    adapter: local\n    url: sqlite:///demo.db\n"
EVERYTHING = f"""{HEAD}defaultTarget: demo
{LOCAL}    credentials: {{password: "${{env:CRM_PASSWORD}}"}}
    seats: 40
    missingUsers: skip
    prune: [unit, businessUnit]
    scopeFallback: narrower
    inexpressible: omit
    concurrency: 7
    runsAs: Robot@example.com
  other: {{adapter: scim, url: "https://idp.example.com/", credentials: {{token: "${{env:T}}"}}, roles: groups}}
journal: postgresql://${{env:JOURNAL}}@db/x
plans:
  key: ${{env:KEY}}
  trusted: [MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=]
safety:
  removals: {{share: 12.5%, count: 7}}
  kinds: {{businessUnit: {{count: 1}}, role: {{share: 7%}}}}
  group: {{share: 33%, count: 3}}
  allowance: 1
  window: 7d
  gains: 2
  shrink: 40%
  administrators: 2
  protected: [role/*, unit/board]
policies:
  severities: {{unit-without-owner: error}}
  mailDomains: [Example.com]
  names: {{role: {{key: "[a-z]+"}}, businessUnit: {{name: "[A-Z].*"}}}}
  depth: {{businessUnits: 3}}
  longestUntil: {{privileged: 180d}}
  warnBefore: 9d
  accounts: {{maria-l: Maria@example.com}}
  rules: [{{id: own, each: user, require: "user.active", message: "{{user.login}}", severity: warning}}]
  waivers: [{{code: own, reason: agreed, until: 2030-01-01, live: true}}]
"""


def kept(root: Path, text: str | None = None) -> Settings:
    if text is not None:
        (root / "orgsync.yaml").write_text(text)
    return load_settings(root, root / "cache", are_content)


@pytest.mark.parametrize("text", [HEAD, HEAD + LOCAL, EVERYTHING], ids=["least", "usual", "everything"])
def test_what_is_kept_is_what_was_checked(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept(tmp_path, text)
    assert first == load_settings(tmp_path)._replace(sound=True)
    monkeypatch.delattr(checking, "check")
    assert kept(tmp_path) == first
    assert kept(tmp_path).in_force == first.in_force


def test_the_sample_is_kept(tmp_path: Path) -> None:
    sample = (Path(__file__).parent.parent / "orgsync.yaml").read_text()
    assert kept(tmp_path, sample).sound


def test_other_bytes_are_checked(tmp_path: Path) -> None:
    kept(tmp_path, HEAD + LOCAL)
    assert kept(tmp_path, HEAD + LOCAL + "    seats: 3\n").targets["demo"].options == {"seats": "3"}
    with pytest.raises(InvalidInput, match="unknown field"):
        kept(tmp_path, HEAD + "targts: {}\n")
    assert kept(tmp_path, HEAD + LOCAL).targets["demo"].options == {}


def test_each_repository_has_its_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "orgsync.yaml").write_text(HEAD)
        load_settings(tmp_path / name, tmp_path / "cache", are_content)
    assert len([*(tmp_path / "cache").iterdir()]) == 2


@pytest.mark.parametrize("option", ["sets: 3", "missing_users: skip", "options: x", "seats: many"])
def test_what_an_adapter_is_not_content_with_is_not_kept(option: str, tmp_path: Path) -> None:
    """It could be anything, a secret too, and whoever validates wants to hear of it again."""
    name, _, value = option.partition(": ")
    for _ in range(2):
        found = kept(tmp_path, f"{HEAD}{LOCAL}    {option}\n")
        assert not found.sound
        assert found.targets["demo"].options == {name: value}
        assert found.targets["demo"].missing_users == "error"
    assert not (tmp_path / "cache").exists()


def test_the_settings_of_an_adapter_that_is_not_built_in_are_not_kept(tmp_path: Path) -> None:
    for name in ("careless", "local"):
        with standing_in(name, careless):  # type: ignore[arg-type]
            assert not kept(tmp_path, HEAD + f"targets: {{demo: {{adapter: {name}}}}}\n").sound
    assert not kept(tmp_path, HEAD + "targets: {demo: {adapter: no-such}}\n").sound
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("secret", ["password: canary", "apiKey: canary", "options: {token: [canary]}"])
def test_a_literal_secret_is_not_kept(secret: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="secret"):
        kept(tmp_path, f"{HEAD}{LOCAL}    {secret}\n")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_file_is_passed_over_and_written_again(tmp_path: Path) -> None:
    first = kept(tmp_path, EVERYTHING)
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:31], whole[:-1], whole[:40] + b"x" + whole[41:], b"x" + whole[1:], whole + b" "):
        file.write_bytes(damaged)
        assert kept(tmp_path) == first
        assert file.read_bytes() == whole


def test_what_another_version_kept_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept(tmp_path, EVERYTHING)
    monkeypatch.setattr(kept_settings, "program", lambda: b"another")
    assert kept_settings.read(tmp_path, tmp_path / "cache", EVERYTHING.encode()) is None
    assert kept(tmp_path) == first


def test_what_others_may_write_is_not_believed(tmp_path: Path) -> None:
    kept(tmp_path, EVERYTHING)
    (file,) = (tmp_path / "cache").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.chmod(0o666)
    assert kept_settings.read(tmp_path, tmp_path / "cache", EVERYTHING.encode()) is None


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert kept(tmp_path, EVERYTHING).targets["demo"].options == {"seats": "40"}
    assert kept(tmp_path).sound

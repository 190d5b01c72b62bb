"""References to the keyring become what it holds; what it does not hold is named, and nothing that it holds is told."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from sqlalchemy import make_url

from orgsync.errors import InvalidInput, OrgsyncError
from orgsync.references import expand, expand_url, holds_secret, is_reference, is_set
from orgsync.settings import Settings, credentials_of, load_settings

CANARY = "canary p@ss/word?#%41"
SETTINGS = """apiVersion: orgsync/v1
kind: Settings
organization: Northwind
targets:
  demo:
    adapter: local
    url: "postgresql://crm:${keyring:crm/admin@example.com}@127.0.0.1/crm"
    credentials: {password: "SECRET"}
"""


class InMemory(KeyringBackend):
    """Service and user -> password."""

    priority: ClassVar[float] = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError("no such password")


class Locked(InMemory):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(f"{service} {username} {CANARY}")


def using(backend: KeyringBackend) -> Iterator[KeyringBackend]:
    former = keyring.get_keyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(former)


@pytest.fixture
def ring() -> Iterator[KeyringBackend]:
    backend = InMemory()
    backend.set_password("crm", "admin@example.com", CANARY)
    yield from using(backend)


@pytest.fixture
def locked() -> Iterator[KeyringBackend]:
    yield from using(Locked())


def read(root: Path, text: str = SETTINGS, secret: str = "${keyring:crm/admin@example.com}") -> Settings:
    (root / "orgsync.yaml").write_text(text.replace("SECRET", secret))
    return load_settings(root)


def told(error: OrgsyncError) -> str:
    """All that anybody might print of it."""
    return f"{error!r} {error} {error.remedy} {error.__cause__!r}"


@pytest.mark.usefixtures("ring")
def test_a_reference_becomes_what_the_keyring_holds() -> None:
    assert expand("${keyring:crm/admin@example.com}", {}) == CANARY
    assert expand("${env:A}-${keyring:crm/admin@example.com}", {"A": "1"}) == f"1-{CANARY}"


@pytest.mark.usefixtures("ring")
def test_credentials_may_stand_in_the_keyring_and_the_settings_do_not_hold_them(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert credentials_of(settings.targets["demo"], {}) == {"password": CANARY}
    assert CANARY not in f"{settings!r} {settings.in_force}"


@pytest.mark.usefixtures("ring")
def test_a_password_from_the_keyring_reaches_the_database_whole_and_none_of_it_the_host(tmp_path: Path) -> None:
    url = make_url(expand_url(str(read(tmp_path).targets["demo"].url), {}))
    assert (url.username, url.password, url.host, url.database) == ("crm", CANARY, "127.0.0.1", "crm")


@pytest.mark.usefixtures("ring")
@pytest.mark.parametrize("place", ["crm/nobody", "billing/admin@example.com"])
def test_what_the_keyring_does_not_hold_is_named_with_the_command_that_stores_it(place: str) -> None:
    with pytest.raises(OrgsyncError, match=f"the keyring has nothing for {place}") as raised:
        expand(f"${{keyring:crm/admin@example.com}} ${{keyring:{place}}}", {})
    assert raised.value.remedy == f"keyring set {place.replace('/', ' ')}"
    assert "canary" not in told(raised.value)


@pytest.mark.usefixtures("locked")
def test_a_locked_keyring_is_told_of_without_its_own_words() -> None:
    with pytest.raises(OrgsyncError, match="the keyring cannot be used: KeyringLocked") as raised:
        expand("${keyring:crm/admin@example.com}", {})
    assert "diagnose" in raised.value.remedy
    assert "canary" not in told(raised.value)


@pytest.mark.usefixtures("ring")
def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(OrgsyncError, match="the keyring cannot be used") as raised:
        expand("${keyring:crm/admin@example.com}", {})
    assert raised.value.remedy == "pip install 'orgsync[keyring]'"
    assert "canary" not in told(raised.value)


@pytest.mark.usefixtures("ring")
def test_an_empty_password_is_a_password() -> None:
    keyring.set_password("crm", "empty", "")
    assert expand("${keyring:crm/empty}", {}) == ""


def test_settings_without_such_references_need_no_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    text = SETTINGS.replace("${keyring:crm/admin@example.com}", "${env:PW}")
    assert credentials_of(read(tmp_path, text, "${env:PW}").targets["demo"], {"PW": "x"}) == {"password": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "${keyring:crm}",
        "${keyring:crm/}",
        "${keyring:/admin}",
        "${keyring:crm/admin/more}",
        "${keyring:crm admin}",
        "${Keyring:crm/admin}",
        "${keyring:crm/admin",
        "x${keyring:crm/admin}",
        "${keyring:crm/admin}\n",
        "${keyring:crm/ädmin}",
    ],
)
def test_what_only_resembles_a_reference_is_a_literal_secret(text: str, tmp_path: Path) -> None:
    assert not is_reference(text)
    assert not is_set(text, {})
    with pytest.raises(InvalidInput) as invalid:
        read(tmp_path, secret=text.replace("\n", "\\n"))
    assert {(one.code, str(one.position)) for one in invalid.value.findings} == {
        ("literal-secret", "orgsync.yaml:8:29")
    }


def test_a_reference_to_the_keyring_is_no_secret_in_a_url() -> None:
    assert not holds_secret("postgresql://crm:${keyring:crm/admin@example.com}@127.0.0.1/crm")
    assert not holds_secret("https://${keyring:crm/token}@crm.example.com")
    assert holds_secret("postgresql://crm:${keyring:crm/admin}x@127.0.0.1/crm")

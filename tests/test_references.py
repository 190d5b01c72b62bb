"""A secret is found wherever a settings file may hide it, and a reference becomes what it refers to."""

import pytest
from sqlalchemy import make_url

from orgsync.errors import OrgsyncError
from orgsync.references import expand, expand_url, holds_secret, is_secret_name, is_url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://crm:canary@127.0.0.1/crm",
        "postgresql://crm:${env:PW}canary@127.0.0.1/crm",
        "postgresql://crm:reference@127.0.0.1/crm",
        "postgresql://crm:can/ary@127.0.0.1/crm",
        "postgresql://crm:can@ary@127.0.0.1/crm",
        "postgresql://crm:canary@127.0.0.1:port/crm",
        "postgresql://crm:canary@[::1",
        "postgresql://crm@127.0.0.1/crm?sslmode=require&password=canary",
        "https://canary@crm.example.com",
        "https://crm.example.com/?api_key=canary",
        "https://crm.example.com/#access_token=canary",
    ],
)
def test_a_url_with_a_secret_is_recognized(url: str) -> None:
    assert holds_secret(url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///.orgsync/demo.db",
        "sqlite:///C:/data/me@example.com/demo.db",
        "postgresql://crm@127.0.0.1/crm",
        "postgresql://crm:${env:PW}@127.0.0.1/crm",
        "postgresql://${env:USER}:${env:PW}@${env:HOST}:5432/crm",
        "postgresql://crm@127.0.0.1/crm?password=${env:PW}&sslmode=require",
        "https://crm.example.com:8443/users/me@example.com",
        "https://${env:TOKEN}@crm.example.com",
        "https://crm.example.com/oauth?tokenUrl=https",
        "${env:CRM_URL}",
    ],
)
def test_a_url_without_one_is_left_alone(url: str) -> None:
    assert not holds_secret(url)
    assert is_url(url)


@pytest.mark.parametrize("text", ["crm.example.com", "crm:canary@127.0.0.1", "//127.0.0.1", "postgresql//x", ""])
def test_a_url_begins_with_a_scheme(text: str) -> None:
    assert not is_url(text)


@pytest.mark.parametrize("name", ["password", "clientSecret", "api_key", "privateKey", "refresh-token", "credential"])
def test_a_name_tells_that_a_secret_follows(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["tokenUrl", "passwordless", "keyField", "secretsManager", "key"])
def test_a_name_that_only_talks_about_secrets_is_harmless(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("password", ["p@ss", "a/b?c#d", "100%41", "a:b@c:d", "ümläut +", "${env:OTHER}"])
def test_any_password_reaches_the_database_whole_and_none_of_it_the_host(password: str) -> None:
    environment = {"PW": password, "HOST": "127.0.0.1:5433"}
    for text in ("postgresql://crm:${env:PW}@${env:HOST}/crm", "postgresql://crm@${env:HOST}/crm?password=${env:PW}"):
        url = make_url(expand_url(text, environment))
        assert password in {url.password, url.query.get("password")}
        assert (url.username, url.host, url.port, url.database) == ("crm", "127.0.0.1", 5433, "crm")


def test_a_whole_url_is_taken_as_it_is() -> None:
    assert expand_url("${env:URL}", {"URL": "postgresql://a:b%40c@h/d"}) == "postgresql://a:b%40c@h/d"


def test_only_a_missing_variable_is_named() -> None:
    assert expand("${env:A}-${env:B}", {"A": "1", "B": "2"}) == "1-2"
    with pytest.raises(OrgsyncError, match="the environment variable B is not set") as raised:
        expand_url("postgresql://${env:A}:${env:B}@h/d", {"A": "canary"})
    assert "canary" not in f"{raised.value} {raised.value.remedy}"

"""Only a plan that was made where the key is passes where plans must be signed; the key itself is never told."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from orgsync.change import Status
from orgsync.cli import main
from orgsync.errors import InvalidInput, OrgsyncError, PlanRefused
from orgsync.explain import attributes
from orgsync.plan import Plan, open_plan, save, seal, to_json
from orgsync.settings import load_settings
from orgsync.signing import check_signature, signed
from tests.organizations import create, plan_of
from tests.repository import SETTINGS_FILE, applied, edit, lives, planned, repository, taken_back

PLAN = seal(plan_of([create("role/r", name="R")]))
OTHER = seal(plan_of([create("role/s", name="S")]))
NO_PASSWORD = NoEncryption()


def private_pem(key: Any, encryption: KeySerializationEncryption = NO_PASSWORD) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return pem.decode()


def public_pem(key: Any) -> str:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def one_line(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def pair(seed: int) -> tuple[str, str]:
    """(private, public), always the same ones."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return private_pem(key), public_pem(key)


PRIVATE, PUBLIC = pair(1)
STRANGER, STRANGERS = pair(2)


def windows(text: str) -> str:
    return text.replace("\n", "\r\n")


SHAPES: list[Callable[[str], str]] = [str, one_line, str.strip, windows, lambda pem: f"  {one_line(pem)}\n"]


@pytest.mark.parametrize("private", SHAPES)
@pytest.mark.parametrize("public", SHAPES)
def test_a_key_may_be_the_whole_pem_or_its_one_line(
    private: Callable[[str], str], public: Callable[[str], str]
) -> None:
    plan = signed(PLAN, private(PRIVATE))
    check_signature(plan, [public(PUBLIC)])
    assert plan.digest == PLAN.digest


def test_any_one_of_the_trusted_keys_is_enough() -> None:
    check_signature(signed(PLAN, PRIVATE), [STRANGERS, PUBLIC])


def test_a_plan_that_is_not_signed_is_refused() -> None:
    with pytest.raises(PlanRefused, match="not signed") as refused:
        check_signature(PLAN, [PUBLIC])
    assert "plans.key" in refused.value.remedy


def test_a_plan_that_somebody_else_signed_is_refused() -> None:
    with pytest.raises(PlanRefused, match="any of the keys"):
        check_signature(signed(PLAN, STRANGER), [PUBLIC])


def test_the_signature_of_another_plan_is_refused() -> None:
    with pytest.raises(PlanRefused, match="any of the keys"):
        check_signature(replace(PLAN, signature=signed(OTHER, PRIVATE).signature), [PUBLIC])


@pytest.mark.parametrize("signature", ["x", "====", "ünreadable", "AAAA", "A" * 88, "\ud800", "A" * 10_000])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(PlanRefused, match="any of the keys"):
        check_signature(replace(PLAN, signature=signature), [PUBLIC])


def test_a_signed_plan_comes_back_from_its_file_and_one_that_was_sealed_again_does_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    save(signed(PLAN, PRIVATE), path, attributes)
    opened = open_plan(path, attributes)
    check_signature(opened, [PUBLIC])
    forged = seal(replace(opened, changes=OTHER.changes))
    save(forged, path, attributes)
    again = open_plan(path, attributes)
    assert again.signature
    with pytest.raises(PlanRefused, match="any of the keys"):
        check_signature(again, [PUBLIC])


OTHER_KINDS = {
    "rsa": rsa.generate_private_key(65537, 1024),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed448": ed448.Ed448PrivateKey.generate(),
    "x25519": x25519.X25519PrivateKey.generate(),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_key_of_another_kind_neither_signs_nor_is_trusted(kind: str) -> None:
    with pytest.raises(OrgsyncError, match="cannot be read"):
        signed(PLAN, private_pem(OTHER_KINDS[kind]))
    with pytest.raises(PlanRefused):
        check_signature(signed(PLAN, PRIVATE), [public_pem(OTHER_KINDS[kind])])


LOCKED = private_pem(Ed25519PrivateKey.from_private_bytes(b"\1" * 32), BestAvailableEncryption(b"password"))
UNKNOWN_CURVE = b64encode(bytes.fromhex("3019301306072a8648ce3d020106082b8104007f7f7f7f0400")).decode()


@pytest.mark.parametrize(
    "key",
    [
        "",
        "canary",
        "cänary",
        one_line(PRIVATE)[:-8],
        one_line(PRIVATE)[4:],
        one_line(PRIVATE).replace("M", "N"),
        PRIVATE.replace("-----BEGIN", "BEGIN"),
        PUBLIC,
        LOCKED,
        UNKNOWN_CURVE,
        "A" * 100_000,
    ],
    ids=lambda key: repr(key[:24]),
)
def test_a_broken_private_key_is_an_error_that_does_not_show_it(key: str) -> None:
    with pytest.raises(OrgsyncError, match="the key that plans are signed with cannot be read") as raised:
        signed(PLAN, key)
    error = raised.value
    shown = f"{error!r} {error} {error.remedy} {error.__cause__!r} {error.__context__!r}"
    assert "openssl genpkey -algorithm ed25519" in error.remedy
    assert not key.strip() or not any(line in shown for line in key.split() if len(line) > 20 or "nary" in line)


@pytest.mark.parametrize("key", ["", "canary", "cänary", UNKNOWN_CURVE, PRIVATE, "A" * 1000])
def test_a_broken_public_key_trusts_nobody(key: str) -> None:
    with pytest.raises(PlanRefused):
        check_signature(signed(PLAN, PRIVATE), [key])


# --- through the pipeline, and the command line


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repository(tmp_path)
    plans = f'plans:\n  key: "${{env:PLAN_KEY}}"\n  trusted: [{one_line(PUBLIC)}]\n'
    (tmp_path / SETTINGS_FILE).write_text((tmp_path / SETTINGS_FILE).read_text() + plans)
    return tmp_path


KEY = {"PLAN_KEY": PRIVATE}


def test_a_saved_plan_is_applied_where_the_key_is_not(root: Path) -> None:
    save(planned(root, environment=KEY), root / "plan.json", attributes)
    report = applied(root, open_plan(root / "plan.json", attributes))
    assert report.complete
    assert {one.status for one in report.outcomes} == {Status.APPLIED}


def test_a_plan_that_was_made_without_the_key_or_with_another_one_changes_nothing(root: Path) -> None:
    for environment in ({}, {"PLAN_KEY": ""}, {"PLAN_KEY": STRANGER}):
        with pytest.raises(PlanRefused, match=r"plans\.trusted"):
            applied(root, planned(root, environment=environment))
    assert lives(root) == {}
    assert not (root / ".orgsync" / "journal.db").exists()


def test_a_rollback_is_signed_like_any_other_plan(root: Path) -> None:
    run = applied(root, planned(root, environment=KEY)).run
    with pytest.raises(PlanRefused, match="not signed"):
        applied(root, taken_back(root, run))
    plan = taken_back(root, run, environment=KEY)
    assert applied(root, plan, *(guard.name for guard in plan.guards if guard.violated)).complete


def test_a_key_that_cannot_be_read_stops_the_plan(root: Path) -> None:
    with pytest.raises(OrgsyncError, match="cannot be read") as raised:
        planned(root, environment={"PLAN_KEY": one_line(PRIVATE)[:-4]})
    assert one_line(PRIVATE)[:20] not in f"{raised.value} {raised.value.remedy}"


def test_no_plan_and_no_report_holds_the_key(root: Path) -> None:
    plan = planned(root, environment=KEY)
    report = applied(root, plan, environment=KEY)
    written = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file() and path.suffix == ".db")
    told = f"{plan!r} {json.dumps(to_json(plan, attributes), default=dict)} {report!r}"
    assert one_line(PRIVATE)[-40:] not in told
    assert one_line(PRIVATE)[-40:].encode() not in written


def left(*arguments: str) -> object:
    with pytest.raises(SystemExit) as leaving:
        main([*arguments])
    return leaving.value.code


def test_apply_without_a_file_needs_the_key_where_plans_must_be_signed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PLAN_KEY", raising=False)
    assert left("apply", "--yes", "--repo", str(root)) == 1
    assert "this plan is not signed" in capsys.readouterr().err
    assert lives(root) == {}
    monkeypatch.setenv("PLAN_KEY", PRIVATE)
    assert left("apply", "--yes", "--repo", str(root)) == 0
    assert "unit/sales" in lives(root)
    assert one_line(PRIVATE) not in "".join(capsys.readouterr())


def test_a_plan_job_has_the_key_and_the_apply_job_has_not(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "plan.json"
    monkeypatch.setenv("PLAN_KEY", PRIVATE)
    assert left("plan", "-o", str(path), "--repo", str(root)) == 0
    assert one_line(PRIVATE) not in path.read_text() + "".join(capsys.readouterr())
    monkeypatch.delenv("PLAN_KEY")
    digest = json.loads(path.read_bytes())["changeDigest"]
    assert left("apply", str(path), "--expect-digest", digest, "--yes", "--repo", str(root)) == 0
    assert "unit/sales" in lives(root)


# --- the settings


@pytest.mark.parametrize("public", [one_line(PUBLIC), one_line(PUBLIC) + " ", f'"{one_line(PUBLIC)}"'])
def test_settings_take_the_one_line(root: Path, public: str) -> None:
    edit(root, one_line(PUBLIC), public, SETTINGS_FILE)
    (key,) = load_settings(root).plans.trusted
    check_signature(signed(PLAN, PRIVATE), [key])


def test_settings_take_the_whole_pem(root: Path) -> None:
    block = "\n    - |\n" + "".join(f"      {line}\n" for line in PUBLIC.splitlines())
    edit(root, f" [{one_line(PUBLIC)}]\n", block, SETTINGS_FILE)
    (key,) = load_settings(root).plans.trusted
    check_signature(signed(PLAN, PRIVATE), [key])


@pytest.mark.parametrize(
    "wrong",
    [
        one_line(public_pem(OTHER_KINDS["ec"])),
        one_line(public_pem(OTHER_KINDS["rsa"])),
        one_line(public_pem(OTHER_KINDS["ed448"])),
        one_line(public_pem(OTHER_KINDS["x25519"])),
        one_line(PUBLIC)[:-4],
        one_line(PUBLIC)[:-1],
        one_line(PUBLIC) + "AAAA",
        one_line(PUBLIC).lower(),
        "canary",
        '"${env:PUBLIC}"',
        "''",
    ],
    ids=lambda text: text[:12],
)
def test_settings_refuse_what_is_no_ed25519_public_key_where_it_stands(root: Path, wrong: str) -> None:
    edit(root, one_line(PUBLIC), f"{one_line(PUBLIC)}, {wrong}", SETTINGS_FILE)
    with pytest.raises(InvalidInput) as invalid:
        load_settings(root)
    line = (root / SETTINGS_FILE).read_text().splitlines()[-1]
    column = line.index(", ") + 3
    (finding,) = invalid.value.findings
    assert (finding.code, str(finding.position)) == ("bad-public-key", f"orgsync.yaml:19:{column}")
    assert "openssl pkey" in finding.remedy


def test_a_private_key_among_the_trusted_is_refused_and_not_shown(root: Path) -> None:
    edit(root, one_line(PUBLIC), one_line(PRIVATE), SETTINGS_FILE)
    with pytest.raises(InvalidInput) as invalid:
        load_settings(root)
    assert one_line(PRIVATE) not in str(invalid.value.findings)


def test_a_literal_private_key_is_refused_and_not_shown(root: Path) -> None:
    edit(root, '"${env:PLAN_KEY}"', one_line(PRIVATE), SETTINGS_FILE)
    with pytest.raises(InvalidInput) as invalid:
        load_settings(root)
    assert [(one.code, str(one.position)) for one in invalid.value.findings] == [
        ("literal-secret", "orgsync.yaml:18:8")
    ]
    assert one_line(PRIVATE) not in str(invalid.value.findings)


def test_a_sealed_plan_without_a_signature_says_so_in_its_file(tmp_path: Path) -> None:
    save(PLAN, tmp_path / "plan.json", attributes)
    opened: Plan = open_plan(tmp_path / "plan.json", attributes)
    assert opened.signature == ""

"""orgsync.yaml as it is checked: models that refuse what they do not know. The texts below the fields are for the
published schemas.

In: plain values. Out: models, written as JSON for everybody else (see ``values``). Never: holds a secret; credentials
are references to environment variables, resolved only where an adapter is opened.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from orgsync.references import holds_secret, is_reference, is_url
from orgsync.resources import Kind
from orgsync.settings import policy_models
from orgsync.settings.policy_models import Policies
from orgsync.settings.words import Days, Model
from orgsync.wording import Count, Key, Line, Login

FAULTS: Mapping[str, tuple[str, str]] = {
    "literal-secret": ("a secret must not stand in the settings", 'write a reference such as "${env:CRM_TOKEN}"'),
    "bad-address": ("an address begins with a scheme", "write one such as sqlite:///.orgsync/demo.db or https://..."),
    "bad-share": ("a share is expected", "write a percentage such as 25%"),
    "bad-period": ("a number of days is expected", "write days such as 30d"),
    "bad-kind": (
        "this is not a kind of resource",
        "use membership, grant, unit, role, function or businessUnit",
    ),
    "bad-concurrency": ("so many calls at once are not possible", "write a number from 1 to 64"),
    "bad-public-key": (
        "an Ed25519 public key is expected",
        "write what this prints: openssl pkey -in KEY -pubout",
    ),
    "unknown-target": ("the default target does not exist", "name one of the targets"),
    **policy_models.FAULTS,
}


_SHARE = r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$"


def _share(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(_SHARE, value):
        return float(value[:-1]) / 100
    raise PydanticCustomError("bad-share", "a share")


_KIND_WORDS = {"businessUnit": Kind.BUSINESS_UNIT} | {str(kind): kind for kind in Kind if "-" not in kind}


def _kind(value: object) -> Kind:
    if isinstance(value, str) and value in _KIND_WORDS:
        return _KIND_WORDS[value]
    raise PydanticCustomError("bad-kind", "a kind")


def _at_least_one(value: int) -> int:
    if 1 <= value <= 64:  # noqa: PLR2004
        return value
    raise PydanticCustomError("bad-concurrency", "calls at once")


def _reference(value: str) -> str:
    if not is_reference(value):
        raise PydanticCustomError("literal-secret", "a literal secret")
    return value


def _url(value: str) -> str:
    if holds_secret(value):
        raise PydanticCustomError("literal-secret", "a literal secret")
    if not is_url(value):
        raise PydanticCustomError("bad-address", "an address")
    return value


_REFERENCE = r"\$\{(env:[A-Za-z_][A-Za-z0-9_]*|keyring:[A-Za-z0-9_.-]+/[A-Za-z0-9_.@+-]+)\}"
_PUBLIC_KEY = (
    r"^\s*(-----BEGIN PUBLIC KEY-----\s*)?MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=(\s*-----END PUBLIC KEY-----)?\s*$"
)
"""Of Ed25519, whose DER always begins alike."""


def _public_key(value: str) -> str:
    if re.search(_PUBLIC_KEY, value) is None:
        raise PydanticCustomError("bad-public-key", "a public key")
    return value


Share = Annotated[float, BeforeValidator(_share), WithJsonSchema({"type": "string", "pattern": _SHARE})]
KindWord = Annotated[Kind, BeforeValidator(_kind), WithJsonSchema({"type": "string", "enum": list(_KIND_WORDS)})]
Reference = Annotated[
    str,
    AfterValidator(_reference),
    WithJsonSchema({"type": "string", "pattern": f"^{_REFERENCE}$"}),
]
Url = Annotated[
    str,
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "pattern": f"^([A-Za-z][A-Za-z0-9+.-]*://|{_REFERENCE}$)"}),
]


PublicKey = Annotated[str, AfterValidator(_public_key), WithJsonSchema({"type": "string", "pattern": _PUBLIC_KEY})]


class Limit(Model):
    """Above either of the two, the plan is refused until somebody accepts it."""

    share: Share = 0.25
    """A share of what lives in the CRM, such as 25%."""
    count: Count = 50
    """A number."""


class Safety(Model):
    """Limits of what one plan may do unasked. Beyond one it is refused until somebody accepts that limit by name."""

    removals: Limit = Limit()
    """Removals of one kind in one plan."""
    kinds: dict[KindWord, Limit] = {}
    """Another limit for one kind of resource."""
    group: Limit = Limit(share="50%", count="25")  # type: ignore[arg-type]
    """Removals of members of one unit, or of holders of one role."""
    allowance: Count = 3
    """So many removals are fine, whatever their share."""
    window: Days = timedelta(days=30)
    """How long removals count, so that many small ones add up, such as 30d."""
    gains: Count = 20
    """People who may gain a privileged role in one plan."""
    shrink: Share = 0.5
    """The share of what lives in the CRM that may be missing from the YAML, such as 50%."""
    administrators: Count = 1
    """So many people must be left with a privileged role."""
    protected: tuple[Line, ...] = ()
    """Addresses that no plan may touch, such as role/crm-administrator; * and ? match."""


class TargetSettings(Model):
    """One CRM. Fields that are not named here are options of its adapter."""

    model_config = ConfigDict(extra="allow")

    adapter: Key
    """The kind of CRM, such as local."""
    url: Url | None = None
    """Where the CRM is. Secrets stand in environment variables: https://${env:CRM_HOST}/."""
    credentials: dict[str, Reference] = {}
    """Secrets by name, each a reference: "${env:CRM_TOKEN}" or "${keyring:service/user}"."""
    missing_users: Literal["error", "skip", "create"] = "error"
    """What happens where somebody is assigned whom the CRM does not know."""
    prune: frozenset[KindWord] = frozenset({Kind.MEMBERSHIP, Kind.GRANT})
    """Kinds that are removed once they are not declared any more; removals of others are only reported."""
    scope_fallback: Literal["error", "narrower"] = "error"
    """What happens where the CRM cannot express a scope: an error, or the next narrower one."""
    inexpressible: Literal["error", "omit"] = "error"
    """What happens where the CRM has no word for an object or an action: an error, or the privilege is left out."""
    concurrency: Annotated[Count, AfterValidator(_at_least_one)] = 4
    """So many calls at once, from 1 to 64."""
    runs_as: Login | None = None
    """The login that orgsync has there, where the CRM does not tell: no plan takes its access away."""


class Plans(Model):
    """Keys of those who may make the plans that are applied."""

    key: Reference | None = None
    """What plans are signed with, where it is set: an Ed25519 private key."""
    trusted: tuple[PublicKey, ...] = ()
    """Public keys. Where any is named, apply refuses what was not signed with one of them."""


class Settings(Model):
    """The settings of an organization repository."""

    api_version: Literal["orgsync/v1"]
    """Version of the document format: orgsync/v1."""
    kind: Literal["Settings"]
    """What the document declares: Settings."""
    organization: Line
    """The organization's name."""
    default_target: Key | None = None
    """Name of the target that commands mean unless they are told another."""
    targets: dict[Key, TargetSettings] = {}
    """CRMs by a name of your own, such as production."""
    journal: Url = "sqlite:///.orgsync/journal.db"
    """The database of earlier runs: who applied what, when. It must outlive the machine that applies."""
    safety: Safety = Safety()
    """Limits of what one plan may do unasked."""
    plans: Plans = Plans()
    """Who may make the plans that are applied."""
    policies: Policies = Policies()
    """What must hold of the organization, beyond what the documents say of themselves."""


def known_at(path: Sequence[str | int]) -> list[str]:
    """The names of the fields that may stand at this path."""
    model: type[BaseModel] = Settings
    if path[:1] == ("safety",):
        model = Limit if len(path) > 2 else Safety  # noqa: PLR2004
    if path[:1] == ("plans",):
        model = Plans
    if path[:1] == ("policies",):
        model = policy_models.model_at(path[1:])
    return [info.alias or name for name, info in model.model_fields.items()]

"""An access token from Microsoft Entra, by MSAL, over our own client.

In: clients for the authority and for GitHub, options, credentials. Out: an Authorization header. Never: keeps a secret
or a token; speaks to another host than the settings name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from orgsync.adapters.dataverse.options import Options
from orgsync.adapters.http import Client, bearer
from orgsync.errors import AdapterError, CallRefused

AUDIENCE = "api://AzureADTokenExchange"
"""What Entra wants the token of another issuer to be for (Workload identity federation)."""
NEEDED: Mapping[str, tuple[str, ...]] = {
    "clientSecret": ("clientId", "clientSecret"),
    "githubOidc": ("clientId", "oidcUrl", "oidcToken"),
}


@dataclass(frozen=True, slots=True)
class Login:
    options: Options
    credentials: Mapping[str, str] = field(repr=False)

    def fetch(self) -> str:
        """The header's value. Raises AdapterError in Entra's words."""
        given, flow = self.credentials, self.options.flow
        if lacking := [name for name in NEEDED[flow] if not given.get(name)]:
            remedy = "state them under `credentials`"
            raise AdapterError(f"the flow {flow} lacks credentials: {', '.join(lacking)}", remedy=remedy)
        secret: object = given.get("clientSecret", "")
        if flow == "githubOidc":
            secret = {"client_assertion": partial(_assertion, given["oidcUrl"], given["oidcToken"])}
        with Client(self.options.authority, authorization=None, writable=False, secrets=given.values()) as client:
            return f"Bearer {self._token(_Wire(client, urlsplit(self.options.authority).netloc), secret)}"

    def _token(self, wire: "_Wire", secret: object) -> str:
        import msal  # type: ignore[import-untyped]  # noqa: PLC0415  (slow to import)

        try:
            application = msal.ConfidentialClientApplication(
                self.credentials["clientId"],
                authority=f"https://{wire.host}/{self.options.tenant}",
                client_credential=secret,
                http_client=wire,
                instance_discovery=False,
            )
            answer = application.acquire_token_for_client([f"{self.options.url}/.default"])
        except ValueError as error:
            raise _no_token(str(error)) from None
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise _no_token(str(answer.get("error_description") or answer.get("error") or "there was none"))
        return token


def _no_token(why: str) -> AdapterError:
    remedy = "check the target's tenant and credentials, and the app registration in Microsoft Entra"
    return AdapterError(f"no access token, since {' '.join(why.split())}", remedy=remedy)


def _assertion(url: str, token: str) -> str:
    """GitHub's word on which workflow of which repository this is."""
    where = urlsplit(url)
    origin = f"{where.scheme}://{where.netloc}"
    with Client(origin, authorization=bearer(token), writable=False, secrets=[token]) as client:
        query = f"{where.query}&" if where.query else ""
        value = client.call("GET", f"{where.path}?{query}audience={AUDIENCE}").value
    found = value.get("value") if isinstance(value, dict) else None
    if not isinstance(found, str) or not found:
        raise AdapterError("no token of the workflow: GitHub answered without one")
    return found


@dataclass(frozen=True, slots=True)
class _Answer:
    """What MSAL wants to see of one."""

    status_code: int
    text: str
    headers: Mapping[str, str]


class _Wire:
    """MSAL's HTTP, carried by our client: https, timeouts and secrets are its business."""

    def __init__(self, client: Client, host: str) -> None:
        self._client, self.host = client, host

    def get(self, url: str, *, params: Mapping[str, str] | None = None, **more: Any) -> _Answer:
        return self._call("GET", url, params=params or {}, headers=more.get("headers") or {})

    def post(self, url: str, *, data: Mapping[str, str] | None = None, **more: Any) -> _Answer:
        return self._call("POST", url, form=data or {}, headers=more.get("headers") or {})

    def close(self) -> None:
        """Whoever opened the client closes it."""

    def _call(self, method: str, url: str, **more: Any) -> _Answer:
        where = urlsplit(url)
        if where.netloc != self.host:
            raise AdapterError(
                f"no access token, since {self.host} sends us to {where.netloc}", remedy="correct `authority`"
            )
        path = where.path + (f"?{where.query}" if where.query else "")
        try:
            answer = self._client.call(method, path, safe=True, **more)
        except CallRefused as refusal:
            return _Answer(refusal.status or 400, json.dumps(refusal.said or {}), {})
        return _Answer(answer.status, answer.content.decode(), answer.headers)

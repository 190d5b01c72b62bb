"""Microsoft Entra and GitHub's issuer of workflow tokens, as far as a client with a secret or an assertion needs them.

In: requests. Out: documents and tokens, or the error object of Entra. Never: a token for a form with more in it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TENANT, CLIENT, SECRET = "contoso.onmicrosoft.com", "6d3c1b9e-client", "the-client-secret-0001"
OIDC_TOKEN, WORKFLOW = "runner-request-token-0001", "workflow.jwt.0001"
_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Door:
    """``tokens``: those that are good; ``federated``: whether the app trusts workflows of this repository."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.federated = True
        self.logins = 0

    def answer(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Any] | None:
        """None for an address that is none of theirs."""
        host = headers.get("Host", "")
        if (method, path) == ("GET", f"/{TENANT}/v2.0/.well-known/openid-configuration"):
            return 200, _configuration(f"https://{host}")
        if (method, path) == ("POST", f"/{TENANT}/oauth2/v2.0/token"):
            return self._token(headers, dict(parse_qsl(body.decode(), strict_parsing=True)))
        if (method, path) == ("GET", "/oidc/token"):
            return self._workflow(headers, dict(parse_qsl(query, strict_parsing=True)))
        return None

    def _token(self, headers: Mapping[str, str], form: dict[str, str]) -> tuple[int, Any]:
        if headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return _error("invalid_request", "AADSTS900144: The request body must be a form.")
        form.pop("client_info", None)
        secret, assertion = form.pop("client_secret", None), form.pop("client_assertion", None)
        kind = form.pop("client_assertion_type", None)
        scope = urlsplit(form.pop("scope", ""))
        if form != {"client_id": CLIENT, "grant_type": "client_credentials"} or scope.path != "/.default":
            return _error("invalid_scope", f"AADSTS1002012: The provided request is not valid: {sorted(form)}")
        good = (self.federated and assertion == WORKFLOW and kind == _TYPE) if assertion else secret == SECRET
        if not good:
            return _error("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        self.logins += 1
        token = f"eyJ.access.{self.logins:04}"
        self.tokens.add(token)
        return 200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}

    def _workflow(self, headers: Mapping[str, str], query: dict[str, str]) -> tuple[int, Any]:
        if headers.get("Authorization") != f"Bearer {OIDC_TOKEN}":
            return 401, {"message": "no token"}
        if query != {"api-version": "2.0", "audience": "api://AzureADTokenExchange"}:
            return 400, {"message": "no audience"}
        return 200, {"count": 1, "value": WORKFLOW}


def _configuration(origin: str) -> dict[str, str]:
    return {
        "issuer": f"{origin}/{TENANT}/v2.0",
        "authorization_endpoint": f"{origin}/{TENANT}/oauth2/v2.0/authorize",
        "token_endpoint": f"{origin}/{TENANT}/oauth2/v2.0/token",
    }


def _error(code: str, text: str) -> tuple[int, Any]:
    return 400 if code != "invalid_client" else 401, {"error": code, "error_description": text, "error_codes": [1]}

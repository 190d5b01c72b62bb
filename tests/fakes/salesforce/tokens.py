"""The token endpoint: three OAuth flows, and the tokens that are good.

In: a form. Out: a token, or the error object of OAuth. Never: a token for a form with more in it than is documented.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.salesforce.store import Org
from tests.fakes.shell import parameters

CLIENT, SECRET, REFRESH = "3MVG9-client", "the-client-secret-0001", "5Aep-refresh-0001"
TOKEN = "00DXX0000000001!token-0001"
Reply = tuple[int, Any]


class Door:
    """``assertion``: judges a JWT; None: the flow is not allowed."""

    def __init__(self) -> None:
        self.assertion: Callable[[str], bool] | None = None
        self.tokens: set[str] = set()
        self.logins = 0

    def answer(self, org: Org, method: str, headers: Mapping[str, str], body: bytes) -> Reply:
        form = parameters(body.decode())
        if form is None or method != "POST" or headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return 400, {"error": "invalid_request", "error_description": "must be a POST of a form"}
        if problem := self._judge(form):
            return 400, {"error": problem[0], "error_description": problem[1]}
        self.logins += 1
        token = f"{TOKEN}{self.logins}"
        self.tokens.add(token)
        return 200, {
            "access_token": token,
            "instance_url": f"http://{headers.get('Host')}",
            "id": f"https://login.salesforce.com/id/00DXX0000000001EAA/{org.admin}",
            "token_type": "Bearer",
            "issued_at": "1778630400000",
            "signature": "c2ln",
        }

    def _judge(self, form: dict[str, str]) -> tuple[str, str] | None:
        known = {
            "client_credentials": {"client_id", "client_secret"},
            "refresh_token": {"client_id", "client_secret", "refresh_token"},
            "urn:ietf:params:oauth:grant-type:jwt-bearer": {"assertion"},
        }
        grant = form.pop("grant_type", "")
        if grant not in known or form.keys() - known[grant]:
            return "unsupported_grant_type", "grant type not supported"
        if "assertion" in known[grant]:
            good = self.assertion is not None and self.assertion(form["assertion"])
            return None if good else ("invalid_grant", "user hasn't approved this consumer")
        if form.get("client_id") != CLIENT or form.get("client_secret", SECRET) != SECRET:
            return "invalid_client", "invalid client credentials"
        if grant == "client_credentials" and "client_secret" not in form:
            return "invalid_client", "invalid client credentials"
        if grant == "refresh_token" and form.get("refresh_token") != REFRESH:
            return "invalid_grant", "expired access/refresh token"
        return None

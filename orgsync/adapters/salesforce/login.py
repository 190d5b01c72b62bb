"""An access token by one of three OAuth flows, and who it belongs to.

In: a client for My Domain without authorization, options, credentials. Out: an Authorization header. Never: keeps a
password; sends a token to another host than the one that the settings name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from orgsync.adapters.http import Client
from orgsync.adapters.salesforce.options import Options
from orgsync.errors import AdapterError

TOKEN = "/services/oauth2/token"  # noqa: S105  (a path)
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE = timedelta(minutes=3)
NEEDED: Mapping[str, tuple[str, ...]] = {
    "clientCredentials": ("clientId", "clientSecret"),
    "jwtBearer": ("clientId", "username", "privateKey"),
    "refreshToken": ("clientId", "refreshToken"),
}


@dataclass(slots=True)
class Login:
    """``user``: the id of whoever the last token belongs to."""

    client: Client = field(repr=False)
    options: Options
    credentials: Mapping[str, str] = field(repr=False)
    clock: Callable[[], datetime]
    user: str = ""

    def fetch(self) -> str:
        """The header's value. Raises AdapterError in Salesforce's words."""
        form = self._form()
        try:
            value = self.client.call("POST", TOKEN, form=form, safe=True).value
        except AdapterError as error:
            remedy = error.remedy or "check the target's credentials, and the app's policies in Salesforce"
            raise AdapterError(
                f"no access token, since {error}", remedy=remedy, status=error.status, said=error.said
            ) from None
        answer = value if isinstance(value, dict) else {}
        token, there = answer.get("access_token"), answer.get("instance_url")
        if not isinstance(token, str) or not token or not isinstance(there, str):
            raise AdapterError("no access token, since Salesforce answered without one")
        self._check_host(there)
        self.user = str(answer.get("id", "")).rpartition("/")[2]
        return f"Bearer {token}"

    def _check_host(self, there: str) -> None:
        if urlsplit(there).netloc != urlsplit(self.options.url).netloc:
            message = f"the org lives at {urlsplit(there).netloc}, and the target's url says otherwise"
            raise AdapterError(message, remedy=f"state url: https://{urlsplit(there).netloc}")

    def _form(self) -> dict[str, str]:
        given, flow = self.credentials, self.options.flow
        if lacking := [name for name in NEEDED[flow] if not given.get(name)]:
            raise AdapterError(
                f"the flow {flow} lacks credentials: {', '.join(lacking)}", remedy="state them under `credentials`"
            )
        if flow == "jwtBearer":
            return {"grant_type": _JWT, "assertion": self._assertion()}
        secret = {"client_secret": given["clientSecret"]} if given.get("clientSecret") else {}
        if flow == "refreshToken":
            own = {"grant_type": "refresh_token", "refresh_token": given["refreshToken"]}
        else:
            own = {"grant_type": "client_credentials"}
        return {**own, "client_id": given["clientId"], **secret}

    def _assertion(self) -> str:
        import jwt  # noqa: PLC0415  (only this flow needs it)

        given = self.credentials
        claims = {
            "iss": given["clientId"],
            "sub": given["username"],
            "aud": self.options.audience,
            "exp": int((self.clock() + _LIFE).timestamp()),
        }
        try:
            return jwt.encode(claims, given["privateKey"], algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            raise AdapterError(
                "the private key cannot be used", remedy="state an RSA key in PEM, whole, with its line breaks"
            ) from None

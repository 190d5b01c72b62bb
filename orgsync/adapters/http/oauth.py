"""A token from an OAuth 2.0 token endpoint, whatever the grant: the form says which.

Never: keeps a token or a form.
"""

from collections.abc import Mapping

from orgsync.adapters.http.client import Client
from orgsync.errors import AdapterError


def oauth_token(client: Client, path: str, form: Mapping[str, str]) -> str:
    """The Authorization header's value; for ``Renewed``. ``client`` is one for the token's host, without authorization.

    Asking twice is harmless, so it counts as reading. Raises AdapterError in the vendor's words.
    """
    try:
        value = client.call("POST", path, form=form, safe=True).value
    except AdapterError as error:
        message, remedy = f"no access token, since {error}", error.remedy or "check the target's credentials"
        raise AdapterError(message, remedy=remedy, status=error.status, said=error.said) from None
    token = value.get("access_token") if isinstance(value, dict) else None
    if not isinstance(token, str) or not token:
        raise AdapterError(f"no access token, since {path} answered without one")
    return f"Bearer {token}"

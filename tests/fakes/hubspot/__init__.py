"""A HubSpot account on 127.0.0.1, written from the documented contract alone; what is not documented is refused."""

from tests.fakes.hubspot.account import ACCOUNT, SCOPES, TOKEN, Account
from tests.fakes.hubspot.server import Service, started

__all__ = ["ACCOUNT", "SCOPES", "TOKEN", "Account", "Service", "started"]

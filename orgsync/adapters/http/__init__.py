"""HTTP for adapters: one client that cannot write while reading, never repeats what may not be, and ends in time.

In: a base address, an authorization and calls that say what they are. Out: complete answers, or errors that say
whether the call was carried out. Never: sends a credential to another host, follows the environment's proxies or
.netrc, trusts an unverified certificate, keeps cookies, puts a secret into a text.
"""

from orgsync.adapters.http.answers import Answer
from orgsync.adapters.http.authorization import Authorization, Fixed, Renewed, basic, bearer
from orgsync.adapters.http.client import Client
from orgsync.adapters.http.limits import Limits, Time
from orgsync.adapters.http.oauth import oauth_token
from orgsync.adapters.http.paging import Page, numbered, pages
from orgsync.adapters.http.quota import common_quota
from orgsync.adapters.http.writing import carry_out, found

__all__ = [
    "Answer",
    "Authorization",
    "Client",
    "Fixed",
    "Limits",
    "Page",
    "Renewed",
    "Time",
    "basic",
    "bearer",
    "carry_out",
    "common_quota",
    "found",
    "numbered",
    "oauth_token",
    "pages",
]

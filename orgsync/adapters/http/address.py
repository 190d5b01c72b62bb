"""Which addresses are ours: an origin is scheme, host and port, and a client speaks to one of them only.

In: the target's url, paths and links. Out: addresses on that origin. Never: another host, whatever a link says.
"""

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

from orgsync.errors import AdapterError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """``origin`` without, ``url`` with a slash at the end."""

    origin: str
    url: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises AdapterError for an address with a password, and for http:// to another machine."""
        try:
            where = urlsplit(url)
            port = where.port
        except ValueError:
            raise AdapterError("the target's url is not an address") from None
        if where.username is not None or where.password is not None:
            raise AdapterError("the target's url has a password in it", remedy="state it under `credentials`")
        if where.scheme not in _PORTS or not where.hostname or port == 0 or where.query or where.fragment:
            raise AdapterError("the target's url is not of the form https://host/path")
        if where.scheme == "http" and not _on_this_machine(where.hostname):
            raise AdapterError(f"credentials are not sent unencrypted to {where.hostname}", remedy="use https://")
        own = f"{where.scheme}://{where.netloc}"
        return cls(origin=own, url=f"{own}{where.path.rstrip('/')}/")

    def covers(self, url: str) -> bool:
        return origin(url) == origin(self.url)

    def below(self, path: str) -> str:
        """Put together from our own origin, so that no way of writing a link can lead elsewhere.

        Raises AdapterError for another origin, and for what an unquoted id would do: climb up, or cut the rest off.
        """
        if "#" in path or {unquote(part) for part in path.partition("?")[0].split("/")} & {".", ".."}:
            raise AdapterError("an id in an address is not quoted: nothing was sent")
        url = joined(self.url, path)
        if not self.covers(url):
            raise AdapterError(f"an address at {origin(url)} is not for {self.origin}: nothing was sent")
        where = urlsplit(url)
        return f"{self.origin}{where.path or '/'}" + (f"?{where.query}" if where.query else "")


def joined(url: str, path: str) -> str:
    """Empty where ``path`` cannot be read."""
    try:
        return urljoin(url, path)
    except ValueError:
        return ""


def origin(url: str) -> str:
    """Without userinfo, with the port even where it goes without saying; what is no address is nobody's origin."""
    try:
        where = urlsplit(url)
        return f"{where.scheme}://{where.hostname}:{where.port or _PORTS[where.scheme]}"
    except (ValueError, KeyError):
        return "an address that is none of ours"


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

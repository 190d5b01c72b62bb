"""Options that several adapters have: an address, a time zone, and what the words of privileges mean in the CRM.

In: settings. Out: checked values. Never: connects.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator


def _origin(url: str) -> str:
    where = urlsplit(url)
    if where.scheme not in {"http", "https"} or not where.hostname or where.path.strip("/") or where.query:
        raise ValueError("write https:// and a host, without a path")
    return url.rstrip("/")


Origin = Annotated[str, AfterValidator(_origin)]


def _known_zone(name: str) -> str:
    if name != "UTC" and name not in available_timezones():
        raise ValueError("no such time zone; write one such as Europe/Berlin")
    return name


Timezone = Annotated[str, AfterValidator(_known_zone)]


def one_word_each(objects: Mapping[str, str], thing: str) -> Mapping[str, str]:
    """Raises ValueError. ``thing``: what the CRM calls an object."""
    if len(set(objects.values())) < len(objects):
        raise ValueError(f"two words mean the same {thing}: what is read back could be either")
    return objects


def vocabulary(usual: Mapping[str, str], stated: Mapping[str, str]) -> Mapping[str, str]:
    """Word -> object: a default gives way to a word or an object that is stated."""
    taken = set(stated.values())
    return {**{word: name for word, name in usual.items() if name not in taken}, **stated}

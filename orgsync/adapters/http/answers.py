"""What came back: an answer, or a failure and what is known about it; JSON and the vendor's words.

Never: shows a secret, takes a page for people as JSON, takes half a document for a whole one.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_LONGEST = 300
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic|(?:session|token)(?=\s+\S*\d))\s+[\w.~+/=:-]{8,}")
_WORDS = ("message", "detail", "error_description", "error", "errors", "title", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``value``: the JSON of the body where JSON was expected, None where there was none to expect (204)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    value: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt without a usable answer.

    certain   the call was surely not carried out
    again     another attempt may do better
    wait      seconds after which the server wants to be asked again, where it says so
    remedy    what to do about it, where the answer's status does not tell
    """

    why: str
    certain: bool = False
    again: bool = False
    wait: float | None = None
    remedy: str = ""
    answer: Answer | None = field(default=None, repr=False)

    @property
    def status(self) -> int | None:
        return self.answer.status if self.answer is not None else None


class NotJson(Exception):
    """``lasting``: the server means it, as with a login page; otherwise it may have been an accident."""

    def __init__(self, why: str, *, lasting: bool = False) -> None:
        super().__init__(why)
        self.lasting = lasting


def json_of(answer: Answer) -> Any:
    """Raises NotJson for another content type, an empty body and whatever is not exactly one JSON document."""
    if not answer.content:
        raise NotJson("it is empty where JSON was expected")
    sort = answer.headers.get("Content-Type", "json").partition(";")[0]
    if "json" not in sort.lower():
        raise NotJson(f"it is {sort[:50]} where JSON was expected", lasting=True)
    try:
        return json.loads(answer.content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotJson("it is not JSON") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def said(answer: Answer, secrets: Iterable[str]) -> object:
    """The JSON of a refusal without our secrets; None where it is no JSON."""
    try:
        return _scrubbed(json_of(answer), _forms(secrets))
    except (NotJson, RecursionError):
        return None


def words(answer: Answer, told: object, secrets: Iterable[str]) -> str:
    """What the vendor says, on one line, shortened, without our secrets; empty where it is a page for people.

    ``told``: what ``said`` gives of the same answer.
    """
    text = _text(told)
    if told is None and answer.headers.get("Content-Type", "").startswith("text/plain"):
        text = _hidden(answer.content.decode(errors="replace"), _forms(secrets))
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _text(value: object) -> str:
    """Where vendors put the sentence: in a text of that name, however deep, or in the first of a list."""
    if isinstance(value, dict):
        return next((text for name in _WORDS if (text := _text(value.get(name)))), "")
    if isinstance(value, list):
        return next((text for one in value if (text := _text(one))), "")
    return value if isinstance(value, str) else ""


def _scrubbed(value: object, forms: list[str]) -> object:
    if isinstance(value, dict):
        return {_hidden(name, forms): _scrubbed(one, forms) for name, one in value.items()}
    if isinstance(value, list):
        return [_scrubbed(one, forms) for one in value]
    return _hidden(value, forms) if isinstance(value, str) else value


def _hidden(text: str, forms: list[str]) -> str:
    for form in forms:
        text = text.replace(form, "***")
    return _AUTHORIZATION.sub(r"\1 ***", text)


def _forms(secrets: Iterable[str]) -> list[str]:
    """As they are, as addresses and as headers quote them; the longest first."""
    found = {form for one in secrets for form in (one, quote(one, safe=""), b64encode(one.encode()).decode())}
    return sorted(found - {""}, key=len, reverse=True)

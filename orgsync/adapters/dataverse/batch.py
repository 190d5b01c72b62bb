"""Batches: change sets of operations in one multipart request, and what became of each.

In: operations; a multipart answer. Out: bytes; one result per change set. Never: takes half an answer for a whole one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any
from uuid import uuid4

from orgsync.errors import UnknownOutcome

_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``path``: below the service root."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)


ChangeSet = Sequence[Operation]
"""Carried out as a whole, in this order, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one change set; where it failed, the status, code and words of the operation that did."""

    status: int = 0
    code: str = ""
    message: str = ""

    @property
    def done(self) -> bool:
        return not (self.status or self.code)

    @property
    def text(self) -> str:
        return ": ".join(part for part in (self.code or str(self.status), self.message) if part)


def written(root: str, sets: Sequence[ChangeSet]) -> tuple[str, bytes]:
    """(content type, body). ``root``: the path of the service; lines end as HTTP wants them."""
    outer = f"batch_{uuid4()}"
    lines: list[str] = []
    for operations in sets:
        inner = f"changeset_{uuid4()}"
        lines += [f"--{outer}", f"Content-Type: multipart/mixed; boundary={inner}", ""]
        for at, one in enumerate(operations, start=1):
            lines += [f"--{inner}", *_part(root, at, one)]
        lines += [f"--{inner}--", ""]
    lines += [f"--{outer}--", ""]
    return f"multipart/mixed; boundary={outer}", "\r\n".join(lines).encode()


def _part(root: str, at: int, one: Operation) -> Iterator[str]:
    yield from ("Content-Type: application/http", "Content-Transfer-Encoding: binary", f"Content-ID: {at}", "")
    yield f"{one.method} {root}{one.path} HTTP/1.1"
    yield from (f"{name}: {value}" for name, value in one.headers.items())
    if one.body is None:
        yield from ("", "")
        return
    text = json.dumps(one.body)  # ASCII, so that characters are bytes
    yield from ("Content-Type: application/json; type=entry", f"Content-Length: {len(text)}", "", text)


def results(content_type: str, content: bytes, sets: Sequence[ChangeSet]) -> list[Result]:
    """One per change set, in order. Raises UnknownOutcome where the answer does not say."""
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + content)
    parts = _parts_of(message)
    if len(parts) != len(sets):
        raise UnknownOutcome("the answer does not say what became of each change set")
    return [_result(part, len(operations)) for part, operations in zip(parts, sets, strict=True)]


def _parts_of(message: Message) -> list[Message]:
    """Raises UnknownOutcome for what is no multipart, or ends before its end."""
    parts = message.get_payload()
    if not message.is_multipart() or message.defects or not isinstance(parts, list):
        raise UnknownOutcome("the answer to a batch is none")
    return [part for part in parts if isinstance(part, Message)]


def _result(part: Message, count: int) -> Result:
    """A change set that failed has one answer, in a multipart of its own or without."""
    inner = [part] if part.get_content_type() == "application/http" else _parts_of(part)
    answers = [_http(one) for one in inner]
    failed = next(((status, body) for status, body in answers if not _fine(status)), None)
    if failed is not None:
        return _refusal(*failed)
    if len(answers) != count:
        raise UnknownOutcome("the answer does not say what became of each operation")
    return Result()


def _fine(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004


def _http(part: Message) -> tuple[int, bytes]:
    content = part.get_payload(decode=True)
    if part.get_content_type() != "application/http" or not isinstance(content, bytes):
        raise UnknownOutcome("a part of the answer is no answer of HTTP")
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/") or not rest[:3].isdigit():
        raise UnknownOutcome("a part of the answer has no status")
    return int(rest[:3]), body


def _refusal(status: int, body: bytes) -> Result:
    code, message = error_of(_json(body))
    return Result(status=status, code=code, message=message)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


def error_of(said: object) -> tuple[str, str]:
    """(code, message) as Dataverse puts them; empty where it says none."""
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or ""), str(error.get("message") or "")

"""Batches as the service takes them: multipart/mixed with CRLF, change sets inside, Content-ID on every operation.

In: a content type and bytes; answers. Out: requests; a content type and bytes. Never: mends what is not as documented.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fakes.dataverse.csdl import bad

_MIXED = re.compile(r'multipart/mixed;\s*boundary="?([\w.()+-]{1,70})"?\Z')
_LINE = re.compile(r"(GET|POST|PATCH|DELETE) (/\S+) HTTP/1\.1\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    body: bytes
    id: str


def requests(content_type: str, content: bytes) -> list[list[Request]]:
    """One list per change set."""
    sets = [_change_set(headers, body) for headers, body in _parts(content_type, content)]
    if not sets:
        raise bad("The batch is empty.")
    return sets


def _change_set(headers: dict[str, str], body: bytes) -> list[Request]:
    found = [_request(*part) for part in _parts(headers.get("content-type", ""), body)]
    if len({one.id for one in found}) < len(found):
        raise bad("A Content-ID is used twice.")
    return found


def _parts(content_type: str, content: bytes) -> list[tuple[dict[str, str], bytes]]:
    found = _MIXED.match(content_type)
    if found is None:
        raise bad(f"multipart/mixed is expected, and not {content_type!r}")
    if re.search(rb"(?<!\r)\n", content):
        raise bad("Lines of a batch end with CRLF.")
    mark = b"--" + found[1].encode()
    head, *parts = content.split(mark)
    if head or not parts or not parts[-1].startswith(b"--"):
        raise bad("The batch does not end with its boundary.")
    return [_split(part.removeprefix(b"\r\n").removesuffix(b"\r\n")) for part in parts[:-1]]


def _split(part: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = part.partition(b"\r\n\r\n")
    lines = [line.decode("ascii").partition(":") for line in head.split(b"\r\n")]
    return {name.strip().lower(): value.strip() for name, _, value in lines}, body


def _request(headers: dict[str, str], content: bytes) -> Request:
    if headers.get("content-type") != "application/http" or headers.get("content-transfer-encoding") != "binary":
        raise bad("An operation is of type application/http, in binary.")
    if not headers.get("content-id", "").isdigit():
        raise bad("Content-ID header not present or not valid.")
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    found = _LINE.match(first)
    if found is None:
        raise bad(f"no request line: {first!r}")
    if found[1] == "GET":
        raise bad("A change set cannot contain GET requests.")
    inner = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" in inner and int(inner["content-length"]) != len(body):
        raise bad("Content-Length is another than the body's.")
    return Request(method=found[1], target=found[2], headers=inner, body=body, id=headers["content-id"])


def replies(sets: Sequence[Sequence[Reply]], *, bare: bool) -> tuple[str, bytes]:
    """``bare``: a change set that failed is answered without a multipart of its own (OData 4.0, 11.7.4)."""
    outer, lines = "batchresponse_1", list[bytes]()
    for number, answers in enumerate(sets):
        lines.append(f"--{outer}".encode())
        if bare and answers[0].status >= 400:
            lines += _reply(answers[0])
            continue
        inner = f"changesetresponse_{number}"
        lines += [f"Content-Type: multipart/mixed; boundary={inner}".encode(), b""]
        for one in answers:
            lines += [f"--{inner}".encode(), *_reply(one)]
        lines += [f"--{inner}--".encode(), b""]
    lines += [f"--{outer}--".encode(), b""]
    return f"multipart/mixed; boundary={outer}", b"\r\n".join(lines)


def _reply(one: Reply) -> list[bytes]:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", f"Content-ID: {one.id}", ""]
    head += [f"HTTP/1.1 {one.status} Whatever", "OData-Version: 4.0"]
    if one.body:
        head.append("Content-Type: application/json; odata.metadata=minimal")
    return [line.encode() for line in head] + [b"", one.body]

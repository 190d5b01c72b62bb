"""Bytes to text: what cannot be YAML at all.

In: a file's bytes. Out: None, or the finding. Never: a value.
"""

import re

from orgsync.finding import Finding, Position
from orgsync.load.values import MAX_DEPTH


def without_mark(content: bytes) -> bytes:
    return content.removeprefix(b"\xef\xbb\xbf")


_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_HARMLESS = bytes([*b"\t\n\r", *range(0x20, 0x7F)])
ESCAPED = re.compile(f"[\r{_CONTROLS}]")  # in a value no carriage return ends a line: it would hide what precedes it
CONTROL_FAULT = ("control-character", "a control character is not allowed")
TOO_DEEP = ("too-deep", "nested too deeply", f"more than {MAX_DEPTH} levels", "flatten the document")


def undecodable(content: bytes, file: str) -> Finding | None:
    if content.isascii() and not content.translate(None, _HARMLESS):
        return None  # nearly every file, in a third of the time
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _not_utf8(file, 1, 1, "it is UTF-16 or UTF-32")
    try:
        text = without_mark(content).decode()
    except UnicodeDecodeError as error:
        before = without_mark(content)[: error.start]
        line, column = before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        return _not_utf8(file, line, column, f"byte 0x{without_mark(content)[error.start]:02x}")
    if (found := _CONTROL.search(text)) is None:
        return None
    start = found.start()
    return Finding(
        code=CONTROL_FAULT[0],
        summary=CONTROL_FAULT[1],
        detail=f"U+{ord(found.group()):04X}",
        remedy="remove it",
        position=Position(file=file, line=text.count("\n", 0, start) + 1, column=start - text.rfind("\n", 0, start)),
    )


def _not_utf8(file: str, line: int, column: int, detail: str) -> Finding:
    return Finding(
        code="not-utf-8",
        summary="the file is not UTF-8",
        detail=detail,
        remedy="save it as UTF-8",
        position=Position(file=file, line=line, column=column),
    )

"""The file orgsync.yaml: its bytes, and findings about it.

In: a path. Out: bytes. Never: follows a link, waits for a pipe, or reads more than a mebibyte.
"""

import errno
from pathlib import Path
from typing import BinaryIO

from orgsync.errors import InvalidInput
from orgsync.finding import Finding, Position

FILE = "orgsync.yaml"
_MAX_BYTES = 1024 * 1024


def content_of(path: Path) -> bytes:
    if path.is_symlink():  # to a file whose words would be repeated as wrong ones
        link = "orgsync.yaml is a link"
        raise InvalidInput([finding("link-not-followed", "a link is not followed", link, "put the file itself here")])
    try:
        with _opened(path) as stream:
            content = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidInput(
            [finding("no-settings", "this is not an organization repository", f"no {FILE} here", "run orgsync init")]
        ) from None
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise InvalidInput([finding("unreadable-file", "a file cannot be read", detail, "check its rights")]) from None
    if len(content) > _MAX_BYTES:
        raise InvalidInput([finding("file-too-large", "a file is too large", "more than 1 MiB", "shorten it")])
    return content


def _opened(path: Path) -> BinaryIO:
    """Opening a pipe could wait for ever."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file")
    return path.open("rb")


def finding(code: str, summary: str, detail: str, remedy: str, position: Position | None = None) -> Finding:
    where = position or Position(file=FILE)
    return Finding(code=code, summary=summary, detail=detail, remedy=remedy, position=where)

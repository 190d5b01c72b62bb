"""Take secrets out of texts that may quote them: driver messages, addresses, headers.

In: a text and the environment. Out: the text with stars. Never: shortens anything else.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from orgsync.cli.output import Output
from orgsync.references import from_keyring

_NAMES = re.compile(r"(?i)secret|token|pass|pwd|credential|private|api_?key|_key$|^key|auth|dsn|(^|_)pat$")
_USERINFO = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")
_HEADER = re.compile(r"(?i)\b(bearer|basic|token)\s+[\w.~+/=-]{8,}")
_PAIR = re.compile(
    r"(?i)([\w-]{0,60}(?:secret|token|password|passwd|pwd|api_?key))(\"?\s{0,9}[=:]\s*\"?)([^\s\"'&,;}]+)"
)
_FOLDERS = frozenset({"PWD", "OLDPWD"})
"""Every shell sets them: where it is, and where it was."""
_SHORTEST = 6


def redact(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Values of environment variables that the settings refer to or that are named like secrets, in whatever way they
    are written; passwords in addresses, bearer tokens."""
    stated = os.environ if environment is None else environment
    secret = {name: value for name, value in stated.items() if name in Output.referenced or _like_a_secret(name)}
    known = [*sorted(secret.items()), *(("keyring", value) for value in sorted(from_keyring))]
    forms = {form: name for name, value in known for form in _forms(value) if len(form) >= _SHORTEST}
    for form in sorted(forms, key=len, reverse=True):  # no part of one is left by another
        text = text.replace(form, f"***{forms[form]}***")
    text = _USERINFO.sub(r"\1:***@", text)
    text = _HEADER.sub(r"\1 ***", text)
    return _PAIR.sub(r"\1\2***", text)


def _like_a_secret(name: str) -> bool:
    return name not in _FOLDERS and _NAMES.search(name) is not None


def _forms(value: str) -> set[str]:
    """As it is and line by line; as addresses, Python, JSON and headers write it."""
    written = {value, *value.splitlines(), quote(value), quote(value, safe=""), quote_plus(value)}
    written |= {repr(value)[1:-1], json.dumps(value)[1:-1]}
    return written | {b64encode(value.encode(errors="surrogateescape")).decode()}

"""Take secrets out of texts that may quote them: driver messages, addresses, headers.

In: a text and the environment. Out: the text with stars. Never: shortens anything else.
"""

import os
import re
from collections.abc import Mapping

_NAMES = re.compile(r"(?i)secret|token|passw|pwd|credential|private|api_?key|_key$|^key|auth")
_USERINFO = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")
_HEADER = re.compile(r"(?i)\b(bearer|basic|token)\s+[\w.~+/=-]{8,}")
_PAIR = re.compile(
    r"(?i)([\w-]{0,60}(?:secret|token|password|passwd|pwd|api_?key))(\"?\s{0,9}[=:]\s*\"?)([^\s\"'&,;}]+)"
)
_SHORTEST = 6


def redact(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Values of environment variables that are named like secrets, passwords in addresses, bearer tokens."""
    for name, value in sorted((os.environ if environment is None else environment).items()):
        if len(value) >= _SHORTEST and _NAMES.search(name) and value in text:
            text = text.replace(value, f"***{name}***")
    text = _USERINFO.sub(r"\1:***@", text)
    text = _HEADER.sub(r"\1 ***", text)
    return _PAIR.sub(r"\1\2***", text)

r"""Make strings from YAML and from CRMs harmless where they are shown.

In: any string. Out: the same string with everything neutralised that its destination would act upon. Never: drops
a character without a trace; what cannot be shown is shown as an escape such as ``\x1b`` or ``\u202e``.
"""

import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidi overrides, zero width), surrogate, private, unassigned, line and paragraph separators."""
_PRINTABLE_ASCII = re.compile(r"[ -~]*")
_MARKDOWN = re.compile(r"[&<>\\`*_{}\[\]#|~$:]|^[-+=]")
_ASCII_FOR = str.maketrans({"·": "-", "…": "...", "→": "->", "–": "-", "—": "-", "×": "x", "≥": ">=", "≤": "<="})


def visible(text: str) -> str:
    """One line that a terminal shows as it is: no control characters, ANSI escapes or bidi overrides."""
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004


def markdown(text: str) -> str:
    """Text inside Markdown: no markup, table cell breaks, HTML, mentions, issue or address links.

    Numeric references, since backslashes would show inside ``<summary>``. A zero-width space after ``@``, in ``://``
    and in ``www.`` keeps GitHub from linking and notifying, which it does after references are resolved.
    """
    safe = _MARKDOWN.sub(lambda found: f"&#{ord(found.group())};", visible(text))
    safe = re.sub(r"(?i)(&#58;)(?=//)|(?<=www)(?=\.)", lambda found: f"{found.group()}&#8203;", safe)
    return safe.replace("@", "@&#8203;")


def annotation(text: str) -> str:
    """The message of a GitHub workflow command; line breaks stay, as ``%0A``."""
    lines = (visible(line) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def annotation_property(text: str) -> str:
    """A property (file, title) of a GitHub workflow command."""
    return annotation(text).replace(":", "%3A").replace(",", "%2C")


def printable(text: str, encoding: str) -> str:
    """What a stream of that encoding can carry: ASCII for our symbols, backslash escapes for everything else."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        folded = text.translate(_ASCII_FOR)
        name = encoding if _known(encoding) else "ascii"
        return folded.encode(name, errors="backslashreplace").decode(name)
    return text


def _known(encoding: str) -> bool:
    try:
        "".encode(encoding)
    except LookupError:
        return False
    return True

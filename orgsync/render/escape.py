r"""Make strings from YAML and from CRMs harmless where they are shown.

In: any string. Out: the same string with everything neutralised that its destination would act upon. Never: drops
a character without a trace; what cannot be shown is shown as an escape such as ``\x1b`` or ``\u202e``.
"""

import re
import unicodedata
from collections.abc import Iterator

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidi overrides, zero width), surrogate, private, unassigned, line and paragraph separators."""
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Letters, marks and signs for which nothing is drawn, so that two names that differ look the same."""
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 4
"""More accents on one letter than any language has grow over the lines above and below."""
_PRINTABLE_ASCII = re.compile(r"[ -~]*")
_MARKDOWN = re.compile(r"[&<>\\`*_{}\[\]#|~$:]")
_MERMAID = re.compile(r"(?<![^\W_])[-.]|[-.](?![^\W_])|[!-+/:-@\[-`{-~¶ﬂ]")
_BLOCK = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+= ]))(.)")
_NOT_LINKED = re.compile(
    r"(?i)&#58;(?=//|(?:[\w+-]|&#95;)+&#58;)|(?<=www)(?=\.)|&#35;(?=\d)|(?<=\bgh-)(?=\d)|@",
)
_LOG_COMMAND = re.compile(r"^([^\S\n]*):(?=:)|#(?=#\w*\[)", re.MULTILINE)
_ASCII_FOR = str.maketrans(
    {
        "·": "-",
        "…": "...",
        "→": "->",
        "–": "-",
        "—": "-",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "├": "|",
        "└": "`",
        "│": "|",
        "─": "-",
    }
)


def visible(text: str) -> str:
    """One line that a terminal shows as it is: no control characters, ANSI escapes or bidi overrides."""
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    return "".join(_characters(text))


def _characters(text: str) -> Iterator[str]:
    """A mark is spelled out where it would change a sign of ours or be one of a heap."""
    before, marks = " ", 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        stray = marks > _MOST_MARKS or (marks and before.isascii() and not before.isalnum())
        yield _spelled(character) if stray or category in _HIDDEN or _IGNORED.match(character) else character
        before = before if marks else character


def _spelled(character: str) -> str:
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004


def markdown(text: str) -> str:
    """Text inside Markdown: no markup, table cell breaks, HTML, mentions, issue or address links.

    Numeric references, since backslashes would show inside ``<summary>``. A zero-width space after ``@``, ``#`` before
    a number, in ``://``, ``www.``, ``GH-1`` and ``:word:`` keeps GitHub from linking, notifying and drawing, which it
    does after references are resolved; a ``$`` alone in an element begins no formula.
    """
    safe = _MARKDOWN.sub(lambda found: f"&#{ord(found.group())};", visible(text))
    safe = _BLOCK.sub(lambda found: f"{found[1]}&#{ord(found[2])};", safe)
    safe = _NOT_LINKED.sub(lambda found: f"{found.group()}&#8203;", safe)
    return safe.replace("&#36;", "<span>&#36;</span>")


def mermaid(text: str) -> str:
    """Text inside quotation marks of Mermaid: no end of them, HTML, Markdown, formula, icon or comment.

    Numeric references in Mermaid's own spelling, for all signs but those that only join letters. Mermaid's parser
    keeps references as ``ﬂ°…¶ß`` meanwhile, which a name must not bring along.
    """
    return _MERMAID.sub(lambda found: f"#{ord(found.group())};", visible(text))


def inert(lines: str, sign: str = r"\x{:02x}") -> str:
    """Lines for a log that a workflow runner reads: no command of theirs.

    GitHub's runner acts upon ``::error::`` at the beginning of a line, blanks aside, and upon ``##[error]`` anywhere;
    Azure's upon ``##vso[``. ``sign`` is how the destination spells a character by its number.
    """
    if "::" not in lines and "##" not in lines:  # looking at the beginning of every line takes as long as writing it
        return lines
    return _LOG_COMMAND.sub(lambda found: (found[1] or "") + sign.format(ord(found.group()[-1])), lines)


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


def cell(text: str) -> str:
    """One cell of a CSV file: no spreadsheet takes it for a formula, also none that breaks lines at semicolons."""
    return _FORMULA.sub(lambda found: f"'{found.group()}", visible(text))


_FORMULA = re.compile(r"(?:^|(?<=;))(?=[\s']*[-=+@|%＝＋－＠﹢﹣﹦﹫])")
"""Before a sign that begins a formula, in full width too (OWASP, CSV Injection); tabs are spelled out already."""


def _known(encoding: str) -> bool:
    try:
        "".encode(encoding)
    except LookupError:
        return False
    return True

"""Texts that want to act where they are shown, and readers that tell whether one did.

In: what orgsync wrote. Out: what a terminal, a Markdown renderer, a browser or a workflow runner would make of it.
The readers know nothing of how orgsync escapes; they parse as the destination does.
"""

import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from markdown_it import MarkdownIt

HARMLESS = "Harmless"

TEXTS: dict[str, str] = {
    "clear screen": "a\x1b[2J\x1b[1;1Hb",
    "colour": "\x1b[31mred\x1b[0m",
    "window title": "\x1b]0;pwned\x07",
    "terminal link": "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "device control": "\x1bP+q544e\x1b\\",
    "eight-bit control": "\x9b2J\x9d0;x\x9c",
    "overwrites itself": "remove everything\rkeep all",
    "backspaces": "evil\b\b\b\bgood",
    "bell and null": "a\x07b\x00c\x7fd",
    "two lines": "first\nsecond",
    "line and paragraph separators": "a\u2028b\u2029c\u0085d\x0be\x0cf",
    "right to left": "user\u202etxt.exe\u2066x\u2069",
    "right-to-left letters": "שלום עולם",
    "zero width": "ad\u200bmin\u200d\ufeff\u2060\u00ad",
    "tags that nobody sees": "a\U000e0041\U000e0042\U000e007f",
    "variation selectors that nobody sees": "a\ufe0f\U000e0100\U000e0101b",
    "blank letters": "a\u3164b\u115fc\uffa0d\u034fe\u17b4f",
    "a heap of accents": "Z" + "\u0301\u0334\u0489" * 40,
    "an accent on what stands before": "\u0338evil",
    "homoglyphs": "Аdmіnіѕtrаtоr",
    "wide letters": "@全角 ｜管理者＜b＞",
    "very long": "long " * 800,
    "one long word": "W" * 4_000,
    "many backticks": "`" * 30,
    "code": "`x` ``y`` ```\nz\n```",
    "table": "a | b || c |---|---|",
    "emphasis": "*a* **b** _c_ __d__ ~~e~~",
    "heading": "# big ## bigger\tx",
    "list": "- a",
    "numbered list": "1. a",
    "another numbered list": "2) a",
    "quote": "> quoted",
    "rule": "---",
    "indented": "        code",
    "task": "- [x] done",
    "alert": "[!CAUTION] not ours",
    "link": "[click](javascript:alert(1))",
    "link that closes ours": "x](javascript:alert(1))",
    "reference link": "[a]: https://evil.example 'x'",
    "footnote": "[^1] [^1]: note",
    "image": "![x](https://evil.example/pixel.png)",
    "bare address": "https://evil.example/a?b=c www.evil.example ftp://evil.example",
    "address in angles": "<https://evil.example> <a@evil.example>",
    "bare mail": "mailto:a@evil.example a@evil.example",
    "mention": "@everyone @octo-org/owners ping@here",
    "issue": "#1 GH-1 gh-2 octo/repo#3 see #45.",
    "formula": "$x$ $$y$$ $`z`$",
    "emoji code": ":boom: :tada:",
    "entity": "&lt;b&gt; &#60;i&#62; &amp;amp; &copy",
    "backslashes": "\\`x\\` \\| \\<b> \\",
    "comment": "<!-- orgsync-plan production --> --> <!--",
    "unfolds": "</details></summary><details open><summary>x",
    "ends the table": "</td></tr></table><h1>x</h1>",
    "script": "<script>alert(1)</script>",
    "element": "<img src=x onerror=alert(1)><b>bold</b>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "style": "</style><style>*{display:none}</style>",
    "data section": "<![CDATA[x]]> <?php x ?> <!DOCTYPE x>",
    "workflow error": "::error file=x,line=1::pwned",
    "workflow output": "::set-output name=digest::0 ::add-path::/tmp/evil",
    "workflow mask": "::add-mask::a",
    "workflow stop": "::stop-commands::x",
    "workflow command of the first kind": "##[error]pwned ##[add-mask]a ##[stop-commands]x ##[set-output name=a]b",
    "azure command": "##vso[task.setvariable variable=a]b ##teamcity[x]",
    "workflow line breaks": "%0A::error::x %0D%0A%3A%3A %25",
    "workflow properties": "a,title=x,line=1::y",
    "template": "{{ 7 * 7 }} {% for x in range(9) %}x{% endfor %} {# x #} ${{ github.token }}",
    "format": "{0} {name!r} %s %(x)s %n",
    "rich markup": "[bold red]x[/] [link=https://evil.example]y[/link] :warning:",
    "formula of a spreadsheet": "=cmd|' /C calc'!A0 +1 -1 @SUM(1)",
    "shell": "$(touch pwned); `touch pwned` | x && y > z",
    "json": '", "x": {"y": ["z"]}, "',
    "looks like nothing": "(nothing) -> true, (empty)",
    "no-break spaces": "\u00a0\u3000\u2003::error::x",
    "reference of the environment": "${env:HOME}",
}
"""Name -> text. Some are refused as a name, some everywhere; then they stand in findings."""

# A terminal


def controls(text: str) -> Counter[str]:
    """Characters that a terminal acts upon or hides, but for line breaks."""
    return Counter({f"U+{ord(one):04X}": count for one, count in Counter(text).items() if one != "\n" and _acts(one)})


def _acts(one: str) -> bool:
    return unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or _ignorable(ord(one))


def _ignorable(code: int) -> bool:
    """Unicode's Default_Ignorable_Code_Point beyond the format characters: nothing is drawn for them."""
    ranges = [(0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164)]
    ranges += [(0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0000, 0xE0FFF)]
    return any(start <= code <= end for start, end in ranges)


def without_colours(text: str) -> str:
    """What our own colours leave: only ``ESC [ numbers m`` is taken away."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def heaps(text: str) -> list[str]:
    """Runs of marks that grow over the neighbouring lines, and marks that change a sign of ours."""
    return re.findall(r"(?:^|[ -/:-@\[-`{-~])[\u0300-\u036f\u0483-\u0489]|[\u0300-\u036f\u0483-\u0489]{5,}", text)


# A workflow runner's log

_REGISTERED = (
    "error|warning|notice|debug|group|endgroup|add-mask|set-output|save-state|set-env|add-path|stop-commands"
    "|add-matcher|remove-matcher|echo"
)


def workflow_commands(text: str) -> list[str]:
    """What GitHub's runner acts upon: ``::name`` after blanks, ``##[name`` anywhere; and Azure's and TeamCity's."""
    return [
        line
        for line in re.split(r"\r\n|\n|\r", text)
        if re.match(rf"\s*::(?:{_REGISTERED})(?: [^\n]*?)?::", line, re.IGNORECASE)
        or re.search(rf"##\[(?:{_REGISTERED})[ \]]|##vso\[|##teamcity\[", line, re.IGNORECASE)
    ]


# Markdown and HTML

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def rendered(markdown: str) -> str:
    return str(_MARKDOWN.render(markdown))


class _Reader(HTMLParser):
    _VOID = frozenset({"br", "meta", "img", "hr", "link", "input"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: Counter[str] = Counter()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        stated = "".join(f"[{name}={value}]" for name, value in attrs)
        if tag != "span" or stated:  # a plain one changes nothing
            self.elements["/".join([*self.open, tag]) + stated] += 1
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self._VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.elements[f"unexpected end of {tag}"] += 1

    def handle_comment(self, data: str) -> None:
        known = re.fullmatch(r" (orgsync-\w+)( [\w.-]+)? ", data)  # with the target's name
        self.elements[f"comment {known[1] if known else data}"] += 1

    def handle_decl(self, decl: str) -> None:
        self.elements[f"declaration {decl}"] += 1

    def unknown_decl(self, data: str) -> None:
        self.elements[f"unknown {data}"] += 1

    def handle_pi(self, data: str) -> None:
        self.elements[f"instruction {data}"] += 1

    def handle_data(self, data: str) -> None:
        if not {"code", "pre", "style"} & set(self.open):
            self.texts.append(data)


def structure(page: str) -> Counter[str]:
    """Every element with its ancestors and attributes, how often; the same for twins, in whatever order they list."""
    return _read(page).elements


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    if reader.open:
        reader.elements[f"left open {reader.open}"] += 1
    return reader


_LINKED = re.compile(
    r"(?<![\w`])@[a-zA-Z0-9]"  # a mention
    r"|[\w.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z]"  # an address
    r"|#\d|\bgh-\d"  # an issue
    r"|(?:https?|ftp)://[\w.]|\bwww\.\w"  # a web address
    r"|(?:mailto|xmpp):[\w.]+@\w"
    r"|:(?:boom|tada|warning):"  # a picture
    r"|\$`|\$\$|\$[^\s$][^$]*[^\s$]\$",  # a formula
    re.IGNORECASE,
)


def linked(page: str) -> list[str]:
    """What GitHub turns into links, bells and pictures once the Markdown is HTML: it looks at the text only."""
    return [found for text in _read(page).texts for found in _LINKED.findall(text)]


# JSON


def strings(value: object) -> Iterator[str]:
    """Every text in a JSON value, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from strings(one)


def holds(text: str, page: str) -> bool:
    """Whether a JSON page holds exactly this text as a value or within one."""
    return any(text in one for one in strings(json.loads(page)))


def shown(page: str) -> str:
    """The text of a page, references resolved."""
    return html.unescape(page)


# YAML


def quoted(text: str) -> str:
    """A double-quoted YAML scalar in ASCII."""
    return '"' + "".join(map(_yaml, text)) + '"'


def _yaml(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    return one if " " <= one <= "~" else f"\\U{ord(one):08x}"

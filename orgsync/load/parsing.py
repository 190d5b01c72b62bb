"""Bytes to plain values, in one pass.

In: a file's bytes. Out: its documents, where their parts begin, findings. Never: raises for content.
"""

import yaml

from orgsync.finding import Finding, Position
from orgsync.load.builder import Builder, Stop, empty
from orgsync.load.text import TOO_DEEP, undecodable, without_mark
from orgsync.load.values import Marks, Value


def built(content: bytes, file: str) -> tuple[list[tuple[Value, Marks | None]], list[Finding]]:
    if (fault := undecodable(content, file)) is not None:
        return [], [fault]
    builder = Builder(file, escapes=b"\\" in content)
    try:
        builder.build(yaml.CBaseLoader(without_mark(content)))
    except yaml.YAMLError as error:
        return [], [*builder.findings, _syntax(error, content, file)]
    except Stop:
        return [], builder.findings
    return builder.built, builder.findings if builder.built else [empty(Position(file=file))]


def _syntax(error: yaml.YAMLError, content: bytes, file: str) -> Finding:
    unclosed = getattr(error, "context", None) == "while scanning a quoted scalar"
    mark = getattr(error, "context_mark" if unclosed else "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    lines = without_mark(content).decode("utf-8", "replace").splitlines()
    text = lines[line - 1] if line <= len(lines) else ""
    position = Position(file=file, line=line, column=column)
    indent = text[: len(text) - len(text.lstrip())]
    if "\t" in indent:
        return Finding(
            code="tab-indentation",
            summary="tabs cannot indent YAML",
            remedy="indent with spaces",
            position=Position(file=file, line=line, column=indent.index("\t") + 1),
        )
    problem = str(getattr(error, "problem", None) or "")
    if "nesting depth" in problem:  # newer versions of libyaml read ahead and meet a limit of their own before ours
        code, summary, detail, remedy = TOO_DEEP
        return Finding(code=code, summary=summary, detail=detail, remedy=remedy, position=position)
    return Finding(
        code="yaml-syntax",
        summary="this is not valid YAML",
        detail="a quote that begins here is never closed" if unclosed else problem,
        remedy="check indentation, colons and quotes on this line and the one before",
        position=position,
    )

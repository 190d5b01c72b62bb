"""``orgsync graph``: the organization chart, and which roles include which."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orgsync.cli.app import offering
from orgsync.cli.known import FILE, known_of, note, sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from orgsync.cli.session import Session
    from orgsync.render.picture.values import Detail, Picture

_FORMATS = ("mermaid", "dot", "svg")
_BY_NAME = {".svg": "svg", ".dot": "dot", ".gv": "dot"}
_INTO = click.option(
    "-o", "path", type=FILE, metavar="FILE", help="Write into this file; .svg and .dot say the format."
)


@click.group(name="graph")
@offering(*_FORMATS)
def graph() -> None:
    """Draw the organization chart, or which roles include which: as Mermaid (for Markdown), DOT (for Graphviz) or SVG.

    As declared, in the CRM (--live), after a saved plan, or at a past date. Where many units or roles hang in the
    picture in the same way, they share one box, which counts those that it does not name; -v names all.
    """


@graph.command(name="org", short_help="Draw units, business units, members and roles.")
@click.option("--unit", metavar="KEY", help="Only this unit and what is below it.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="So many levels of units; the rest is counted.")
@_INTO
@sources
@offering(*_FORMATS)
def org(unit: str | None, depth: int | None, path: Path | None, **sources: Any) -> int:
    """Draw every unit below its parent, with the number of its members and the roles that they hold, in the colour of
    its business unit."""
    from orgsync.errors import BadUsage
    from orgsync.render.picture.chart import chart

    session = _begin(path)
    known = known_of(session, **sources)
    resources, today = known.access.resources, session.today(sources["at"])
    if unit is not None and f"unit/{unit}" not in resources:
        raise BadUsage(f'there is no unit "{unit}"', remedy="name it by its key, such as germany-sales")

    def draw(detail: "Detail") -> "Picture":
        return chart(resources, today=today, unit=unit, detail=detail)

    _show(session, draw, _detail(session, depth), path)
    return 0


@graph.command(name="roles", short_help="Draw which roles include which.")
@_INTO
@sources
@offering(*_FORMATS)
def roles(path: Path | None, **sources: Any) -> int:
    """Draw an arrow from every role to the roles that it includes, with the number of its holders and its functions."""
    from orgsync.render.picture.roles import inclusions

    session = _begin(path)
    known = known_of(session, **sources)

    def draw(detail: "Detail") -> "Picture":
        return inclusions(known.access, known.strong, detail=detail)

    _show(session, draw, _detail(session), path)
    note(session, known)
    return 0


def _begin(path: Path | None) -> "Session":
    """Without --format, the file's name says it: nobody wants Mermaid in a file.svg."""
    from orgsync.cli.session import begin

    return begin(_BY_NAME.get(path.suffix, "") if path is not None else "")


def _detail(session: "Session", depth: int | None = None) -> "Detail":
    from orgsync.render.picture.values import Detail

    return Detail(rows=None, depth=depth) if session.options.verbose else Detail(depth=depth)


def _show(session: "Session", draw: "Callable[[Detail], Picture]", detail: "Detail", path: Path | None) -> None:
    picture, text = _drawn(session.options.format, draw, detail)
    if path is None:
        session.output.write(text)
    else:
        _save(path, text)
    if picture.counted:
        session.output.say(_left(picture.counted))


def _drawn(style: str, draw: "Callable[[Detail], Picture]", detail: "Detail") -> "tuple[Picture, str]":
    from orgsync.render.picture.dot import dot
    from orgsync.render.picture.mermaid import fitting
    from orgsync.render.picture.svg import svg

    if style == "mermaid":
        return fitting(draw, detail)
    picture = draw(detail)
    return picture, dot(picture) if style == "dot" else svg(dot(picture))


def _save(path: Path, text: str) -> None:
    from orgsync.errors import OrgsyncError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OrgsyncError(f"cannot write {path}: {error.strerror}", remedy="choose another path for -o") from None


def _left(counted: int) -> str:
    verb = "is" if counted == 1 else "are"
    return f"{counted:,} {verb} counted in the picture and not named: -v names as many as --depth and the format allow"

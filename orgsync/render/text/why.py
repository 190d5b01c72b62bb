"""Why somebody can do something: a tree for a terminal.

In: allowances with their paths. Out: lines. Never: a path left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from orgsync.access import UNKNOWN, Allowance
from orgsync.render.access import Names, unit_name
from orgsync.render.escape import visible
from orgsync.render.text.page import STYLES, Page
from orgsync.resources import NO_UNIT, Address, Kind, kind_of, parts_of

_Steps = tuple[Address, ...]
_Leaf = tuple[str, str, str, bool]
"""(object, action, scope, whether that is the highest that the user has)."""
_UNBROKEN = 10_000


def explain(
    user: str, found: Sequence[Allowance], names: Names, places: Mapping[Address, str], page: Page, *, asked: str = ""
) -> list[Text]:
    """From the user through assignments, roles and functions to privileges; dim where another path gives more."""
    name = names.get(f"{Kind.USER}/{user}", "")
    title = Text(visible(user), "bold")
    if name not in {"", user}:
        title.append(f"  {visible(name)}", "not bold dim")
    if not found:
        about = f": nothing that is held grants {visible(asked)}" if asked else ": nothing is held that grants anything"
        return [title.append(about, "not bold")]
    tree, leaves = Tree(title, guide_style="dim"), _leaves_by_steps(found)
    grown: dict[_Steps, Tree] = {}
    for steps in sorted(leaves):
        for text in _texts(leaves[steps]):
            _branch(tree, grown, steps, names, places).add(text)
    return _drawn(tree, page)


def _leaves_by_steps(found: Sequence[Allowance]) -> dict[_Steps, list[_Leaf]]:
    """An assignment and its unit are one step."""
    leaves: dict[_Steps, list[_Leaf]] = {}
    for one in found:
        for path in one.paths:
            steps = tuple(step for step in path.steps[1:] if kind_of(step) is not Kind.UNIT)
            leaves.setdefault(steps, []).append((one.object, one.action, path.scope, path.scope == one.scope))
    return leaves


def _branch(tree: Tree, grown: dict[_Steps, Tree], steps: _Steps, names: Names, places: Mapping[Address, str]) -> Tree:
    """The branch for these steps, grown where it is missing."""
    branch = tree
    for end, step in enumerate(steps, 1):
        here = steps[:end]
        before = steps[end - 2] if end > 1 else ""
        if kind_of(step) is Kind.ROLE and before.startswith(f"{Kind.GRANT}/"):
            continue  # the grant has named it
        if here not in grown:
            grown[here] = branch.add(_step(step, before, names, places))
        branch = grown[here]
    return branch


def _step(step: Address, before: Address, names: Names, places: Mapping[Address, str]) -> Text:
    key, *rest = parts_of(step)
    match kind_of(step):
        case Kind.MEMBERSHIP:
            text = Text("member of ").append(visible(unit_name(key, names)), "cyan")
        case Kind.GRANT:
            where = "" if key == NO_UNIT else f" in {unit_name(key, names)}"
            text = Text("granted role ").append(visible(rest[1]), "cyan").append(visible(where), "default")
        case Kind.ROLE:
            nested = before.startswith((f"{Kind.ROLE}/", f"{Kind.GRANT}/"))
            text = Text("includes " if nested else "which gives role ").append(visible(key), "cyan")
        case _:
            text = Text("function ").append(visible(key), "cyan")
    place = places.get(step, "")
    return text.append(f"  {visible(place)}", "dim") if place else text


def _texts(found: Sequence[_Leaf]) -> Iterator[Text]:
    """One line per object: ``opportunity: create, read (own); delete (organization)``."""
    for thing, leaves in groupby(sorted(found), key=lambda one: one[0]):
        if thing == UNKNOWN:
            yield Text("whatever this role of the CRM's own allows: not known", STYLES["warning"])
            continue
        by_scope: dict[tuple[str, bool], list[str]] = {}
        for _, action, scope, counts in leaves:
            by_scope.setdefault((scope, counts), []).append(action)
        text = Text(f"{visible(thing)}: ", "bold")
        for number, ((scope, counts), actions) in enumerate(by_scope.items()):
            text.append("; " if number else "", "not bold")
            text.append(visible(f"{', '.join(actions)} ({scope})"), "not bold green" if counts else "not bold dim")
        yield text


def _drawn(tree: Tree, page: Page) -> list[Text]:
    width = page.width if page.wrap else _UNBROKEN
    console = Console(width=width, force_terminal=True, color_system="standard", legacy_windows=False)
    options = replace(console.options, encoding="utf-8")
    rows = console.render_lines(tree, options, pad=False)
    return [Text.assemble(*((piece.text, piece.style or "") for piece in row if not piece.control)) for row in rows]

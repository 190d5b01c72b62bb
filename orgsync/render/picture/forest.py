"""Things of one kind below each other, as boxes.

In: a forest and words for what stands in it. Out: boxes and arrows. Never: runs in a ring, whatever a CRM says.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from orgsync.render.picture.values import Arrow, Box, Detail, Tone, by_name, listed
from orgsync.resources import Address, Fields, Kind

Resources = Mapping[Address, Fields]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """``order``: from the top, everything before what is below it, each with its depth.

    In a ring one thing is the topmost, and its parent one of those below it.
    """

    parents: Mapping[Address, Address]
    children: Mapping[Address, Sequence[Address]]
    order: Mapping[Address, int]

    def below(self, top: Address) -> Iterator[Address]:
        """All that is below it, without itself."""
        waiting = [top]
        while waiting:
            above = waiting.pop()
            found = [one for one in self.children.get(above, ()) if self.order[one] == self.order[above] + 1]
            waiting += found
            yield from found


def forest_of(resources: Resources, kind: Kind, *, top: Address | None = None) -> Forest:
    """By name. ``top``: only this one and what is below it."""
    found = sorted((a for a in resources if a.startswith(f"{kind}/")), key=partial(by_name, resources))
    parents = {one: above for one in found if (above := f"{kind}/{resources[one].get('parent')}") in resources}
    children: dict[Address, list[Address]] = defaultdict(list)
    for one, above in parents.items():
        children[above].append(one)
    order: dict[Address, int] = {}
    for one in [top] if top is not None else [*(one for one in found if one not in parents), *found]:  # rings last
        _descend(one, children, order)
    kept = {one: above for one, above in parents.items() if one in order and one != top}
    return Forest(parents=kept, children=children, order=order)


def _descend(top: Address, children: Mapping[Address, Sequence[Address]], order: dict[Address, int]) -> None:
    waiting = [(top, 0)]
    while waiting:
        one, depth = waiting.pop()
        if one not in order:
            order[one] = depth
            waiting += [(child, depth + 1) for child in reversed(children.get(one, ()))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said of a thing; the last argument: what is below it and not drawn.

    lines   in a box of its own
    row     in a box that it shares
    title   of such a box
    hue     its colour, or None
    """

    lines: Callable[[Address, Sequence[Address]], tuple[str, ...]]
    row: Callable[[Address, Sequence[Address]], str]
    title: Callable[[Sequence[Address], Sequence[Address]], str]
    hue: Callable[[Address], int | None]


@dataclass(slots=True)
class Drawn:
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    counted: int = 0

    def add(self, box: Box, above: Address | None) -> None:
        """``above``: what it hangs on, or None."""
        self.boxes.append(box)
        if above is not None:
            self.arrows.append(Arrow(start=above, end=box.key))


def draw(forest: Forest, words: Words, detail: Detail) -> Drawn:
    """Things at the end of a branch share a box where there are many of them."""
    shown = {one for one, depth in forest.order.items() if detail.depth is None or depth < detail.depth}
    drawn = Drawn(counted=len(forest.order) - len(shown))
    alike = _alike(forest, shown, words, detail.alone)
    shared = {one for several in alike.values() for one in several}
    for one in forest.order:
        if one in shown and one not in shared:
            box = _box(one, words.lines(one, _hidden(forest, one, detail)), words.hue(one))
            drawn.add(box, above if (above := forest.parents.get(one)) in shown else None)
    for above, several in alike.items():
        box, left = _shared(several, f"{above}/alike", forest, words, detail)
        drawn.add(box, above if above in shown else None)
        drawn.counted += left
    return drawn


def _hidden(forest: Forest, one: Address, detail: Detail) -> Sequence[Address]:
    """What is below it, where it is as deep as the picture."""
    return [*forest.below(one)] if forest.order[one] + 1 == detail.depth else []


def _shared(several: Sequence[Address], key: str, forest: Forest, words: Words, detail: Detail) -> tuple[Box, int]:
    """The box, and how many of them it does not name."""
    hidden = {one: _hidden(forest, one, detail) for one in several}
    title = words.title(several, [below for found in hidden.values() for below in found])
    lines, left = listed(title, (words.row(one, hidden[one]) for one in several), detail.rows)
    hues = {words.hue(one) for one in several}
    return _box(key, lines, hues.pop() if len(hues) == 1 else None), left


def _alike(forest: Forest, shown: set[Address], words: Words, alone: int) -> Mapping[Address, Sequence[Address]]:
    """What they hang on -> things without anything drawn below them; topmost ones of one colour hang on nothing."""
    found: dict[Address, list[Address]] = defaultdict(list)
    for one in forest.order:
        if one in shown and not any(child in shown for child in forest.children.get(one, ())):
            found[forest.parents.get(one, f"top {words.hue(one)}")].append(one)
    return {above: several for above, several in found.items() if len(several) > alone}


def _box(key: str, lines: tuple[str, ...], hue: int | None) -> Box:
    return Box(key=key, lines=lines) if hue is None else Box(key=key, lines=lines, tone=Tone.HUE, hue=hue)

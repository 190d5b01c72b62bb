"""What one change does to each field, for people: down to ``privileges.opportunity.delete`` and ``roles[sales-rep]``.

In: a change. Out: attribute changes. Never: looks at anything that does not change; deepdiff walks the fields of one
changed resource, never the organization.
"""

from orgsync.change import Action, AttributeChange, Change
from orgsync.resources import FIELDS, Json, Shape


def attributes(change: Change) -> list[AttributeChange]:
    """By name, so that a plan reads the same whether it was made now or opened from a file, where names are sorted."""
    before, after = change.before or {}, change.after or {}
    found: list[AttributeChange] = []
    for name in sorted({*before, *after}):
        found += _attribute(change, name, before.get(name), after.get(name))
    return found


def _attribute(change: Change, name: str, before: Json, after: Json) -> list[AttributeChange]:
    spec = FIELDS[change.kind].get(name)
    if change.action is not Action.UPDATE or spec is None or not (before and after):
        return [AttributeChange(path=name, before=before, after=after)]
    if (was := _set(before)) is not None and (now := _set(after)) is not None:
        return [_link(name, key, key in was) for key in sorted(was ^ now)]
    if spec.shape in {Shape.MAP, Shape.REF_MAP, Shape.VALUE} and type(before) is type(after):
        return _explain(name, before, after)
    return [AttributeChange(path=name, before=before, after=after)]


def _set(value: Json) -> set[str] | None:
    """Lists of words are sets wherever resources hold them: sorted, without repetition."""
    words = {item for item in value if isinstance(item, str)} if isinstance(value, list) else None
    return words if words is not None and isinstance(value, list) and len(words) == len(value) else None


def _link(name: str, key: str, was: bool) -> AttributeChange:  # noqa: FBT001
    return AttributeChange(path=f"{name}[{key}]", before=key if was else None, after=None if was else key)


def _explain(name: str, before: Json, after: Json) -> list[AttributeChange]:
    from deepdiff import DeepDiff  # noqa: PLC0415  (0.2 s to import, and most plans never need it)

    tree = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    found = [
        AttributeChange(
            path=_path(name, level.path(output_format="list")), before=_side(level.t1), after=_side(level.t2)
        )
        for levels in tree.values()
        for level in levels
    ]
    return sorted(found, key=lambda attribute: attribute.path)


def _path(name: str, keys: list[str | int]) -> str:
    return name + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _side(value: object) -> Json:
    """deepdiff marks a missing side with an object of its own."""
    return value if isinstance(value, (bool, int, str, list, dict)) else None

"""``orgsync doctor``: can we log in and read, and what is missing."""

from collections import Counter
from typing import TYPE_CHECKING, NoReturn

import click

from orgsync.cli.app import shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orgsync.adapter import Adapter
    from orgsync.cli.session import Session
    from orgsync.finding import Finding


@click.command(name="doctor")
@shared
def doctor() -> int:
    """Check whether targets can be reached and read; --target checks one, else all are checked.

    Reads only. Exits with 1 where something is missing or cannot be read.
    """
    from orgsync.cli.progress import watching
    from orgsync.cli.session import begin
    from orgsync.render import shapes

    session = begin()
    names = [session.target] if session.options.target else sorted(session.settings.targets)
    checked: list[dict[str, object]] = []
    for name in names:  # what is known is shown while the next one lets us wait
        with watching(session.output) as watch, watch.stage(f"asking {name}"):
            one, able = _check(name, session)
        if session.options.format == "text":
            session.output.write("\n" if checked else "")
            _show(one, able, session)
        checked.append(one)
    if session.options.format == "json":
        session.output.write(shapes.text(checked))
    return 0 if all(one["ok"] for one in checked) else 1


_Checked = tuple[dict[str, object], "Sequence[tuple[str, str]]"]
"""What is told as JSON, and what the CRM can express, for people."""


def _check(name: str, session: "Session") -> _Checked:
    """Opens, asks the adapter's own doctor, and reads."""
    from orgsync.adapters import open_adapter
    from orgsync.cli.redact import redact
    from orgsync.errors import OrgsyncError

    target = session.settings.targets[name]
    try:
        with open_adapter(
            target.adapter,
            target,
            session.root,
            writable=False,
            actor=session.actor,
            environment=session.environment,
            clock=_never,
        ) as adapter:
            return _examine(name, target.adapter, adapter)
    except OrgsyncError as error:
        trouble = _trouble("the target cannot be used", redact(str(error)), redact(error.remedy))
        return {"target": name, "adapter": target.adapter, "ok": False, "findings": [trouble.to_json()]}, ()


def _never() -> NoReturn:
    raise AssertionError("a read asks for no time")


def _examine(name: str, kind: str, adapter: "Adapter") -> _Checked:
    """What the adapter says of itself comes first: it knows best why something cannot be read."""
    from orgsync.adapter import HasDoctor
    from orgsync.finding import has_errors
    from orgsync.render import abilities

    own = tuple(adapter.doctor()) if isinstance(adapter, HasDoctor) else ()
    read, others = _read(adapter)
    said = {one.detail for one in own}
    found = (*own, *(one for one in others if one.detail not in said))
    return {
        "target": name,
        "adapter": kind,
        "ok": not has_errors(found),
        "identity": adapter.identity,
        "read": read,
        "capabilities": abilities.to_json(adapter.capabilities),
        "findings": [one.to_json() for one in found],
    }, abilities.rows(adapter.capabilities)


def _read(adapter: "Adapter") -> "tuple[dict[str, int] | None, Sequence[Finding]]":
    """(resources by kind, findings); nothing of a CRM that cannot be read completely."""
    from orgsync.adapter import Scope
    from orgsync.cli.redact import redact
    from orgsync.errors import AdapterError

    try:
        live = adapter.read(Scope())
    except AdapterError as error:
        return None, [_trouble("the target cannot be read", redact(str(error)), redact(error.remedy))]
    read = Counter(address.partition("/")[0] for address in live.resources)
    return {**read, "foreign": len(live.foreign)}, live.findings


def _trouble(summary: str, detail: str, remedy: str) -> "Finding":
    from orgsync.finding import Finding

    return Finding(code="target-unusable", summary=summary, detail=detail, remedy=remedy)


def _show(one: dict[str, object], able: "Sequence[tuple[str, str]]", session: "Session") -> None:
    from orgsync.render import text
    from orgsync.render.view import value_text

    pairs = [("target", f"{one['target']} ({one['adapter']})"), ("ready", "yes" if one["ok"] else "NO")]
    pairs += [(name, value_text(value)) for name in ("identity", "read") if (value := one.get(name))]  # type: ignore[arg-type]
    pairs += able
    found = one["findings"]
    for finding in found if isinstance(found, list) else []:
        said = ": ".join(filter(None, (finding["summary"], finding["detail"])))
        pairs.append((finding["severity"], said))
        pairs += [("  remedy", finding["remedy"])] if finding["remedy"] else []
    session.output.lines(text.facts(pairs, session.output.page()))

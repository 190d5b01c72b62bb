"""``orgsync targets``: which CRMs the settings name."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from orgsync.cli.app import shared

if TYPE_CHECKING:
    from orgsync.settings import Settings, TargetSettings

_REFERENCE = re.compile(r"\$\{env:([^}]+)\}")


@click.command(name="targets")
@click.option("--adapters", is_flag=True, help="List the adapters instead, and what each CRM can express.")
@shared
def targets(*, adapters: bool) -> int:
    """List the configured targets: adapter, address, policies, and whether the credentials are set.

    --target lists one.
    """
    if adapters:
        return _adapters()
    return _targets()


def _adapters() -> int:
    from orgsync.adapters import adapter_names, opener_of
    from orgsync.cli.session import begin
    from orgsync.render import abilities, shapes, text

    session = begin()
    found = {name: opener_of(name).CAPABILITIES for name in adapter_names()}
    if session.options.format == "json":
        session.output.write(shapes.text({name: abilities.to_json(able) for name, able in found.items()}))
        return 0
    for name, able in found.items():
        session.output.lines(text.facts([("adapter", name), *abilities.rows(able)], session.output.page()))
        session.output.write("\n")
    return 0


def _targets() -> int:
    from orgsync.cli.session import begin
    from orgsync.render import shapes, text

    session = begin()
    names = [session.target] if session.options.target else sorted(session.settings.targets)
    found = [_target(name, session.settings, session.environment) for name in names]
    if session.options.format == "json":
        session.output.write(shapes.text(found))
        return 0
    if not found:
        session.output.write("No targets in orgsync.yaml.\n")
        return 0
    titles = ("target", "adapter", "url", "unknown users", "removes", "credentials")
    session.output.lines(text.table(titles, [_row(one) for one in found], session.output.page()))
    return 0


def _target(name: str, settings: "Settings", environment: Mapping[str, str]) -> dict[str, object]:
    from orgsync.cli.redact import redact

    target = settings.targets[name]
    return {
        "name": name,
        "default": name == settings.default_target,
        "adapter": target.adapter,
        "url": redact(str(target.url)) if target.url else None,
        "missingUsers": target.missing_users,
        "prune": sorted(target.prune),
        "credentials": {variable: bool(environment.get(variable)) for variable in variables(target)},
    }


def variables(target: "TargetSettings") -> list[str]:
    """Names of the environment variables that the target's credentials refer to."""
    return sorted({name for value in target.credentials.values() for name in _REFERENCE.findall(str(value))})


def _row(one: Mapping[str, object]) -> tuple[str, ...]:
    credentials, prune = one["credentials"], one["prune"]
    missing = [name for name, there in credentials.items() if not there] if isinstance(credentials, dict) else []
    return (
        f"{one['name']}{' (default)' if one['default'] else ''}",
        str(one["adapter"]),
        str(one["url"] or ""),
        str(one["missingUsers"]),
        ", ".join(prune) if isinstance(prune, list) else "",
        f"not set: {', '.join(missing)}" if missing else "set" if credentials else "none needed",
    )

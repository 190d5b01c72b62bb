"""Can we log in, is everything there, may we write: asked without writing.

In: a server, options. Out: findings, in Tryton's words where it has some. Never: raises for what it finds.
"""

from collections.abc import Iterator, Mapping

from orgsync.adapters.diagnosis import fact, trouble, warning
from orgsync.adapters.tryton.api import Server
from orgsync.adapters.tryton.options import Options
from orgsync.errors import AdapterError
from orgsync.finding import Finding

_MODULES = ("party", "company", "user_role")
_WRITTEN = (
    "res.group",
    "res.role",
    "res.user",
    "res.user.role",
    "ir.model.access",
    "party.party",
    "company.company",
)
_SERIES = ("8.",)


def examine(server: Server, options: Options) -> list[Finding]:
    try:
        return [*_findings(server, options)]
    except AdapterError as error:
        return [trouble(str(error), error.remedy)]


def _findings(server: Server, options: Options) -> Iterator[Finding]:
    version = server.version()
    yield fact("Tryton answers", f"version {version}")
    if not version.startswith(_SERIES):
        yield warning("this version of Tryton was not tried", version, "expect 8.x")
    active = {one["name"] for one in server.table("ir.module", [["state", "=", "activated"]], ["name"])}
    missing = [name for name in _MODULES if name not in active]
    if missing:
        yield trouble(f"modules are missing: {', '.join(missing)}", f"trytond-admin -u {' '.join(missing)}")
        return
    yield fact("the modules are there", ", ".join(_MODULES))
    yield _permission(server.ask("model.ir.model.access.get_access", list(_WRITTEN)))
    yield from _currency(server, options)
    yield from _cron(server)
    yield from _models(server, options.models)


def _permission(access: Mapping[str, Mapping[str, object]]) -> Finding:
    """Of the login that orgsync has; administrators may do everything."""
    denied = [model for model in _WRITTEN if not all(access.get(model, {}).values())]
    if denied:
        return trouble(f"this login may not write {', '.join(denied)}", "make it an administrator, or grant it these")
    return fact("writing is allowed", ", ".join(_WRITTEN))


def _currency(server: Server, options: Options) -> Iterator[Finding]:
    if not server.table("currency.currency", [["code", "=", options.currency]], ["code"]):
        yield warning(
            "business units cannot be created",
            f"there is no currency {options.currency}, and every company needs one",
            "create it in Tryton, or state another `currency`",
        )


def _cron(server: Server) -> Iterator[Finding]:
    """Without it, what ends is only taken away when somebody writes the user."""
    domain = [["method", "=", "res.user|sync_roles"], ["active", "=", True]]
    if not server.table("ir.cron", domain, ["method"]):
        yield warning(
            "assignments do not end by themselves",
            'the scheduled task "Synchronize Users Roles" is not active',
            "activate it, and run trytond-cron",
        )


def _models(server: Server, models: Mapping[str, str]) -> Iterator[Finding]:
    wanted = sorted(set(models.values()))
    known = {one["name"] for one in server.table("ir.model", [["name", "in", wanted]], ["name"])}
    if lacking := [f"{word} ({model})" for word, model in sorted(models.items()) if model not in known]:
        yield fact("some words mean models that are not there", ", ".join(lacking))
    closed = [["group", "=", None], ["model", "in", wanted]]
    held = {one["model"] for one in server.table("ir.model.access", closed, ["model"])}
    if opened := [f"{word} ({model})" for word, model in sorted(models.items()) if model in known - held]:
        yield warning(
            "some models are open to everybody",
            f"whoever has no role for them may do everything with {', '.join(opened)}",
            "add an access row without a group and without permissions in Tryton",
        )

"""The table of commands, the options that all of them share, and the way out.

Imports nothing but Click and what it brings along, so that ``--help`` answers at once.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from orgsync import __version__
from orgsync.cli.options import Options

if TYPE_CHECKING:
    from orgsync.replay.asking import Asked

COMMANDS = {
    "init": "Scaffold an organization repository that works at once.",
    "validate": "Check the YAML: no CRM, no credentials.",
    "plan": "Show what would change, risky things first.",
    "apply": "Apply a saved plan; or plan, show, ask, and apply.",
    "access": "Show who can do what, and why.",
    "graph": "Draw the organization chart, or which roles include which.",
    "drift": "Show what changed in the CRM without a commit.",
    "show": "Show a saved plan.",
    "history": "List earlier runs, or what one of them did; verify the journal.",
    "rollback": "Plan to take back what a run did.",
    "targets": "List the configured targets.",
    "doctor": "Check whether targets can be reached and read.",
    "schema": "Print or write the JSON Schemas of the documents.",
    "completion": "Print the script for shell completion.",
}
"""Name -> what the list of commands says; the module ``orgsync.cli.NAME`` holds the command ``NAME``."""

FORMATS = ("text", "json", "markdown", "html", "github", "sarif")
"""Of whatever shows a plan."""
ALL_FORMATS = (*FORMATS, "csv", "mermaid", "dot", "svg")


class _Commands(click.Group):
    """Commands are imported when asked for; their names and summaries are known without."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"orgsync.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(f"there is no command '{name}'{_did_you_mean(name)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _did_you_mean(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f" (did you mean '{near[0]}'?)" if near else "; orgsync --help lists them"


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    options = ctx.ensure_object(Options)
    if value is None or ctx.get_parameter_source(str(parameter.name)) is click.core.ParameterSource.DEFAULT:
        return
    if parameter.name == "verbose":
        options.verbosity = 1
    elif parameter.name == "quiet":
        options.verbosity = -1
    else:
        setattr(options, str(parameter.name), value)


def _complete_targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from orgsync.cli.session import known_targets

    return [name for name in known_targets(ctx.find_root().params.get("repo")) if name.startswith(incomplete)]


_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def offering(*formats: str) -> _Decorator:
    """The global options, accepted before and after the command's name, since people type both; ``formats`` are those
    that the command has, its own default first."""
    options = [
        _option("--repo", metavar="DIR", help="Organization repository  [default: nearest folder with orgsync.yaml]"),
        _option(
            "--target", metavar="NAME", help="Which CRM  [default: defaultTarget]", shell_complete=_complete_targets
        ),
        _option("--format", type=click.Choice(formats), help=f"How results are written  [default: {formats[0]}]"),
        _option("--no-cache", is_flag=True, help="Use and keep nothing of earlier runs."),
        _option("-v", "--verbose", is_flag=True, help="Everything, and time and memory per stage."),
        _option("--profile", is_flag=True, help="A table of time, CPU time and memory per stage."),
        _option("-q", "--quiet", is_flag=True, help="Results and errors only."),
    ]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _option(*names: str, **attributes: Any) -> _Decorator:
    return click.option(*names, callback=_remember, expose_value=False, **attributes)


shared = offering("text", "json")
"""For a command with the formats that most have."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@offering(*ALL_FORMATS)
@click.version_option(__version__, message="orgsync %(version)s")
def app() -> None:
    """Declare a CRM's units, roles and assignments in YAML; plan, review and apply them."""


def main(arguments: list[str] | None = None, question: "Asked | None" = None) -> None:
    """Run a command and exit; see ``boundary`` for the exit codes. Without ``arguments`` it is what this process is
    for, which then ends at once."""
    try:
        code = app.main(arguments, prog_name="orgsync", standalone_mode=False, obj=Options(question))
    except BaseException as error:  # noqa: BLE001  (the one boundary; it re-raises nothing and hides nothing)
        from orgsync.cli.boundary import leave

        code = leave(error)
    code = code if isinstance(code, int) else 0
    if arguments is None:
        _end(code)
    sys.exit(code)


def _end(code: int) -> None:
    """Leaves to the system what the process holds: taking all of it apart is a tenth of what --help or validate takes.

    All else that the end of an interpreter means is done, or left to it where somebody still works or watches.
    """
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    if sys.getprofile() is not None or not all(one.daemon for one in others):
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    atexit._run_exitfuncs()  # noqa: SLF001  (what multiprocessing does before it ends a child in this way)
    os._exit(code)

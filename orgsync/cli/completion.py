"""``orgsync completion``: the script that a shell reads."""

import click

from orgsync.cli.app import app, offering

_HOW = {
    "bash": 'add to ~/.bashrc:  eval "$(orgsync completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(orgsync completion zsh)"',
    "fish": "run:  orgsync completion fish > ~/.config/fish/completions/orgsync.fish",
}


@click.command(name="completion")
@click.argument("shell", type=click.Choice(sorted(_HOW)))
@offering("text")
def completion(shell: str) -> int:
    """Print the script for shell completion: commands, options, target names."""
    from click.shell_completion import get_completion_class

    from orgsync.cli.session import begin

    session = begin()
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    session.output.write(kind(app, {}, "orgsync", "_ORGSYNC_COMPLETE").source())
    if session.output.stdout.isatty():
        session.output.say(_HOW[shell])
    return 0

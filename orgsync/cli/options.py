"""What stands beside every command: where, which CRM, how results are written."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from orgsync.replay.asking import Asked


class Options:
    """What stands before or after the command's name; the later one wins. (A dataclass would cost start-up time.)

    ``format``: "" until the command begins, which then takes the first of its own; ``question``: what the answer of
    this process may be kept for.
    """

    def __init__(self, question: "Asked | None" = None) -> None:
        self.repo: str | None = None
        self.target: str | None = None
        self.format = ""
        self.verbosity = 0
        self.no_cache = False
        self.profile = False
        self.question = question

    @property
    def verbose(self) -> bool:
        return self.verbosity > 0

    @property
    def quiet(self) -> bool:
        return self.verbosity < 0


def formats_of(command: click.Command) -> tuple[str, ...]:
    (option,) = (one for one in command.params if one.name == "format")
    return tuple(option.type.choices) if isinstance(option.type, click.Choice) else ()

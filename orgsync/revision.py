"""Which commit of the organization repository is being planned.

In: the repository's folder. Out: a short text. Never: fails; a folder without git is "unversioned". Runs no
program that the repository's files name.
"""

import subprocess
from pathlib import Path

_SAFELY = [
    "--no-optional-locks",  # writing the index would run a hook
    *("-c", "safe.bareRepository=explicit"),  # files of a pull request can look like a repository, settings included
    *("-c", "core.fsmonitor=false"),  # names a program
    *("-c", "core.hooksPath=/dev/null"),
]


def revision(root: Path) -> str:
    """The commit's full hash, with ``+dirty`` where declared files differ from it."""
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if not commit:
        return "unversioned"
    dirty = _git(root, "status", "--porcelain", "--", "units", "roles", "orgsync.yaml")
    return commit + ("+dirty" if dirty else "")


def _git(root: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603
            ["git", *_SAFELY, "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""

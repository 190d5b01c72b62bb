"""Which commit of the organization repository is being planned.

In: the repository's folder. Out: a short text. Never: fails; a folder without git is "unversioned".
"""

import subprocess
from pathlib import Path


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
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""

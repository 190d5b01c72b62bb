"""Real servers to test against, each in an environment of its own.

They live in ``.servers/<name>/`` of the checkout, or below ``ORGSYNC_TEST_SERVERS``; ``python -m tests.servers build``
makes them. A test whose server is missing fails: skipped, nobody would notice.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def home(name: str) -> Path:
    """Where the environment of a server lives."""
    return Path(os.environ.get("ORGSYNC_TEST_SERVERS", ROOT / ".servers")) / name


def program(name: str, executable: str) -> Path:
    found = home(name) / "bin" / executable
    if not found.is_file():
        raise FileNotFoundError(f"{found} is missing: run python -m tests.servers build")
    return found


def install(name: str) -> None:
    """An environment with exactly what ``<name>.txt`` lists; at once where it is there already."""
    pins, done = Path(__file__).with_name(f"{name}.txt"), home(name) / "installed.txt"
    if done.is_file() and done.read_bytes() == pins.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", str(home(name))], check=True)
    pip = [str(home(name) / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-r", str(pins)], check=True)
    done.write_bytes(pins.read_bytes())

"""DOT as SVG, drawn by Graphviz in a process of its own: what a library in C says or does with a name ends there.

In: DOT. Out: SVG. Never: loads an image or a font from elsewhere.
"""

import subprocess
import sys
from importlib.util import find_spec

from orgsync.errors import OrgsyncError
from orgsync.render.escape import inert

_DRAW = """
import sys
from pygraphviz import AGraph
sys.stdout.buffer.write(AGraph(string=sys.stdin.buffer.read().decode()).draw(format="svg", prog="dot"))
"""
_ELSEWHERE = "or draw it elsewhere: orgsync graph … --format dot | dot -Tsvg"
_PATIENCE = 300


def svg(dot: str) -> str:
    """Raises OrgsyncError where there is no Graphviz, or where it fails."""
    if find_spec("pygraphviz") is None:
        raise OrgsyncError("drawing SVG needs Graphviz", remedy=f"pip install 'orgsync[svg]'; {_ELSEWHERE}")
    command = [sys.executable, "-I", "-c", _DRAW]
    try:
        done = subprocess.run(command, input=dot.encode(), capture_output=True, check=True, timeout=_PATIENCE)  # noqa: S603
    except (subprocess.SubprocessError, OSError) as error:
        raise OrgsyncError(f"Graphviz did not draw it: {error}", remedy=_ELSEWHERE) from None
    return inert(done.stdout.decode(), "&#{};")

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
_SMALLER = "draw a part: --unit KEY or --depth N"
_PATIENCE = 300


def svg(dot: str) -> str:
    """Raises OrgsyncError where there is no Graphviz, or where it fails."""
    if find_spec("pygraphviz") is None:
        raise OrgsyncError("drawing SVG needs Graphviz", remedy=f"pip install 'orgsync[svg]'; {_ELSEWHERE}")
    command = [sys.executable, "-P", "-c", _DRAW]  # -P: nothing is imported from the folder that it runs in
    try:
        done = subprocess.run(command, input=dot.encode(), capture_output=True, check=False, timeout=_PATIENCE)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise OrgsyncError(f"Graphviz did not draw it within {_PATIENCE} seconds", remedy=_SMALLER) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise OrgsyncError(f"Graphviz did not draw it: {said or f'it ended with {done.returncode}'}", remedy=_ELSEWHERE)
    return inert(done.stdout.decode(), "&#{};")

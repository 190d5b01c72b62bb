"""``python -m bench.flame CHART.svg``: where the time of a cold plan of 100,000 assignments goes, by function.

Samples orgsync from outside with py-spy, which stands in the benchmark's own environment; what the second process does
is not in it. Boxes narrower than a quarter of a per cent are left out, so that the chart stays small enough to commit.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.prepare import ROOT, Shape, environment, install_peers, make_live, orgsync, write

_BOX = re.compile(r"<g><title>[^<]*?([\d.]+)%\)</title>.*?</g>")
_TITLE = re.compile(r'(<text id="title"[^>]*>)[^<]*')
"""py-spy puts the whole command there, with folders that are nobody's business."""
_LEAST = 0.25


def record(chart: Path, size: int = 100_000) -> None:
    shape = Shape(size=size)
    write(shape, peers=False)
    make_live(shape)
    sampler = [str(install_peers().with_name("py-spy")), "record", "--rate", "100", "--function", "--nonblocking"]
    plan = orgsync("--repo", str(shape.folder / "orgsync"), "--no-cache", "--format", "json", "plan")
    command = [*sampler, "--output", str(chart), "--", *plan]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment(shape)}, stdout=subprocess.DEVNULL, check=True)
    text = _TITLE.sub(r"\1orgsync plan, CPU by function", chart.read_text(encoding="utf-8"))
    chart.write_text(_BOX.sub(_if_wide, text), encoding="utf-8")


def _if_wide(box: re.Match[str]) -> str:
    return box[0] if float(box[1]) >= _LEAST else ""


if __name__ == "__main__":
    record(Path(sys.argv[1]).resolve())

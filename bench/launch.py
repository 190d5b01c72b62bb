"""``python -I -S bench/launch.py REPORT COMMAND…``: starts the command and writes down what it took, as JSON.

Imports next to nothing on purpose: on Linux a child's peak memory begins with what its parent held when it was started.
"""

import os
import sys
import time

report, *command = sys.argv[1:]
start = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(command[0], command, os.environ), 0)
wall = time.perf_counter() - start
code = os.waitstatus_to_exitcode(status)
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
with open(report, "w", encoding="ascii") as file:  # noqa: PTH123  # pathlib is memory
    file.write(f'{{"code": {code}, "wall": {wall}, "cpu": {usage.ru_utime + usage.ru_stime}, "peak": {peak}}}')

"""The command line before it does anything: `tocsin --help`, and which heavy packages it imports."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.report import Line

HEAVY: Final = ("duckdb", "numba", "pyarrow")
TIMES, MOST = 10, 0.3


def _help() -> float:
    """Return how long `tocsin --help` takes."""
    command = Path(sys.executable).parent / "tocsin"
    began = time.perf_counter()
    subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _imported() -> list[str]:
    """Return the heavy packages that `tocsin --help` imports."""
    code = (
        "import sys; sys.argv = ['tocsin', '--help']\n"
        "from tocsin.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    told = done.stderr.strip().splitlines()[-1]
    return [name for name in HEAVY if name in told]


def measure() -> Iterator[Line]:
    """Yield the measurements of the command line's start."""
    load = os.getloadavg()[0]
    _help()
    runs = sorted(_help() for _ in range(TIMES))
    note = f"{runs[0]:.2f} to {runs[-1]:.2f}; load before {load:.1f}"
    yield Line("Command line", f"tocsin --help, median of {TIMES}", median(runs), "s", MOST, note)
    heavy = _imported()
    yield Line("Command line", f"of {', '.join(HEAVY)}: imported", len(heavy), "", 0, ", ".join(heavy))

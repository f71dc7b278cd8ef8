"""One measurement a process: a function is run in a child, which says how long it took and how much memory it held."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, Final

REPO: Final = Path(__file__).parent.parent
CORES: Final = 2
MIB: Final = 2**20
Facts = dict[str, Any]
Task = Callable[..., Facts]


@dataclass(frozen=True)
class Measured:
    """What one child said: `seconds` of the work itself, `whole` from start to end of the process, both by the clock."""

    seconds: float
    whole: float
    cpu: float  # seconds of all cores, of the whole process: what others on the machine disturb least
    peak: int  # bytes resident at most
    load: float  # the machine's load when it began: over 0.5 someone else is at work
    facts: Facts = field(default_factory=Facts)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long some work took, and its result."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def in_child(task: Task, *, environment: dict[str, str] | None = None, **arguments: Any) -> Measured:
    """Run a task in a process of its own, on the cores that a measurement may use. Raises RuntimeError if it fails."""
    name = f"{task.__module__}:{task.__name__}"
    load = os.getloadavg()[0]
    command = [sys.executable, "-m", "benchmarks.measure", name, json.dumps(arguments, default=str)]
    env = {**os.environ, **(environment or {})}
    whole, done = timed(lambda: subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True))
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Measured(told["seconds"], whole, told["cpu"], told["peak"], load, told["facts"])


def middle(task: Task, times: int, **arguments: Any) -> Measured:
    """Run a task several times; return the run whose clock time is the median, with the highest memory of all."""
    runs = sorted((in_child(task, **arguments) for _ in range(times)), key=lambda run: run.seconds)
    chosen = runs[(len(runs) - 1) // 2] if len(runs) % 2 else runs[0]
    clocks = [run.seconds for run in runs]
    facts = {**chosen.facts, "all_seconds": [round(clock, 3) for clock in clocks]}
    return Measured(
        median(clocks),
        median([run.whole for run in runs]),
        median([run.cpu for run in runs]),
        max(run.peak for run in runs),
        max(run.load for run in runs),
        facts,
    )


def _be_child(name: str, arguments: str) -> None:
    """Run one task and say what it took; the task itself says `seconds`."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    module, function = name.split(":")
    facts: Facts = getattr(import_module(module), function)(**json.loads(arguments))
    times = os.times()
    print(
        json.dumps(
            {
                "seconds": facts.pop("seconds"),
                "cpu": times.user + times.system,
                "peak": peak_memory(),
                "facts": facts,
            }
        )
    )


if __name__ == "__main__":
    _be_child(sys.argv[1], sys.argv[2])

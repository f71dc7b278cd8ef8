"""What a run found: lines with their targets, met or missed, on the screen and (when asked) in results/."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import CORES

RESULTS: Final = Path(__file__).parent / "results"
PACKAGES: Final = ("tocsin", "duckdb", "numba", "numpy", "pyarrow")


@dataclass(frozen=True)
class Line:
    """One measured number, with its target where it has one."""

    group: str
    what: str
    value: float
    unit: str
    target: float | None = None  # at most so much
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.value <= self.target


def _memory() -> float:
    """Return the machine's memory in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _processor() -> str:
    """Return the processor's name as Linux tells it."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(
        (line.partition(":")[2].strip() for line in told if line.startswith("model name")), platform.machine()
    )


def machine() -> dict[str, str]:
    """Return the facts of the machine that a number depends on."""
    cores = f"{CORES} used of {os.cpu_count()}"
    return {
        "processor": _processor(),
        "cores": cores,
        "memory": f"{_memory():.0f} GiB",
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def shown(value: float, unit: str) -> str:
    """Return a number as a person reads it."""
    figures = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{figures} {unit}".strip()


def markdown(lines: Sequence[Line], when: datetime) -> str:
    """Return all lines as a page: the misses are said first."""
    missed = [line for line in lines if line.met is False]
    page = [
        f"# Measured on {when:%Y-%m-%d}",
        "",
        *(f"- {name}: {fact}" for name, fact in machine().items()),
        "",
    ]
    page += [
        f"Missed targets: {len(missed)}"
        + "".join(
            f"\n- {line.group}, {line.what}: {shown(line.value, line.unit)}, "
            f"target at most {shown(line.target or 0.0, line.unit)}"
            for line in missed
        ),
        "",
    ]
    for group in dict.fromkeys(line.group for line in lines):
        page += [f"## {group}", "", "| what | measured | target | |", "|---|---:|---:|---|"]
        page += [_row(line) for line in lines if line.group == group]
        page.append("")
    return "\n".join(page)


def _row(line: Line) -> str:
    """Return one line of a table."""
    target = (
        ""
        if line.target is None
        else f"≤ {shown(line.target, line.unit)} {'met' if line.met else '**missed**'}"
    )
    return f"| {line.what} | {shown(line.value, line.unit)} | {target} | {line.note} |"


def save(lines: Sequence[Line]) -> list[Path]:
    """Write the results of today; an earlier run of the same day is replaced."""
    when = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    page, data = (RESULTS / f"{when:%Y-%m-%d}.{ending}" for ending in ("md", "json"))
    page.write_text(markdown(lines, when), encoding="utf-8")
    told: dict[str, Any] = {
        "when": when.isoformat(timespec="seconds"),
        "machine": machine(),
        "lines": [{**asdict(line), "met": line.met} for line in lines],
    }
    data.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [page, data]

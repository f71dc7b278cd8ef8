"""Files to grades: time and memory of `grade` against DuckDB merely reading and materialising the same columns."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import cohort
from benchmarks.measure import CORES, MIB, Facts, Measured, in_child, middle, timed
from benchmarks.report import Line

RATIO, START_UP, PEAK = 2.0, 1.0, 2048 * MIB
BIG: Final = 50_000_000  # from so many rows on, start-up no longer counts apart
SMALL: Final = 50_000  # rows of the dataset that shows the start-up
FOUND: Final = ("events", "subjects", "episodes", "grade_rows", "quarantined")
BUSY: Final = "all cores, whole process: what a busy machine disturbs least"
COLUMNS: Final = "subject_id, time, code, numeric_value, text_value"


def _read_sql(folder: str) -> str:
    """Return SQL that reads the columns that grading reads."""
    return f"SELECT {COLUMNS} FROM read_parquet('{folder}/data/train/*.parquet')"


def read_to_arrow(folder: str) -> Facts:
    """Read the columns into an Arrow table with DuckDB."""
    import duckdb

    con = duckdb.connect(config={"threads": CORES})
    seconds, table = timed(lambda: con.sql(_read_sql(folder)).to_arrow_table())
    return {"seconds": seconds, "rows": table.num_rows}


def read_to_table(folder: str) -> Facts:
    """Read the columns into a temporary table of DuckDB."""
    import duckdb

    con = duckdb.connect(config={"threads": CORES})
    seconds, _ = timed(lambda: con.execute(f"CREATE TEMP TABLE t AS {_read_sql(folder)}").fetchall())
    return {"seconds": seconds}


def grade(folder: str, events: Any) -> Facts:
    """Grade a dataset into files, on all scales."""
    from tocsin.api import grade as run

    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as out:
        seconds, result = timed(lambda: run(folder, out=Path(out) / "out", events=events))
    told = {name: result.run[name] for name in ("rows_read", *FOUND, "notes")}
    return {"seconds": seconds, "stages": result.run["seconds"], **told}


@dataclass(frozen=True)
class Floors:
    """The bare reads of one dataset: to Arrow (against which the target is set) and to a table of DuckDB."""

    arrow: Measured
    table: Measured


def start_up(data: Path) -> Iterator[Line]:
    """Yield what the very first run and every later one cost before they do anything."""
    folder = cohort.make(data, SMALL)
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as cache:
        first = in_child(grade, environment={"XDG_CACHE_HOME": cache}, folder=folder, events="episodes")
    in_child(grade, folder=folder, events="episodes")  # warms the cache that the other measurements use
    later = middle(grade, 3, folder=folder, events="episodes")
    yield Line("Start-up", f"first run ever ({SMALL:,} rows), compiling", first.whole, "s")
    yield Line(
        "Start-up",
        f"any later run ({SMALL:,} rows), process and imports included",
        later.whole,
        "s",
        note=_stages(later),
    )


def of_size(data: Path, rows: int) -> Iterator[Line]:
    """Yield the measurements of one size."""
    folder = cohort.make(data, rows)
    times = 3 if rows < BIG else 2
    group = f"End to end, {rows // 10**6} M rows"
    in_child(read_to_arrow, folder=folder)  # the files are in the page cache from here on
    floors = Floors(middle(read_to_arrow, times, folder=folder), middle(read_to_table, times, folder=folder))
    yield Line(group, "bare read to Arrow", floors.arrow.seconds, "s", note=_noise(floors.arrow))
    yield Line(group, "bare read to a DuckDB table", floors.table.seconds, "s", note=_noise(floors.table))
    for events in ("none", "episodes"):
        yield from _graded(
            group, f"events={events}", middle(grade, times, folder=folder, events=events), floors, rows
        )


def _graded(group: str, what: str, run: Measured, floors: Floors, rows: int) -> Iterator[Line]:
    """Yield the lines of one graded dataset."""
    floor = floors.arrow.seconds
    most = RATIO * floor + (START_UP if rows < BIG else 0.0)
    said = "2.0 x bare read" + (" + 1 s" if rows < BIG else "")
    yield Line(
        group, f"{what}: grade", run.seconds, "s", most, f"target: {said}; {_stages(run)}; {_noise(run)}"
    )
    yield Line(group, f"{what}: whole process", run.whole, "s")
    yield Line(group, f"{what}: times the bare read to Arrow", run.seconds / floor, "x", most / floor)
    yield Line(group, f"{what}: times the bare read to a table", run.seconds / floors.table.seconds, "x")
    share = run.cpu / floors.arrow.cpu
    yield Line(group, f"{what}: processor time, times that of the read to Arrow", share, "x", note=BUSY)
    yield Line(
        group, f"{what}: rows read a second", run.facts["rows_read"] / run.seconds, "/s", note=_found(run)
    )
    yield Line(group, f"{what}: peak memory", run.peak / MIB, "MiB", PEAK / MIB)


def unsorted(data: Path, rows: int) -> Iterator[Line]:
    """Yield what input costs that must be sorted first; for information."""
    folder = cohort.make(data, rows)
    kinds = {
        "shards in the wrong order": cohort.make_in_wrong_order,
        "rows shuffled within shards": cohort.make_shuffled,
    }
    for what, make in kinds.items():
        run = in_child(grade, folder=make(folder), events="episodes")
        group = f"Not sorted, {rows // 10**6} M rows"
        yield Line(group, f"{what}: grade", run.seconds, "s", note=f"{_stages(run)}; {_noise(run)}")
        yield Line(
            group, f"{what}: peak memory", run.peak / MIB, "MiB", PEAK / MIB, "; ".join(run.facts["notes"])
        )


def growth(lines: list[Line], sizes: list[int]) -> Iterator[Line]:
    """Yield how time grows with the rows, from the smallest size to the largest: 1 is as fast as the rows."""
    small, large = min(sizes), max(sizes)
    for events in ("none", "episodes"):
        what = f"events={events}: grade"
        seconds = {line.group: line.value for line in lines if line.what == what}
        factor = (
            seconds[f"End to end, {large // 10**6} M rows"] / seconds[f"End to end, {small // 10**6} M rows"]
        )
        sizes_said = f"{small // 10**6} M to {large // 10**6} M"
        yield Line(
            "Growth", f"events={events}: time over rows, {sizes_said}", factor * small / large, "", 1.0
        )


def _stages(run: Measured) -> str:
    """Return how long each stage took."""
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in run.facts["stages"].items())


def _noise(run: Measured) -> str:
    """Return what a reader needs in order to judge a clock time."""
    runs = run.facts.get("all_seconds", [round(run.seconds, 3)])
    return f"runs {' '.join(f'{clock:.2f}' for clock in runs)}; processor {run.cpu:.1f} s; load before {run.load:.1f}"


def _found(run: Measured) -> str:
    """Return what a run found."""
    facts = run.facts
    return ", ".join(f"{facts[name]:,} {name.replace('_', ' ')}" for name in FOUND)


def measure(data: Path, sizes: list[int]) -> Iterator[Line]:
    """Yield all measurements from files to grades."""
    lines: list[Line] = []
    yield from start_up(data)
    for rows in sizes:
        for line in of_size(data, rows):
            lines.append(line)
            yield line
    if len(sizes) > 1:
        yield from growth(lines, sizes)
    yield from unsorted(data, min(sizes))

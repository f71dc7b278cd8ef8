"""A made-up SDTM dataset of vital signs as XPT, from disk to flat rows, against pyreadstat's own read of the same file."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import MIB, Facts, Measured, in_child, timed
from benchmarks.report import Line
from tests.support.xpt import RECORD, xpt_bytes

PART: Final = 100_000  # rows that are made; the file repeats them
ROWS: Final = 2_000_000
TIMES: Final = 3
MOST: Final = 1.5
MEMORY_MIB: Final = 2048.0
VARIABLES: Final = (
    "STUDYID", "DOMAIN", "USUBJID", "VSSEQ", "VSTESTCD", "VSTEST", "VSPOS", "VSORRES", "VSORRESU", "VSSTRESC", "VSSTRESN",
    "VSSTRESU", "VSSTAT", "VISITNUM", "VISIT", "VSDTC", "VSDY",
)  # fmt: skip
TESTS: Final = (
    ("TEMP", "Temperature", 37.0, "C"),
    ("SYSBP", "Systolic Blood Pressure", 118.0, "mmHg"),
    ("DIABP", "Diastolic Blood Pressure", 71.0, "mmHg"),
    ("PULSE", "Pulse Rate", 84.0, "beats/min"),
    ("OXYSAT", "Oxygen Saturation", 96.0, "%"),
)
Cells = list[str | float | None]


def _row(place: int) -> Cells:
    """Return one made-up reading: 500 to a subject, one every ten minutes."""
    subject, reading = divmod(place, 500)
    test, name, value, unit = TESTS[place % len(TESTS)]
    value = round(value + (place * 37 % 21 - 10) / 10, 1)
    day, minute = divmod(reading * 10, 24 * 60)
    time = f"2026-03-{day + 1:02d}T{minute // 60:02d}:{minute % 60:02d}"
    said = [
        "MADEUP",
        "VS",
        f"MADEUP-{subject:06d}",
        float(reading + 1),
        test,
        name,
        "SUPINE",
        f"{value:g}",
        unit,
    ]
    return [*said, f"{value:g}", value, unit, None, 1.0, "BASELINE", time, float(day + 1)]


def file_of(folder: Path, rows: int) -> Path:
    """Return the made-up file, made if it is not there: the same readings again and again."""
    file = folder / f"sdtm-{rows}" / "vs.xpt"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = xpt_bytes("VS", VARIABLES, [_row(place) for place in range(PART)])
        start = part.index(b"HEADER RECORD*******OBS") + RECORD
        width = (len(part) - start) // PART
        body = part[start : start + PART * width]
        with file.open("wb") as out:
            out.write(part[:start])
            for _ in range(rows // PART):
                out.write(body)
            out.write(b" " * (-(rows // PART * len(body)) % RECORD))
    return file


def read_by_pyreadstat(file: str) -> Facts:
    """Read the whole file as pyreadstat does: all columns, in its quickest form."""
    import pyreadstat

    seconds, (found, _) = timed(lambda: pyreadstat.read_xport(file, output_format="dict"))
    return {"seconds": seconds, "rows": len(found["USUBJID"])}


def read_by_tocsin(file: str) -> Facts:
    """Read the file to flat rows, as `tocsin grade` does before it grades."""
    from tocsin.engines.local import connect
    from tocsin.events.concepts import Resolver, TherapyKinds
    from tocsin.sources.sdtm import open_sdtm
    from tocsin.sources.settings import Settings
    from tocsin.sources.source import Opening

    with tempfile.TemporaryDirectory() as folder:
        con = connect(Path(folder))
        opening = Opening(con, Settings(), Resolver(TherapyKinds()))
        seconds, source = timed(lambda: open_sdtm(opening, [Path(file)]))
        [(rows, timeless)] = con.sql(
            f"SELECT count(*), count(*) FILTER (time IS NULL) FROM ({source.relation})"
        ).fetchall()
        con.close()
    return {"seconds": seconds, "rows": rows, "timeless": timeless}


def measure(folder: Path, rows: int = ROWS) -> Iterator[Line]:
    """Yield the measurements of one large dataset."""
    group = f"SDTM XPT, {rows:,} vital signs"
    file = str(file_of(folder, rows))
    runs = [
        (in_child(read_by_pyreadstat, file=file), in_child(read_by_tocsin, file=file)) for _ in range(TIMES)
    ]
    for theirs, ours in runs:
        if not ours.facts["rows"] == theirs.facts["rows"] == rows or ours.facts["timeless"]:
            raise RuntimeError(f"{file}: {ours.facts} and {theirs.facts} are not {rows} rows with times")
    theirs, ours = ([pair[side] for pair in runs] for side in (0, 1))
    yield Line(group, "pyreadstat's own read", median(run.seconds for run in theirs), "s", note=_note(theirs))
    yield Line(group, "memory of that read", max(run.peak for run in theirs) / MIB, "MiB")
    yield Line(group, "to flat rows", median(run.seconds for run in ours), "s", note=_note(ours))
    ratio = median(mine.seconds / its.seconds for its, mine in runs)
    yield Line(group, "against pyreadstat's read", ratio, "x", MOST, "in turns, the median of the pairs")
    yield Line(group, "processor seconds against its", median(mine.cpu / its.cpu for its, mine in runs), "x")
    yield Line(group, "memory", max(run.peak for run in ours) / MIB, "MiB", MEMORY_MIB)


def _note(runs: list[Measured]) -> str:
    clocks = [round(run.seconds, 2) for run in runs]
    cpu = [round(run.cpu, 1) for run in runs]
    return f"runs {clocks}, cpu {cpu} s, load {max(run.load for run in runs):.1f}"

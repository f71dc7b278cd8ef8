"""Real, de-identified demonstration sets as Tocsin reads them. Their therapies are MADE UP: nobody in them had one."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.acceptance.facts.derive import COUNTED, METAVISION
from tests.support.made_up import THERAPIES, graded, meds_table, read_csv, write_lines
from tocsin.results import Result

FACTS = Path(__file__).parent / "facts"
# An episode that lasts: so that the state at any hour of a stay stands in the grade rows.
LASTING = {"resolution_hold": "20000", "window_before": "400", "window_after": "400"}

# Convert a set by its name ("mimic3", "eicu") with further arguments into a folder.
Convert = Callable[..., Path]


@pytest.fixture(scope="session")
def data(shared: Path) -> Path:
    """The folder of real data."""
    if not (shared / "data").is_dir():
        pytest.skip("../shared/data is absent")
    return shared / "data"


@pytest.fixture(scope="session")
def patients() -> list[dict[str, Any]]:
    """Hand-checked facts about 14 subjects."""
    return json.loads((FACTS / "patients.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def sources() -> dict[str, Any]:
    """Counts of the raw files."""
    return json.loads((FACTS / "sources.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def convert(root: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Run a converter of `examples/`."""

    def run(name: str, folder: str, *options: str) -> Path:
        out = tmp_path_factory.mktemp(name) / "csv"
        script = root / "examples" / f"{name}_to_csv.py"
        subprocess.run(
            [sys.executable, str(script), str(data / folder), str(out), *options],
            check=True,
            capture_output=True,
        )
        return out

    return run


@pytest.fixture(scope="session")
def mimic3(convert: Convert) -> Path:
    """MIMIC-III in our CSV layout."""
    return convert("mimic3", "mimic-iii-demo-csv")


@pytest.fixture(scope="session")
def eicu(convert: Convert) -> Path:
    """eICU in our CSV layout, a made-up temperature per stay."""
    return convert("eicu", "eicu-demo-csv", "--made-up-fever")


@pytest.fixture(scope="session")
def meds_shard(data: Path) -> Path:
    """The MIMIC-IV demo as MEDS."""
    return data / "mimic-iv-demo-meds/data/train/0.parquet"


@pytest.fixture(scope="session")
def meds_therapies(meds_shard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MADE-UP CAR-T infusion per subject: 24 h before the first vasopressor, else at the first record of a stay."""
    codes = ", ".join(f"'INFUSION_START//{item}'" for item, agent in METAVISION.items() if agent in COUNTED)
    found = duckdb.execute(
        f"SELECT subject_id, coalesce(min(time) FILTER (code IN ({codes})) - INTERVAL 24 HOUR, "
        "min(time) FILTER (code LIKE 'ICU_ADMISSION%')) FROM read_parquet(?) GROUP BY ALL ORDER BY ALL",
        [str(meds_shard)],
    ).fetchall()
    lines = [f"{subject},{time.isoformat()},car_t," for subject, time in found]
    return write_lines(tmp_path_factory.mktemp("made-up") / "therapies.csv", THERAPIES, lines)


@pytest.fixture(scope="session")
def graded_mimic3(mimic3: Path) -> Result:
    """MIMIC-III as it is, the therapies made up."""
    return graded(mimic3)


@pytest.fixture(scope="session")
def graded_eicu(eicu: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """EICU as it is, the therapies and one temperature each made up; and the folder of the files."""
    out = tmp_path_factory.mktemp("eicu") / "out"
    return graded(eicu, out=out), out


@pytest.fixture(scope="session")
def graded_meds(meds_shard: Path, meds_therapies: Path) -> Result:
    """MIMIC-IV as it is, the therapies made up."""
    return graded(meds_shard, therapies=meds_therapies)


def only(folder: Path, subjects: Iterable[int], out: Path, more: Iterable[str] = ()) -> Path:
    """Some subjects of a folder in our CSV layout, with more events."""
    wanted = {str(subject) for subject in subjects}
    for name in ("events.csv", "therapies.csv", "subjects.csv"):
        header, *lines = (folder / name).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.split(",")[0] in wanted]
        write_lines(out / name, header, [*kept, *(more if name == "events.csv" else ())])
    return out


@pytest.fixture(scope="session")
def lasting(
    mimic3: Path,
    eicu: Path,
    meds_shard: Path,
    meds_therapies: Path,
    patients: list[dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Result]:
    """The 14 subjects of the facts, each with a MADE-UP fever soon after the therapy, in an episode that lasts."""
    chosen: dict[str, list[int]] = {}
    for patient in patients:
        chosen.setdefault(patient["source"], []).append(patient["subject_id"])
    folder = tmp_path_factory.mktemp("lasting")
    given = {row["subject_id"]: row["time"] for row in read_csv(mimic3 / "therapies.csv")}
    fevers = [
        f"{subject},{later(given[str(subject)], 12)},body_temperature,38.5,Cel,made-up,"
        for subject in chosen["mimic3"]
    ]
    third = only(mimic3, chosen["mimic3"], folder / "mimic3", fevers)
    stays = only(eicu, chosen["eicu"], folder / "eicu")
    return {
        "mimic3": graded(third, settings=LASTING),
        "eicu": graded(stays, settings=LASTING),
        "mimic4_meds": _lasting_meds(meds_shard, meds_therapies, chosen["mimic4_meds"], folder / "meds"),
    }


def later(time: str, hours: float) -> str:
    """A moment so many hours later, written alike."""
    zone = "Z" if time.endswith("Z") else ""
    return (dt.datetime.fromisoformat(time.removesuffix("Z")) + dt.timedelta(hours=hours)).isoformat() + zone


def _lasting_meds(shard: Path, therapies: Path, subjects: list[int], folder: Path) -> Result:
    """The subjects of the facts, their made-up fevers in a shard of their own."""
    (folder / "data").mkdir(parents=True)
    table = pq.read_table(shard)
    pq.write_table(
        table.filter(pc.is_in(table["subject_id"], value_set=pa.array(subjects))),
        folder / "data" / "0.parquet",
    )
    given = [row for row in read_csv(therapies) if int(row["subject_id"]) in subjects]
    rows = [
        (int(row["subject_id"]), dt.datetime.fromisoformat(later(row["time"], 1)), "LAB//223762//°C", 38.5)
        for row in given
    ]
    pq.write_table(meds_table(rows), folder / "data" / "1.parquet")
    lines = [f"{row['subject_id']},{row['time']},{row['cause']}," for row in given]
    side = write_lines(folder / "therapies.csv", THERAPIES, lines)
    return graded(folder, therapies=side, settings=LASTING)

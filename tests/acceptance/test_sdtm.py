"""Real SDTM: one sample study in four encodings, and the pharmaverse set. Nobody in them had CRS: the therapies are MADE UP."""

import csv
import gzip
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import THERAPIES, graded, write_lines
from tocsin.results import Result

FORMS = ("xpt", "json", "ndjson", "dsjc")
READ = ("ae", "cm", "dm", "ds", "ex", "fa", "lb", "vs")
# The whole study lies in the used time, and dates are read as noons.
WIDE = {"date_only": "noon", "window_before": "2000", "window_after": "2000"}


@pytest.fixture(scope="module")
def sample(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample study of CDISC, a folder for each encoding."""
    root = tmp_path_factory.mktemp("sample")
    with zipfile.ZipFile(data / "sdtm-dataset-json/examples.zip") as packed:
        for name in packed.namelist():
            form = name.rpartition(".")[2]
            if name.startswith("sdtm/") and form in FORMS:
                (root / form).mkdir(exist_ok=True)
                (root / form / Path(name).name).write_bytes(packed.read(name))
    return {form: root / form for form in FORMS}


@pytest.fixture(scope="module")
def therapies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MADE-UP infusion for each of the 18 subjects."""
    lines = [f"CDISC{number:03d},2013-01-01T00:00:00Z,car_t," for number in range(1, 19)]
    return write_lines(tmp_path_factory.mktemp("made-up") / "t.csv", THERAPIES, lines)


@pytest.fixture(scope="module")
def read(sample: dict[str, Path], therapies: Path) -> dict[str, Result]:
    """The sample study, read from each encoding."""
    return {form: graded(sample[form], therapies=therapies, settings=WIDE) for form in FORMS}


def documents(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of the datasets that are read, by variable, taken from the JSON with nothing of ours."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in READ:
        whole = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        columns = [column["name"] for column in whole["columns"]]
        found[name] = [dict(zip(columns, row, strict=True)) for row in whole["rows"]]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_four_encodings_give_the_same_events(form: str, read: dict[str, Result]) -> None:
    first, this = read["json"], read[form]
    columns = [name for name in first.events.column_names if name != "event_id"]
    assert first.events.num_rows > 2500
    assert this.events.select(columns).equals(first.events.select(columns))
    refused = ("row", "column", "value", "reason")
    assert this.quarantine.select(refused).equals(first.quarantine.select(refused))
    for name in ("rows_read", "rows_used", "not_of_interest_by_reason", "quarantined_by_reason"):
        assert this.run[name] == first.run[name]


def test_the_sample_study_is_read_as_its_json_says(sample: dict[str, Path], read: dict[str, Result]) -> None:
    rows = documents(sample["json"])
    found = read["xpt"]
    assert (
        found.run["rows_read"] == sum(len(dataset) for dataset in rows.values()) + 18
    )  # and the made-up therapies
    told = Counter(row["VSTESTCD"] for row in rows["vs"] if row["VSSTRESN"] is not None)
    events = found.events.to_pylist()
    heard = Counter(event["signal"] for event in events)
    for code, signal in {"TEMP": "body_temperature", "SYSBP": "systolic_bp", "DIABP": "diastolic_bp",
                         "PULSE": "heart_rate", "WEIGHT": "weight"}.items():  # fmt: skip
        assert heard[signal] == told[code], signal
    wanted = sorted(round(row["VSSTRESN"], 9) for row in rows["vs"] if row["VSTESTCD"] == "TEMP")
    assert (
        sorted(round(event["numeric_value"], 9) for event in events if event["signal"] == "body_temperature")
        == wanted
    )
    dead = {row["USUBJID"] for row in rows["dm"] if row["DTHFL"] == "Y"}
    assert len({event["subject_id"] for event in events if event["signal"] == "death"}) == len(dead) == 3


def test_dates_alone_are_no_times_until_the_user_says_so(sample: dict[str, Path], therapies: Path) -> None:
    found = graded(sample["xpt"], therapies=therapies)
    refused = Counter(
        Path(row["source"]).name for row in found.quarantine.to_pylist() if row["reason"] == "date_only"
    )
    assert refused["vs.xpt"] == 1414
    assert any("vs.xpt 1414 of 1414" in note for note in found.run["notes"])


def test_the_pharmaverse_set_adds_up(data: Path) -> None:
    folder = data / "sdtm-pharmaverse"
    found = graded(folder, settings={"date_only": "noon"})
    rows = 0
    for name in ("dm", "ae", "cm", "ds", "ex", "lb", "vs"):
        with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as lines:
            rows += sum(1 for _ in csv.DictReader(lines))
    assert found.run["format"] == "sdtm"
    assert found.run["rows_read"] == rows == 99671
    assert found.episodes.num_rows == 0
    assert set(found.run["quarantined_by_reason"]) == {"partial_date"}


def test_pharmaverse_temperatures_are_celsius_whatever_they_were_charted_in(
    data: Path, tmp_path: Path
) -> None:
    folder = data / "sdtm-pharmaverse"
    with gzip.open(folder / "dm.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        people = [row["USUBJID"] for row in csv.DictReader(lines)]
    given = write_lines(
        tmp_path / "t.csv", THERAPIES, [f"{person},2013-06-01T00:00:00Z,car_t," for person in people]
    )
    found = graded(folder, therapies=given, settings=WIDE)
    heard = [row["numeric_value"] for row in found.events.to_pylist() if row["signal"] == "body_temperature"]
    with gzip.open(folder / "vs.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        told = [
            row["VSSTRESN"] for row in csv.DictReader(lines) if row["VSTESTCD"] == "TEMP" and row["VSSTRESN"]
        ]
    assert sorted(heard) == pytest.approx(sorted(float(value) for value in told))
    assert max(heard) < 45

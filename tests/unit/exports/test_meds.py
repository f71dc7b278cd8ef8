"""MEDS out: valid by the meds package, back in with the same grades, float32 that crosses no threshold, honest labels."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import meds
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.support.made_up import CAR_T, FEVER, csv_folder, refusal
from tests.support.round_trips import states
from tocsin.api import grade
from tocsin.exports import export
from tocsin.exports.meds import dataset, to_float32
from tocsin.results import Result


def exported(result: Result, out: Path) -> Path:
    """Write a result as MEDS."""
    export(result, "meds", out)
    return out


def test_everything_is_valid_by_the_meds_package(demo: Result, tmp_path: Path) -> None:
    out = exported(demo, tmp_path / "out")
    meds.DataSchema.validate(pq.read_table(out / "data" / "0.parquet"))
    codes = pq.read_table(out / meds.code_metadata_filepath)
    meds.CodeMetadataSchema.validate(codes)
    meds.DatasetMetadataSchema.validate(json.loads((out / meds.dataset_metadata_filepath).read_text()))
    for name in ("crs_any", "crs_grade_max"):
        meds.LabelSchema.validate(pq.read_table(out / "labels" / f"{name}.parquet"))
    used = set(pq.read_table(out / "data" / "0.parquet")["code"].to_pylist())
    assert used == set(codes["code"].to_pylist())
    assert not (out / meds.subject_splits_filepath).exists()


def test_rows_stand_by_subject_and_time(crowd: Result) -> None:
    rows = dataset(crowd).select(["subject_id", "time"]).to_pylist()
    order = [(row["subject_id"], row["time"] or dt.datetime.min) for row in rows]
    assert order == sorted(order)


def test_no_canonical_event_is_lost(crowd: Result, demo: Result) -> None:
    for result in (crowd, demo):
        ids = [id for id in dataset(result)["tocsin_event_id"].to_pylist() if id is not None]
        assert sorted(ids) == sorted(result.events["event_id"].to_pylist())


@pytest.mark.parametrize("which", ["crowd", "demo", "everything"])
def test_the_same_grades_come_back(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    result: Result = request.getfixturevalue(which)
    back = grade(exported(result, tmp_path / "out"), events="all")
    assert back.run["quarantined"] == 0
    assert not back.run["assumed_units"]
    assert states(back, by_source_id=False) == states(result, by_source_id=False)


def test_ends_come_back(everything: Result, tmp_path: Path) -> None:
    back = grade(exported(everything, tmp_path / "out"), events="all")
    before, after = (
        sorted((row["signal"], row["end"]) for row in result.events.to_pylist() if row["end"])
        for result in (everything, back)
    )
    assert after == before
    assert len(before) == 3


def test_an_end_that_is_no_time_is_refused(everything: Result, tmp_path: Path) -> None:
    out = exported(everything, tmp_path / "out")
    table = pq.read_table(out / "data" / "0.parquet")
    words = table["tocsin_end"].cast("string")
    pq.write_table(
        table.set_column(table.schema.get_field_index("tocsin_end"), "tocsin_end", words),
        out / "data" / "0.parquet",
    )
    assert "column tocsin_end is string" in refusal(out)


def test_grades_are_numbers_or_words(demo: Result) -> None:
    rows = [row for row in dataset(demo).to_pylist() if row["code"].startswith("TOCSIN//")]
    decided = [row for row in rows if row["code"].endswith("//GRADE")]
    open_ = [row for row in rows if row["code"].endswith("//GRADE_OPEN")]
    assert len(decided) + len(open_) == len(rows)
    assert all(row["numeric_value"] is not None and row["text_value"] is None for row in decided)
    assert all(row["numeric_value"] is None and " or " in row["text_value"] for row in open_)
    assert {"TOCSIN//CRS//ASTCT//GRADE", "TOCSIN//CRS//LEE2014//GRADE", "TOCSIN//ICANS//ASTCT//GRADE"} <= {
        row["code"] for row in decided
    }


DEATHS = [
    ("2024-01-01T20:00:00Z", "", "MEDS_DEATH", None),
    ("2024-01-01T20:00:00Z", "crs", "MEDS_DEATH", "crs"),
    ("2024-01-02T00:00:00Z", "other", "TOCSIN_EVENT//death", "other"),  # MEDS_DEATH at midnight is a day
]


@pytest.mark.parametrize(("time", "text", "code", "said"), DEATHS)
def test_a_death(tmp_path: Path, time: str, text: str, code: str, said: str | None) -> None:
    result = grade(csv_folder(tmp_path / "in", [FEVER, f"1,{time},death,,,{text},"]))
    (row,) = (row for row in dataset(result).to_pylist() if "death" in row["code"].casefold())
    assert (row["code"], row["text_value"]) == (code, said)
    back = grade(exported(result, tmp_path / "out"))
    assert states(back, by_source_id=False) == states(result, by_source_id=False)


HAIR = 1e-9
# A value, and on which side of the whole number beside it it must stay.
VALUES: list[tuple[float, float, int]] = [
    (38.0, 38.0, 0), (38.0 - HAIR, 38.0, -1), (38.0 + HAIR, 38.0, 1), (90.0 - HAIR, 90.0, -1), (6.0 + HAIR, 6.0, 1),
    (40.0 - HAIR, 40.0, -1), (37.95, 38.0, -1), (0.0, 0.0, 0), (1e-12, 0.0, 1), (65.00000001, 65.0, 1),
]  # fmt: skip


@pytest.mark.parametrize(("value", "whole", "side"), VALUES)
def test_float32_keeps_a_value_on_its_side(value: float, whole: float, side: int) -> None:
    (found,) = to_float32(np.array([value]))
    assert found.dtype == np.float32
    assert np.sign(float(found) - whole) == side
    assert abs(float(found) - value) <= 1e-6 * max(1.0, abs(value))


def test_float32_takes_what_is_not_there_and_what_is_large() -> None:
    found = to_float32(np.array([np.nan, 16_777_217.0, 1e6]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [16_777_216.0, 1e6]


def test_a_temperature_a_hair_under_a_fever_is_none_when_it_comes_back(tmp_path: Path) -> None:
    nearly = f"1,2024-01-01T09:00:00Z,body_temperature,{38.0 - HAIR!r},Cel,,"
    result = grade(csv_folder(tmp_path / "in", [nearly, FEVER]))
    back = grade(exported(result, tmp_path / "out"))
    assert back.episodes["onset"].to_pylist() == result.episodes["onset"].to_pylist()


# Labels: what a chart of CAR-T at 0 h says; temperatures each 12 h from hour to hour.


def chart(*events: str, watched_until: int | None = None) -> list[str]:
    """A made-up chart, normal temperatures to some hour."""
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    hours = range(12, watched_until + 1, 12) if watched_until else ()
    times = [(start + dt.timedelta(hours=hour)).isoformat() for hour in hours]
    return [*events, *(f"1,{time},body_temperature,36.8,Cel,," for time in times)]


WINDOW = 14 * 24
CANNULA = "1,2024-01-01T10:30:00Z,oxygen_device,,,nasal_cannula,"  # its flow was not charted: grade 2 or 3
LABELS: list[tuple[str, list[str], list[bool], list[int]]] = [
    ("a fever", [FEVER], [True], [1]),
    ("an open grade", [FEVER, CANNULA], [True], []),
    ("watched to the end of the window", chart(watched_until=WINDOW), [False], [0]),
    ("12 h short of it", chart(watched_until=WINDOW - 12), [], []),
    ("no temperature at all", ["1,2024-01-20T00:00:00Z,crp,5,mg/L,,"], [], []),
    ("a fever at the last instant", ["1,2024-01-15T00:00:00Z,body_temperature,38.0,Cel,,"], [True], [1]),
]


@pytest.mark.parametrize(
    ("events", "any_", "highest"), [row[1:] for row in LABELS], ids=[row[0] for row in LABELS]
)
def test_labels(tmp_path: Path, events: list[str], any_: list[bool], highest: list[int]) -> None:
    out = exported(grade(csv_folder(tmp_path / "in", events), events="all"), tmp_path / "out")
    found = [pq.read_table(out / "labels" / f"{name}.parquet") for name in ("crs_any", "crs_grade_max")]
    assert found[0]["boolean_value"].to_pylist() == any_
    assert found[1]["integer_value"].to_pylist() == highest
    times = [dt.datetime(2024, 1, 1)]
    assert found[0]["prediction_time"].to_pylist() == times * len(any_)


def test_no_labels_without_those_who_had_no_crs(tmp_path: Path) -> None:
    therapies = [CAR_T, CAR_T.replace("1,", "2,", 1)]
    events = [FEVER, FEVER.replace("1,", "2,", 1).replace("38.5", "37.0")]
    source = csv_folder(tmp_path / "in", events, therapies)
    kept: dict[str, Any] = {
        kind: export(grade(source, events=kind), "meds", tmp_path / kind) for kind in ("episodes", "all")
    }
    assert kept["episodes"]["counts"]["labels"] == 0
    assert "--events all" in kept["episodes"]["notes"][1]
    assert not (tmp_path / "episodes" / "labels").exists()
    assert kept["all"]["counts"]["labels"] == 2

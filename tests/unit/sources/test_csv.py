"""Our own CSV layout: what its columns mean, how its times are read, how its rows are numbered."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.support.charts import STRIDE
from tests.support.made_up import CAR_T, FEVER, csv_folder, graded, reasons
from tocsin.results import Result


def utc(day: int, hour: int = 0, minute: int = 0, micro: int = 0) -> dt.datetime:
    """A moment of January 2024."""
    second = 59 if micro else 0
    return dt.datetime(2024, 1, day, hour, minute, second, micro, dt.UTC)


def line(time: str, signal: str, value: str = "", unit: str = "", text: str = "", end: str = "") -> str:
    """A line of subject 1."""
    return f"1,{time},{signal},{value},{unit},{text},{end}"


def rows_of(result: Result, signal: str) -> list[dict[str, Any]]:
    """The events of a signal."""
    return [row for row in result.events.to_pylist() if row["signal"] == signal]


def test_a_row_becomes_an_event_with_all_that_it_says(tmp_path: Path) -> None:
    infusion = line("2024-01-01T11:00:00Z", "norepinephrine", "8", "mcg/min", end="2024-01-01T13:00:00Z")
    [event] = rows_of(graded(csv_folder(tmp_path, [FEVER, infusion])), "norepinephrine")
    assert event == {
        "subject_id": 1, "time": utc(1, 11), "code": "norepinephrine", "numeric_value": 8.0, "text_value": None,
        "signal": "norepinephrine", "end": utc(1, 13), "event_id": 2,
    }  # fmt: skip


def test_event_ids_lead_back_to_file_and_line(tmp_path: Path) -> None:
    words = "subject_id,time,attribution\n1,2024-01-01T12:00:00Z,fever:other\n"
    result = graded(
        csv_folder(tmp_path, [line("2024-01-01T09:00:00Z", "crp", "5"), FEVER], annotations=words)
    )
    found = {row["signal"]: row["event_id"] for row in result.events.to_pylist()}
    assert found == {
        "crp": 1,
        "body_temperature": 2,
        "index_therapy": STRIDE + 1,
        "attribution": 2 * STRIDE + 1,
    }


def test_a_fluid_bolus_is_one_as_it_stands(tmp_path: Path) -> None:
    """However small, and without a duration: who writes our layout has decided it."""
    low, bolus = (
        line("2024-01-01T11:00:00Z", "systolic_bp", "80"),
        line("2024-01-01T12:00:00Z", "iv_fluid_bolus", "20"),
    )
    assert graded(csv_folder(tmp_path, [FEVER, low, bolus])).grades["hypotension"].to_pylist() == [
        "none",
        "untreated",
        "fluids",
    ]


@pytest.mark.parametrize("cells", [{"text": "bipap"}, {"value": "bipap"}, {"text": "BiPAP"}])
def test_a_device_stands_in_text_or_in_value(tmp_path: Path, cells: dict[str, str]) -> None:
    result = graded(csv_folder(tmp_path, [FEVER, line("2024-01-01T11:00:00Z", "oxygen_device", **cells)]))
    assert result.grades["oxygen"].to_pylist() == ["none", "positive_pressure"]


@pytest.mark.parametrize(
    ("written", "zone", "read"),
    [
        ("2024-01-01T11:00:00Z", "UTC", utc(1, 11)),
        ("2024-01-01T11:00", "UTC", utc(1, 11)),
        ("2024-01-01 11:00:00.000000", "UTC", utc(1, 11)),
        ("2024-01-01T11:00:00+02:00", "UTC", utc(1, 9)),
        ("2024-01-01T11:00:00", "America/New_York", utc(1, 16)),
        ("2024-01-01T11:00:00Z", "America/New_York", utc(1, 11)),
        ("2024-01-01T11:00:00-0500", "America/New_York", utc(1, 16)),
    ],
)
def test_times(tmp_path: Path, written: str, zone: str, read: dt.datetime) -> None:
    result = graded(csv_folder(tmp_path, [line(written, "crp", "5")]), settings={"zone": zone})
    assert [row["time"] for row in rows_of(result, "crp")] == [read]


@pytest.mark.parametrize(
    ("policy", "read"),
    [
        ("quarantine", None),
        ("start", utc(2)),
        ("noon", utc(2, 12)),
        ("end", utc(2, 23, 59, 999_999)),
    ],
)
def test_a_day_is_no_time_unless_a_place_in_it_is_chosen(
    tmp_path: Path, policy: str, read: dt.datetime | None
) -> None:
    result = graded(csv_folder(tmp_path, [line("2024-01-02", "crp", "5")]), settings={"date_only": policy})
    assert [row["time"] for row in rows_of(result, "crp")] == ([read] if read else [])
    assert reasons(result) == ([] if read else ["date_only"])


@pytest.mark.parametrize(
    ("zone", "end"), [("UTC", utc(2, 23, 59, 999_999)), ("America/New_York", utc(3, 4, 59, 999_999))]
)
def test_a_death_known_to_the_day_comes_after_that_day_s_last_event(
    tmp_path: Path, zone: str, end: dt.datetime
) -> None:
    """Whatever is chosen for other dates, and at the end of the day where it happened."""
    late = line("2024-01-02T23:59:00Z", "body_temperature", "39")
    result = graded(
        csv_folder(tmp_path, [FEVER, late, line("2024-01-02", "death", text="crs")]),
        settings={"zone": zone, "date_only": "start"},
    )
    assert result.grades["time"].to_pylist()[-1] == end
    assert result.episodes["ended"].to_pylist()[-1] == "death"


def test_a_therapy_s_cause_and_product(tmp_path: Path) -> None:
    told = "1,2024-01-01T00:00:00Z,bispecific,Teclistamab"
    assert graded(csv_folder(tmp_path, therapies=[told])).episodes.select(
        ["cause", "product"]
    ).to_pylist() == [{"cause": "t_cell_engager", "product": "teclistamab"}]


def test_a_signal_that_we_do_not_know_is_of_no_interest(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path, [FEVER, line("2024-01-01T11:00:00Z", "mood", "5")]))
    assert result.run["not_of_interest_by_reason"] == {"unmapped": 1}
    assert result.run["not_of_interest_by_code"] == {"mood": 1}


def test_an_interval_that_ends_before_it_starts_is_refused(tmp_path: Path) -> None:
    backwards = line("2024-01-01T11:00:00Z", "norepinephrine", "8", end="2024-01-01T10:59:59Z")
    at_once = line("2024-01-01T11:00:00Z", "norepinephrine", "8", end="2024-01-01T11:00:00Z")
    result = graded(csv_folder(tmp_path, [FEVER, backwards, at_once]))
    assert result.quarantine.select(["row", "column", "reason"]).to_pylist() == [
        {"row": 2, "column": "end", "reason": "end_before_start"}
    ]
    assert len(rows_of(result, "norepinephrine")) == 1


def test_what_lies_outside_the_window_is_of_no_interest_but_weights_count(tmp_path: Path) -> None:
    far = [
        line("2023-12-29T23:59:59Z", "crp", "5"),
        line("2024-03-01T00:00:01Z", "crp", "5"),
        line("2020-01-01T00:00:00Z", "weight", "80"),
        line("2024-06-01T00:00:00Z", "weight", "81"),
    ]
    edge = [line("2023-12-30T00:00:00Z", "crp", "6"), line("2024-03-01T00:00:00Z", "crp", "7")]
    reaching = line("2023-12-01T00:00:00Z", "norepinephrine", "0.1", "ug/kg/min", end="2023-12-30T00:00:00Z")
    short = line("2023-12-01T00:00:00Z", "dopamine", "5", end="2023-12-29T23:59:59Z")
    result = graded(csv_folder(tmp_path, [FEVER, *far, *edge, reaching, short]))
    assert result.run["not_of_interest_by_reason"] == {"outside_window": 3}
    assert [row["numeric_value"] for row in rows_of(result, "crp")] == [6.0, 7.0]
    assert [row["numeric_value"] for row in rows_of(result, "norepinephrine")] == [8.0]
    # of weights those before the window are kept: a dose may go by them
    assert [row["numeric_value"] for row in rows_of(result, "weight")] == [80.0]


def test_rows_of_someone_without_a_therapy_are_of_no_interest(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path, [FEVER, FEVER.replace("1,", "2,", 1)]))
    assert result.run["not_of_interest_by_reason"] == {"no_therapy": 1}
    assert result.subjects["subject_id"].to_pylist() == [1]


def test_integer_ids_are_kept_and_others_numbered_after_them_in_text_order(tmp_path: Path) -> None:
    names = ("b", "7", "a", "007")
    therapies = [CAR_T.replace("1,", f"{name},", 1) for name in names]
    result = graded(csv_folder(tmp_path, [FEVER.replace("1,", f"{name},", 1) for name in names], therapies))
    assert dict(zip(result.subjects["source_id"].to_pylist(), result.subjects["subject_id"].to_pylist(), strict=True)) == {
        "7": 7, "007": 8, "a": 9, "b": 10,
    }  # fmt: skip


def test_subjects_tell_birth_and_sex(tmp_path: Path) -> None:
    people = "subject_id,birth_date,sex\n1,2016-01-01,F\n"
    low = line("2024-01-01T11:00:00Z", "systolic_bp", "85")
    result = graded(csv_folder(tmp_path, [FEVER, low], subjects=people))
    assert result.subjects.to_pylist() == [
        {"subject_id": 1, "source_id": "1", "birth_date": dt.date(2016, 1, 1), "sex": "F"}
    ]
    assert result.grades["hypotension"].to_pylist() == ["none", "untreated"]
    assert result.grades["flags"].to_pylist() == [[], []]

"""Bad MEDS parquet, bad paths and bad settings: one clear line or a quarantine row, and the good rows come through."""

import datetime as dt
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.made_up import (
    CAR_T,
    ONSET,
    TEMPERATURE,
    MedsRow,
    at,
    csv_folder,
    graded,
    graded_or_refusal,
    meds_file,
    meds_table,
    onsets,
    reasons,
    refusal,
    side,
)
from tocsin.errors import UserError

BOTH = (CAR_T, CAR_T.replace("1,", "2,", 1))
GOOD: MedsRow = (1, at(10), TEMPERATURE, 38.5)
OTHER: MedsRow = (2, at(10), TEMPERATURE, 38.5)
NAN, INFINITY = float("nan"), float("inf")


def write(path: Path, table: pa.Table) -> Path:
    """Write a table as parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    """Replace a column."""
    return table.set_column(table.schema.get_field_index(name), name, column)


def test_bad_rows_go_to_quarantine_and_good_ones_are_graded(tmp_path: Path) -> None:
    bad: dict[str, tuple[MedsRow, str]] = {
        "NaN": ((1, at(11), TEMPERATURE, NAN), "not_a_number"),
        "infinity": ((1, at(11), TEMPERATURE, INFINITY), "not_a_number"),
        "minus infinity": ((1, at(11), "INFUSION_START//221906", -INFINITY), "not_a_number"),
        "no number": ((1, at(11), TEMPERATURE, None), "no_value"),
        "no subject": ((None, at(11), TEMPERATURE, 39.0), "no_subject"),
        "no time": ((1, None, TEMPERATURE, 39.0), "no_time"),
        "no code": ((1, at(11), None, 39.0), "no_code"),
        "a unit that is none": ((1, at(11), "LOINC//8310-5//furlong", 39.0), "unknown_unit"),
        "Fahrenheit called Celsius": ((1, at(11), "LAB//223762//°C", 99.0), "looks_like_fahrenheit"),
        "out of bounds": ((1, at(11), TEMPERATURE, -40.0), "out_of_bounds"),
    }
    file = meds_file(tmp_path / "0.parquet", [GOOD, *(row for row, _ in bad.values())])
    result = graded(file, therapies=side(tmp_path))
    found = {row["row"]: row["reason"] for row in result.quarantine.to_pylist()}
    assert found == {place: reason for place, (_, reason) in enumerate(bad.values(), 2)}
    assert set(result.quarantine["source"].to_pylist()) == {str(file)}
    assert onsets(result) == {1: ONSET}


BYTES = {
    "cut in two": lambda whole: whole[: len(whole) // 2],
    "without its end": lambda whole: whole[:-4],
    "empty": lambda whole: b"",
    "text": lambda whole: b"subject_id,time\n",
    "damaged inside": lambda whole: whole[:8] + b"\xff" * 60 + whole[68:],
}


@pytest.mark.parametrize("change", BYTES.values(), ids=BYTES)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside a good shard"])
def test_a_broken_file_is_refused_by_name(tmp_path: Path, change: object, alone: bool) -> None:
    bad = meds_file(tmp_path / "data" / "1.parquet")
    bad.write_bytes(change(bad.read_bytes()))  # type: ignore[operator]
    if not alone:
        meds_file(tmp_path / "data" / "0.parquet")
    assert str(bad) in refusal(bad if alone else tmp_path, therapies=side(tmp_path))


@pytest.mark.parametrize("name", ["subject_id", "time", "code", "numeric_value"])
def test_a_missing_column_is_named(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / "0.parquet", meds_table([GOOD]).drop_columns([name]))
    message = refusal(file, therapies=side(tmp_path))
    assert str(file) in message
    assert name in message


WRONG_TYPES = {
    "subjects as text": ("subject_id", pa.array(["007", "7"])),
    "subjects as words": ("subject_id", pa.array(["anna", "7"])),
    "subjects as fractions": ("subject_id", pa.array([1.0, 2.5])),
    "times as text": ("time", pa.array(["2024-01-01T10:00:00", "tomorrow"])),
    "times as numbers": ("time", pa.array([1, 2])),
    "times as dates": ("time", pa.array([dt.date(2024, 1, 1)] * 2)),
    "codes as numbers": ("code", pa.array([1, 2])),
    "codes as lists": ("code", pa.array([["a"], ["b"]])),
    "numbers as text": ("numeric_value", pa.array(["38.5", "hot"])),
}


@pytest.mark.parametrize(("name", "column"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_column_of_the_wrong_type_is_refused_by_name(tmp_path: Path, name: str, column: pa.Array) -> None:
    file = write(tmp_path / "0.parquet", put(meds_table([GOOD, OTHER]), name, column))
    message = refusal(file, therapies=side(tmp_path, *BOTH))
    assert str(file) in message
    assert name in message


NEAR_TYPES = {
    "subjects of 32 bits": ("subject_id", pa.array([1, 2], pa.int32())),
    "nanoseconds": ("time", pa.array([at(10)] * 2, pa.timestamp("ns"))),
    "codes as a dictionary": ("code", pa.array([TEMPERATURE] * 2).dictionary_encode()),
    "numbers of 64 bits": ("numeric_value", pa.array([38.5, 38.5], pa.float64())),
}


@pytest.mark.parametrize(("name", "column"), NEAR_TYPES.values(), ids=NEAR_TYPES)
def test_a_column_of_a_near_type_is_read(tmp_path: Path, name: str, column: pa.Array) -> None:
    file = write(tmp_path / "0.parquet", put(meds_table([GOOD, OTHER]), name, column))
    result = graded(file, therapies=side(tmp_path, *BOTH))
    assert onsets(result) == {1: ONSET, 2: ONSET}


def test_numbers_of_64_bits_are_noted(tmp_path: Path) -> None:
    column = pa.array([38.5], pa.float64())
    file = write(tmp_path / "0.parquet", put(meds_table([GOOD]), "numeric_value", column))
    result = graded(file, therapies=side(tmp_path))
    assert any("numeric_value" in note for note in result.run["notes"])


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_zone_is_for_times_without_one(tmp_path: Path, zone: str) -> None:
    column = pa.array([at(10)] * 2, pa.timestamp("us", "UTC"))
    file = write(tmp_path / "0.parquet", put(meds_table([GOOD, OTHER]), "time", column))
    result = graded(file, therapies=side(tmp_path, *BOTH), settings={"zone": zone})
    assert onsets(result) == {1: ONSET, 2: ONSET}


def test_two_people_under_one_id_are_not_silently_one(tmp_path: Path) -> None:
    births: list[MedsRow] = [(1, dt.datetime(year, 1, 1), "MEDS_BIRTH", None) for year in (1980, 1990)]
    file = meds_file(tmp_path / "0.parquet", [*births, GOOD])
    result = graded_or_refusal(file, therapies=side(tmp_path))
    assert str(file) in result if isinstance(result, str) else "two_subjects" in reasons(result)


def test_sorted_rows_of_two_subjects_are_not_sorted_again(tmp_path: Path) -> None:
    result = graded(meds_file(tmp_path / "0.parquet", [GOOD, OTHER]), therapies=side(tmp_path, *BOTH))
    assert onsets(result) == {1: ONSET, 2: ONSET}
    assert not any("sorted" in note for note in result.run["notes"])


def test_unsorted_rows_give_the_same_and_a_note(tmp_path: Path) -> None:
    rows: list[MedsRow] = [(1 + n % 2, at(10 + n / 10), TEMPERATURE, 38 + n % 5 / 10) for n in range(200)]
    therapies = side(tmp_path, *BOTH)
    mixed = graded(meds_file(tmp_path / "a" / "0.parquet", rows[::-1]), therapies=therapies)
    straight = graded(
        meds_file(tmp_path / "b" / "0.parquet", sorted(rows, key=lambda row: (row[0], row[1]))),  # type: ignore[arg-type, return-value]
        therapies=therapies,
    )
    assert mixed.episodes.equals(straight.episodes)
    ids = [name for name in straight.grades.column_names if name.startswith("evidence_")]
    assert mixed.grades.drop_columns(ids).equals(straight.grades.drop_columns(ids))
    assert any("sorted" in note for note in mixed.run["notes"])


def test_a_million_events_on_one_timestamp(tmp_path: Path) -> None:
    place = pa.array([0]).take(pa.array([0] * 1_000_000))
    one = meds_table([GOOD])
    table = pa.table({name: one[name].combine_chunks().take(place) for name in one.column_names})
    result = graded(write(tmp_path / "0.parquet", table), therapies=side(tmp_path), events="none")
    assert result.run["rows_used"] == 1_000_001
    assert onsets(result) == {1: ONSET}
    assert result.grades.num_rows == 1


def test_text_of_one_shard_counts_though_another_has_none(tmp_path: Path) -> None:
    device = meds_table([(1, at(11), "LAB//226732//UNK", None)]).append_column(
        "text_value", pa.array(["Nasal cannula"])
    )
    write(tmp_path / "data" / "1.parquet", device)
    meds_file(tmp_path / "data" / "0.parquet")
    result = graded(tmp_path, therapies=side(tmp_path))
    assert "nasal_cannula" in result.events["text_value"].to_pylist()


PATTERNS = ["a[1]", "b*", "c?"]
ODD_NAMES = ["d'e", 'f "g" {h}', "i%20j;k", "ü ñ"]


@pytest.mark.parametrize("name", [*PATTERNS, *ODD_NAMES])
def test_a_path_is_a_name_and_no_pattern(tmp_path: Path, name: str) -> None:
    for folder in (name, "a1", "bb", "cc"):
        meds_file(tmp_path / folder / "0.parquet")
    assert graded(tmp_path / name, therapies=side(tmp_path)).run["rows_read"] == 2


def test_a_csv_path_is_a_name_and_no_pattern(tmp_path: Path) -> None:
    starred, other = (csv_folder(tmp_path / name) for name in ("b*", "bb"))
    assert graded(starred).run["rows_read"] == graded(other).run["rows_read"] == 2


def test_paths_with_nothing_to_read(tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    assert str(folder) in refusal(folder)
    (folder / "data").mkdir()
    (folder / "notes.txt").write_text("nothing here", encoding="utf-8")
    for format in ("auto", "meds", "csv"):
        assert str(folder) in refusal(folder, format=format)
    assert str(folder / "notes.txt") in refusal(folder / "notes.txt")
    assert str(tmp_path / "absent") in refusal(tmp_path / "absent")


def test_no_path_at_all_is_refused() -> None:
    with pytest.raises(UserError):
        graded([])  # type: ignore[arg-type]


def test_sources_of_two_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="csv, meds"):
        graded([meds_file(tmp_path / "0.parquet"), csv_folder(tmp_path / "csv")])  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["therapies", "annotations", "codes"])
def test_a_side_file_that_is_missing_or_a_folder(tmp_path: Path, option: str) -> None:
    folder = csv_folder(tmp_path / "in")
    for path in (tmp_path / "absent.csv", tmp_path):
        assert str(path) in refusal(folder, **{option: path})


SETTINGS = [
    ("fever_hold", "long"), ("fever_hold_h", "-1"), ("fever_hold_h", "nan"), ("fever_hold_h", "inf"), ("fever_hold_h", ""),
    ("feverhold", "3"), ("zone", "Mars/Base"), ("zone", ""), ("zone", "../etc/passwd"), ("date_only", "midnight"),
    ("orders_count", "maybe"), ("", "3"), ("scale", "astct"), ("fio2_cut", "101"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), SETTINGS)
def test_a_setting_that_makes_no_sense_is_refused_by_name(tmp_path: Path, key: str, value: str) -> None:
    message = refusal(csv_folder(tmp_path / "in"), settings={key: value})
    assert key in message


def test_words_that_choose(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in")
    assert "sofa" in refusal(folder, scale="sofa")
    assert "hl7" in refusal(folder, format="hl7")
    assert "some" in refusal(folder, events="some")


DATE_ONLY = {"start": at(0), "noon": at(12), "end": at(24) - dt.timedelta(microseconds=1)}


@pytest.mark.parametrize("policy", DATE_ONLY)
def test_dates_follow_the_policy_that_the_user_chose(tmp_path: Path, policy: str) -> None:
    fever = "1,2024-01-01,body_temperature,38.5,Cel,,"
    therapy = "1,2023-12-31T00:00:00Z,car_t,"
    folder = csv_folder(tmp_path / "in", [fever], [therapy])
    result = graded(folder, settings={"date_only": policy})
    assert onsets(result) == {1: DATE_ONLY[policy].replace(tzinfo=dt.UTC)}
    there = graded(folder, settings={"date_only": policy, "zone": "America/New_York"})
    assert onsets(there) == {1: (DATE_ONLY[policy] + dt.timedelta(hours=5)).replace(tzinfo=dt.UTC)}


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    folder = csv_folder(tmp_path / "in")
    file = meds_file(tmp_path / "0.parquet")
    for path in (folder / "events.csv", file):
        path.chmod(0)
        assert str(path) in refusal(folder if path.suffix == ".csv" else file)

"""What `docs` and the specification promise of the output files: names, columns, types, words, bits, order."""

import csv
import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.made_up import CAR_T, EVENTS, FEVER, csv_folder, graded, write_lines
from tocsin.errors import UserError
from tocsin.knowledge.causes import causes
from tocsin.knowledge.flags import flags as known_flags
from tocsin.knowledge.signals import signals
from tocsin.knowledge.vocabulary import DOSE_BAND, DRIVER, FIO2_BAND, HYPOTENSION, OXYGEN
from tocsin.results import Result, read_result

SCALES = ("astct", "ctcae4", "ctcae5", "ctcae6", "lee2014", "penn", "mskcc", "cartox")
FILES = {
    "grades.parquet", "episodes.parquet", "events.parquet", "subjects.parquet", "quarantine.parquet",
    "queries.csv", "unmapped.csv", "run.json",
}  # fmt: skip
TIME = pa.timestamp("us", "UTC")
STATES = {
    "fever": pa.bool_(), "fever_waived": pa.bool_(), "hypotension": pa.string(), "dose_band": pa.string(), "run_24h": pa.bool_(),
    "oxygen": pa.string(), "fio2_band": pa.string(), "airway_tube": pa.bool_(),
}  # fmt: skip
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "grades": {
        "subject_id": pa.int64(), "time": TIME, "episode": pa.int32(), "cause": pa.string(), "product": pa.string(), **STATES,
        **{scale: pa.int8() for scale in SCALES}, **{f"{scale}_set": pa.uint8() for scale in SCALES},
        "driver": pa.string(), "evidence_fever": pa.int64(), "evidence_pressure": pa.int64(), "evidence_vasopressor": pa.int64(),
        "evidence_oxygen": pa.int64(), "flags": pa.list_(pa.string()), "closing": pa.bool_(),
    },
    "episodes": {
        "subject_id": pa.int64(), "episode": pa.int32(), "cause": pa.string(), "product": pa.string(), "therapy_time": TIME,
        "onset": TIME, "resolved_at": TIME, "ended": pa.string(), "hours": pa.float64(),
        **{f"{scale}_peak_low": pa.int8() for scale in SCALES}, **{f"{scale}_peak_high": pa.int8() for scale in SCALES},
        **{f"{scale}_peak_time": TIME for scale in SCALES},
        "tocilizumab_doses": pa.int32(), "first_tocilizumab": TIME, "glucocorticoid_days": pa.int32(),
        "vasopressor_hours": pa.float64(), "highest_oxygen": pa.string(), "icans_peak": pa.int8(), "flags": pa.list_(pa.string()),
    },
    "events": {
        "subject_id": pa.int64(), "time": TIME, "code": pa.string(), "numeric_value": pa.float64(), "text_value": pa.string(),
        "signal": pa.string(), "end": TIME, "event_id": pa.int64(),
    },
    "subjects": {"subject_id": pa.int64(), "source_id": pa.string(), "birth_date": pa.date32(), "sex": pa.string()},
    "quarantine": {
        "source": pa.string(), "row": pa.int64(), "column": pa.string(), "value": pa.string(), "reason": pa.string(),
    },
}  # fmt: skip
ALL_FLAGS = set(known_flags())

# A made-up chart in which every column that may be null is both null and not.
CHART = [
    "1,2024-01-01T06:00:00Z,norepinephrine,2,ug/min,,2024-01-01T08:00:00Z",
    FEVER,
    "1,2024-01-01T11:00:00Z,systolic_bp,82,mm[Hg],,",
    "1,2024-01-01T11:30:00Z,norepinephrine,25,ug/min,,2024-01-02T14:00:00Z",
    "1,2024-01-01T12:00:00Z,vasopressin,0.03,[IU]/min,,2024-01-01T14:00:00Z",
    "1,2024-01-01T12:30:00Z,oxygen_device,,,nasal cannula,2024-01-01T18:00:00Z",
    "1,2024-01-01T13:30:00Z,inhaled_o2_flow,3,L/min,,",
    "1,2024-01-01T14:00:00Z,tocilizumab,600,mg,,",
    "1,2024-01-01T15:00:00Z,oxygen_device,,,invasive_ventilation,2024-01-01T20:00:00Z",
    "1,2024-01-01T15:00:00Z,fio2,60,%,,",
    "1,2024-01-02T09:00:00Z,ice_score,7,{score},,",
    "1,2024-01-05T09:00:00Z,heart_rate,80,/min,,",
    "1,2024-01-01T16:00:00Z,body_temperature,hot,Cel,,",
    "1,2024-01-01T16:00:00Z,oxygen_device,,,magic cloud,",
    "anna,2024-01-01T10:00:00Z,body_temperature,39,Cel,,",
    "anna,2024-01-01T11:00:00Z,oxygen_device,,,cpap,",
    "anna,2024-01-02T11:00:00Z,death,,,crs,",
    "5,2024-01-01T11:00:00Z,heart_rate,80,/min,,",
    "6,2024-01-01T11:00:00Z,heart_rate,80,/min,,",
]
THERAPIES = [CAR_T, "anna,2024-01-01T00:00:00Z,bispecific,", "5,2024-01-01T00:00:00Z,haplo_hct,"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """The chart, graded into a folder."""
    folder = tmp_path_factory.mktemp("contract")
    source = csv_folder(
        folder / "in", CHART, THERAPIES, subjects="subject_id,birth_date,sex\n1,1980-01-01,f\n"
    )
    return graded(source, out=folder / "out"), folder / "out"


@pytest.fixture(scope="module")
def tables(run: tuple[Result, Path]) -> dict[str, pa.Table]:
    """The parquet files."""
    return {name: pq.read_table(run[1] / f"{name}.parquet") for name in COLUMNS}


def test_the_folder_holds_the_promised_files_and_no_other(run: tuple[Result, Path]) -> None:
    assert {path.name for path in run[1].iterdir()} == FILES
    assert [path.name for path in run[1].parent.iterdir() if path.name.startswith(".")] == []


def plain(kind: pa.DataType) -> pa.DataType:
    """A type without its dictionary: an encoding, not a promise."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


@pytest.mark.parametrize(("name", "column"), [(name, column) for name in COLUMNS for column in COLUMNS[name]])
def test_columns_and_types(tables: dict[str, pa.Table], name: str, column: str) -> None:
    assert plain(tables[name].schema.field(column).type) == COLUMNS[name][column]


def test_memory_and_files_hold_the_same(run: tuple[Result, Path], tables: dict[str, pa.Table]) -> None:
    in_memory = graded(run[1].parent / "in")
    for name in COLUMNS:
        assert getattr(in_memory, name).to_pylist() == tables[name].to_pylist()
        assert getattr(read_result(run[1]), name).to_pylist() == tables[name].to_pylist()


WORDS = {
    "hypotension": set(HYPOTENSION), "dose_band": {*DOSE_BAND, None}, "oxygen": set(OXYGEN), "fio2_band": {*FIO2_BAND, None},
    "driver": {*DRIVER, None}, "cause": {cause.id for cause in causes()},
}  # fmt: skip


@pytest.mark.parametrize("column", WORDS)
def test_states_are_written_in_the_words_of_the_specification(
    tables: dict[str, pa.Table], column: str
) -> None:
    rows = tables["grades"].to_pylist()
    assert {row[column] for row in rows if not row["closing"]} <= WORDS[column]


def test_words_of_the_other_files(tables: dict[str, pa.Table]) -> None:
    assert set(tables["episodes"]["ended"].to_pylist()) <= {"resolved", "death", None}
    assert set(tables["events"]["signal"].to_pylist()) <= {signal.name for signal in signals()}
    for name in ("grades", "episodes"):
        for flags in tables[name]["flags"].to_pylist():
            assert flags == sorted(flags)
            assert set(flags) <= ALL_FLAGS


@pytest.mark.parametrize("scale", SCALES)
def test_a_set_is_bits_and_a_grade_is_its_only_member(tables: dict[str, pa.Table], scale: str) -> None:
    for row in tables["grades"].to_pylist():
        members = [grade for grade in range(8) if row[f"{scale}_set"] >> grade & 1]
        assert members
        assert max(members) <= 5
        assert row[scale] == (members[0] if len(members) == 1 else None)
    assert {row[scale] for row in tables["grades"].to_pylist()} >= {5}


def test_nulls_stand_where_the_specification_says(tables: dict[str, pa.Table]) -> None:
    counted = ("one", "one_plus_vasopressin", "multiple")
    for row in tables["grades"].to_pylist():
        assert (row["dose_band"] is not None) == (row["hypotension"] in counted)
        assert (row["run_24h"] is not None) == (row["hypotension"] in counted)
        assert (row["fio2_band"] is None) == (row["closing"] or row["oxygen"] == "none")
        assert (row["driver"] is None) == (row["closing"] and row["astct_set"] == 1)
        if row["closing"]:
            assert all(row[state] is None for state in STATES)


ORDER = {
    "grades": ("subject_id", "time"), "episodes": ("subject_id", "episode"), "events": ("subject_id", "time"),
    "subjects": ("subject_id",),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDER)
def test_files_are_sorted(tables: dict[str, pa.Table], name: str) -> None:
    keys = [tuple(row[key] for key in ORDER[name]) for row in tables[name].to_pylist()]
    assert len(keys) > 1
    assert keys == sorted(keys)


def test_subjects_are_those_with_a_therapy_and_integers_keep_their_number(
    tables: dict[str, pa.Table],
) -> None:
    rows = {row["source_id"]: row for row in tables["subjects"].to_pylist()}
    assert set(rows) == {"1", "5", "anna"}
    assert (rows["1"]["subject_id"], rows["5"]["subject_id"]) == (1, 5)
    assert rows["anna"]["subject_id"] not in (1, 5, 6)
    assert (rows["1"]["birth_date"], rows["1"]["sex"]) == (dt.date(1980, 1, 1), "f")
    assert (rows["5"]["birth_date"], rows["5"]["sex"]) == (None, None)


def test_a_synonym_of_a_cause_is_written_as_the_cause(tables: dict[str, pa.Table]) -> None:
    assert set(tables["episodes"]["cause"].to_pylist()) == {"car_t", "t_cell_engager"}


def test_event_ids_are_unique(tables: dict[str, pa.Table]) -> None:
    ids = tables["events"]["event_id"].to_pylist()
    assert len(set(ids)) == len(ids)


def test_event_ids_are_unique_over_side_files_too(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in", therapies=[])
    side = write_lines(tmp_path / "t.csv", "subject_id,time,cause,product", [CAR_T])
    lines = ["1,2024-01-01T11:00:00Z,hypotension:other"]
    notes = write_lines(tmp_path / "a.csv", "subject_id,time,attribution", lines)
    ids = graded(folder, therapies=side, annotations=notes).events["event_id"].to_pylist()
    assert len(ids) == 3
    assert len(set(ids)) == 3


EVIDENCE = {
    "evidence_fever": {"body_temperature"},
    "evidence_pressure": {"systolic_bp", "mean_arterial_pressure"},
    "evidence_vasopressor": {"norepinephrine"},
    "evidence_oxygen": {"oxygen_device", "inhaled_o2_flow", "fio2"},
}


@pytest.mark.parametrize("column", EVIDENCE)
def test_evidence_names_an_event_of_the_subject(tables: dict[str, pa.Table], column: str) -> None:
    events = {row["event_id"]: row for row in tables["events"].to_pylist()}
    shown = [row for row in tables["grades"].to_pylist() if row[column] is not None]
    assert shown
    for row in shown:
        assert events[row[column]]["signal"] in EVIDENCE[column]
        assert events[row[column]]["subject_id"] == row["subject_id"]
        assert events[row[column]]["time"] <= row["time"]


def test_an_event_of_an_annotation_or_therapy_says_what_it_is(tables: dict[str, pa.Table]) -> None:
    words = {
        row["signal"]: row["text_value"] for row in tables["events"].to_pylist() if row["subject_id"] == 1
    }
    assert words["index_therapy"] == "car_t"
    assert words["body_temperature"] is None


def test_quarantine_points_to_file_and_row(tables: dict[str, pa.Table]) -> None:
    (row,) = tables["quarantine"].to_pylist()
    assert row["source"].endswith("events.csv")
    assert (row["row"], row["column"], row["value"], row["reason"]) == (13, "value", "hot", "not_a_number")


def test_run_json(run: tuple[Result, Path]) -> None:
    found: dict[str, Any] = json.loads((run[1] / "run.json").read_text(encoding="utf-8"))
    counts = ("rows_read", "rows_used", "not_of_interest", "quarantined", "events", "subjects", "episodes")
    assert all(isinstance(found[name], int) for name in counts)
    assert found["rows_read"] == len(CHART) + len(THERAPIES) + 1
    assert found["rows_read"] == found["rows_used"] + found["not_of_interest"] + found["quarantined"]
    assert (found["subjects"], found["episodes"]) == (3, 2)
    assert all(isinstance(seconds, float) for seconds in found["seconds"].values())
    assert found["seconds"]
    assert found["parameters"]["fever_hold_h"] == 24
    assert {"tocsin", "python"} <= set(found["versions"])
    assert isinstance(found["knowledge"], str)
    assert len(found["knowledge"]) >= 32
    assert found == run[0].run


def test_queries_have_a_line_for_each_undecided_stretch(run: tuple[Result, Path]) -> None:
    with (run[1] / "queries.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        assert {"subject_id", "from", "to", "set", "what_to_ask"} <= set(row)
        assert bin(int(row["set"])).count("1") > 1
        assert row["what_to_ask"].strip()
        assert dt.datetime.fromisoformat(row["from"]).tzinfo is not None
        assert not row["to"] or dt.datetime.fromisoformat(row["from"]) < dt.datetime.fromisoformat(row["to"])


def test_unmapped_names_the_word(run: tuple[Result, Path]) -> None:
    with (run[1] / "unmapped.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["text"] == "magic cloud"


KEPT = {"all": {1, 5, 7}, "episodes": {1, 7}, "none": set[int]()}


@pytest.mark.parametrize("kept", KEPT)
def test_whose_events_are_kept(tmp_path: Path, run: tuple[Result, Path], kept: str) -> None:
    result = graded(run[1].parent / "in", out=tmp_path / "out", events=kept)
    numbers = dict(
        zip(result.subjects["source_id"].to_pylist(), result.subjects["subject_id"].to_pylist(), strict=True)
    )
    expected = {numbers["anna"] if subject == 7 else subject for subject in KEPT[kept]}
    table = pq.read_table(tmp_path / "out" / "events.parquet")
    assert set(table["subject_id"].to_pylist()) == expected
    assert table.schema.names == list(COLUMNS["events"])
    assert result.grades.equals(run[0].grades)


def test_two_runs_give_the_same_bytes(tmp_path: Path, run: tuple[Result, Path]) -> None:
    graded(run[1].parent / "in", out=tmp_path / "again")
    names = sorted(FILES - {"run.json"})
    assert [
        name for name in names if (tmp_path / "again" / name).read_bytes() != (run[1] / name).read_bytes()
    ] == []


SETTINGS = {
    "a number by its key": {"fever_threshold_cel": "39"},
    "a number by its short name": {"fever_hold": "48"},
    "a zone": {"zone": "America/New_York"},
    "dates": {"date_only": "noon"},
    "orders": {"orders_count": "true"},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_every_kind_of_setting_is_taken_and_noted(tmp_path: Path, settings: dict[str, str]) -> None:
    result = graded(csv_folder(tmp_path / "in"), settings=settings)
    assert result.run["parameters"]["set"] == settings


def test_a_setting_changes_the_grade(tmp_path: Path) -> None:
    assert graded(csv_folder(tmp_path / "in"), settings={"fever_threshold": "38.6"}).episodes.num_rows == 0


def test_the_scale_of_record_decides_the_driver_and_the_queries(tmp_path: Path) -> None:
    low = "1,2024-01-01T11:00:00Z,systolic_bp,80,mm[Hg],,"
    folder = csv_folder(tmp_path / "in", [FEVER, low])
    asked: dict[str, str] = {}
    for scale in ("astct", "ctcae5"):
        graded(folder, scale=scale, out=tmp_path / scale)
        asked[scale] = (tmp_path / scale / "queries.csv").read_text(encoding="utf-8")
    assert len(asked["astct"].splitlines()) < len(asked["ctcae5"].splitlines())


def test_an_empty_result_has_all_files_and_columns(tmp_path: Path) -> None:
    result = graded(csv_folder(tmp_path / "in", [], []), out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    for name, columns in COLUMNS.items():
        assert set(columns) <= set(pq.read_table(tmp_path / "out" / f"{name}.parquet").schema.names)
    assert result.run["rows_read"] == 0


def test_a_folder_without_a_whole_run_is_refused(tmp_path: Path, run: tuple[Result, Path]) -> None:
    with pytest.raises(UserError, match=r"run\.json"):
        read_result(tmp_path)
    for name in ("run.json", "grades.parquet"):
        copy = tmp_path / name
        shutil.copytree(run[1], copy)
        (copy / name).write_bytes((copy / name).read_bytes()[:9])
        with pytest.raises(UserError, match=re.escape(name)):
            read_result(copy)


def test_semicolons_and_an_empty_unit_mean_the_canonical_one(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in")
    write_lines(
        folder / "events.csv", EVENTS.replace(",", ";"), [FEVER.replace(",Cel", ",").replace(",", ";")]
    )
    assert graded(folder).episodes.num_rows == 1

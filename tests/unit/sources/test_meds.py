"""MEDS: what its codes say, how a start finds its end, what happened and what was only ordered."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.made_up import MEDS, MedsRow, at, graded, meds_file, onsets, side
from tocsin.results import Result

FEVER: MedsRow = (1, at(10), "LOINC//8310-5", 38.5)
NOREPINEPHRINE = "INFUSION_START//221906"  # ug/kg/min by the code list's hint
STOPPED = "INFUSION_END//221906"
SALINE, SALINE_END = "INFUSION_START//225158", "INFUSION_END//225158"
WEIGHT = "SUBJECT_WEIGHT_AT_INFUSION//KG"


def run(folder: Path, *rows: MedsRow, **options: Any) -> Result:
    """Grade MEDS rows of subject 1, who has CAR-T and a fever at 10 h."""
    return graded(meds_file(folder / "data" / "0.parquet", [FEVER, *rows]), therapies=side(folder), **options)


def crowd(folder: Path, charts: list[list[MedsRow]]) -> Result:
    """Grade many charts at once, each as a subject of its own, numbered from 1, with CAR-T and a fever at 10 h."""
    rows = [
        (n, *row[1:])
        for n, chart in enumerate(charts, 1)
        for row in sorted([FEVER, *chart], key=lambda one: one[1] or at(0))
    ]
    therapies = [f"{n},2024-01-01T00:00:00Z,car_t," for n in range(1, len(charts) + 1)]
    return graded(meds_file(folder / "data" / "0.parquet", rows), therapies=side(folder, *therapies))


def events(result: Result, signal: str, subject: int = 1) -> list[tuple[float, float | None, float | None]]:
    """Start (hours), value and end (hours) of a subject's events of a signal."""
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

    def hours(time: dt.datetime | None) -> float | None:
        return None if time is None else (time - start).total_seconds() / 3600

    rows = [
        row for row in result.events.to_pylist() if row["signal"] == signal and row["subject_id"] == subject
    ]
    return [(hours(row["time"]) or 0.0, row["numeric_value"], hours(row["end"])) for row in rows]


CODES: list[tuple[str, float | None, str | None, float | None]] = [
    ("LOINC//8310-5", 39.0, "body_temperature", 39.0),
    ("LOINC//8310-5//Cel", 39.0, "body_temperature", 39.0),
    ("LOINC//8310-5//[degF]", 102.2, "body_temperature", 39.0),
    ("http://loinc.org//8310-5", 39.0, None, None),
    ("LAB//223762//°C", 39.0, "body_temperature", 39.0),
    ("LAB//223761//°F", 102.2, "body_temperature", 39.0),
    ("LAB//223761", 102.2, "body_temperature", 39.0),
    ("LAB//223835", 0.5, "fio2", 50.0),
    ("LAB//220179//mmHg", 80.0, "systolic_bp", 80.0),
    ("RxNorm//7512", 5.0, "norepinephrine", 5.0),
    ("RxNorm//7512//mg/h", 0.3, "norepinephrine", 5.0),
    ("Weight (Lbs)", 154.0, "weight", 154 * 0.45359237),
    (WEIGHT, 70.0, "weight", 70.0),
    ("PROCEDURE//START//225792", None, "oxygen_device", None),
    ("MEDICATION//Acetaminophen//Administered", None, "acetaminophen", None),
    ("SNOMED//428311008", None, "oxygen_device", None),
    ("NOBODY//KNOWS", 1.0, None, None),
    ("LAB//224027//°C", 39.0, None, None),
]


def test_code_forms(tmp_path: Path) -> None:
    result = crowd(tmp_path, [[(1, at(12), code, value)] for code, value, _, _ in CODES])
    found = {
        row["subject_id"]: (row["signal"], row["numeric_value"])
        for row in result.events.to_pylist()
        if row["time"].hour == 12
    }
    for subject, (code, _, signal, expected) in enumerate(CODES, 1):
        assert found.get(subject, (None, None)) == (signal, pytest.approx(expected)), code


def test_a_code_with_a_slash_pair_in_its_unit_is_not_cut_there(tmp_path: Path) -> None:
    """`//` parts system, code and unit; `mg/h` has one slash."""
    assert events(
        run(tmp_path, (1, at(12), "RxNorm//7512//ug/kg/min", 0.1), (1, at(1), WEIGHT, 70.0)), "norepinephrine"
    ) == [(12.0, pytest.approx(7.0), None)]


# Starts and ends


def test_a_start_runs_to_the_next_end_of_its_code(tmp_path: Path) -> None:
    rows = [
        (1, at(11), WEIGHT, 100.0),
        (1, at(12), NOREPINEPHRINE, 0.1),
        (1, at(14), STOPPED, 55.0),
        (1, at(16), STOPPED, 77.0),
    ]
    result = run(tmp_path, *rows)
    assert events(result, "norepinephrine") == [(12.0, pytest.approx(10.0, rel=1e-6), 14.0)]
    assert result.run["not_of_interest_by_reason"] == {"end_without_used_start": 1}


def test_the_amount_of_an_end_is_never_a_rate(tmp_path: Path) -> None:
    result = run(
        tmp_path, (1, at(12), NOREPINEPHRINE, None), (1, at(14), STOPPED, 0.2), (1, at(1), WEIGHT, 70.0)
    )
    assert events(result, "norepinephrine") == [(12.0, None, 14.0)]


def test_a_start_without_an_end_is_open(tmp_path: Path) -> None:
    assert events(run(tmp_path, (1, at(12), NOREPINEPHRINE, 0.1)), "norepinephrine") == [(12.0, None, None)]


def test_an_end_at_the_instant_of_a_start_belongs_to_the_one_before(tmp_path: Path) -> None:
    """Rates change by an end and a start of one time; the end often stands first."""
    rows = [
        (1, at(11), WEIGHT, 100.0),
        (1, at(12), NOREPINEPHRINE, 0.1),
        (1, at(13), STOPPED, 1.0),
        (1, at(13), NOREPINEPHRINE, 0.2),
        (1, at(15), STOPPED, 1.0),
    ]
    expected = [(12.0, pytest.approx(10.0, rel=1e-6), 13.0), (13.0, pytest.approx(20.0, rel=1e-6), 15.0)]
    assert events(run(tmp_path / "one", *rows), "norepinephrine") == expected
    swapped = [*rows[:2], rows[3], rows[2], rows[4]]
    assert events(run(tmp_path / "other", *swapped), "norepinephrine") == expected


def test_an_end_pairs_neither_with_another_code_nor_with_another_subject(tmp_path: Path) -> None:
    other_code = run(
        tmp_path / "a", (1, at(12), NOREPINEPHRINE, 0.1), (1, at(13), "INFUSION_END//222315", 1.0)
    )
    other_subject = run(tmp_path / "b", (1, at(12), NOREPINEPHRINE, 0.1), (2, at(13), STOPPED, 1.0))
    assert (
        events(other_code, "norepinephrine")
        == events(other_subject, "norepinephrine")
        == [(12.0, None, None)]
    )


def test_an_end_before_any_start_is_of_no_interest(tmp_path: Path) -> None:
    result = run(tmp_path, (1, at(11), STOPPED, 1.0), (1, at(12), NOREPINEPHRINE, 0.1))
    assert events(result, "norepinephrine") == [(12.0, None, None)]
    assert result.run["not_of_interest_by_reason"] == {"end_without_used_start": 1}


def test_a_pair_is_one_event_of_two_used_rows(tmp_path: Path) -> None:
    result = run(tmp_path, (1, at(12), NOREPINEPHRINE, 0.1), (1, at(13), STOPPED, 1.0))
    assert (result.run["rows_used"], result.run["events"]) == (4, 3)  # therapy, fever, start with end


def test_a_ventilation_runs_from_its_start_to_its_end(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        (1, at(12), "PROCEDURE//START//225792", None),
        (1, at(15), "PROCEDURE//END//225792", None),
        (1, at(20), *FEVER[2:]),
    )
    assert events(result, "oxygen_device") == [(12.0, None, 15.0)]
    assert result.grades["oxygen"].to_pylist() == ["none", "ventilator", "none"]


FLUIDS: list[tuple[float | None, int, float | None, bool]] = [  # mL, minutes, kg, whether it is a bolus
    (250.0, 60, None, True),
    (249.0, 60, None, False),
    (250.0, 61, None, False),
    (500.0, 1, None, True),
    (250.0, 60, 40.0, True),
    (249.0, 60, 40.0, False),
    (197.0, 60, 39.5, False),
    (197.5, 60, 39.5, True),
    (50.0, 30, 10.0, True),
    (49.0, 30, 10.0, False),
    (None, 30, None, False),
]


def test_what_makes_a_fluid_a_bolus(tmp_path: Path) -> None:
    """The end's amount is the volume; the start's value, a rate, says nothing."""
    charts: list[list[MedsRow]] = []
    for volume, minutes, weight, _ in FLUIDS:
        given: list[MedsRow] = [(1, at(12), SALINE, 999.0), (1, at(12 + minutes / 60), SALINE_END, volume)]
        charts.append([*given, (1, at(1), WEIGHT, weight)] if weight is not None else given)
    result = crowd(tmp_path, charts)
    for subject, (volume, minutes, weight, is_bolus) in enumerate(FLUIDS, 1):
        expected = [(12.0, volume, pytest.approx(12 + minutes / 60))] if is_bolus else []
        assert events(result, "iv_fluid_bolus", subject) == expected, (volume, minutes, weight)
    none = sum(not is_bolus for *_, is_bolus in FLUIDS)
    assert result.run["not_of_interest_by_reason"] == {"end_without_used_start": none, "not_a_bolus": none}


def test_a_fluid_without_an_end_has_no_duration_and_is_no_bolus(tmp_path: Path) -> None:
    result = run(tmp_path, (1, at(12), SALINE, 500.0))
    assert result.run["not_of_interest_by_reason"] == {"not_a_bolus": 1}


# What happened


WORDS = [
    ("Administered", True),
    ("Started", True),
    ("ADMINISTERED", True),
    ("Not Given", False),
    ("Hold Dose", False),
    ("Stopped", False),
    ("Delayed Administered", False),
    ("Flushed", False),
    ("Administered in Other Location", False),
    ("", False),
]


def test_only_what_the_emar_says_happened_was_given(tmp_path: Path) -> None:
    result = crowd(tmp_path, [[(1, at(12), f"MEDICATION//Acetaminophen//{word}", None)] for word, _ in WORDS])
    given = {row["subject_id"] for row in result.events.to_pylist() if row["signal"] == "acetaminophen"}
    waived = {row["subject_id"] for row in result.grades.to_pylist() if row["fever_waived"]}
    assert given == waived == {n for n, (_, happened) in enumerate(WORDS, 1) if happened}
    assert result.run["not_of_interest_by_reason"] == {
        "not_given": sum(not happened for _, happened in WORDS)
    }


@pytest.mark.parametrize(("setting", "waived"), [("false", False), ("true", True)])
def test_an_order_is_no_administration_unless_asked(tmp_path: Path, setting: str, waived: bool) -> None:
    rows = [
        (1, at(12), "MEDICATION//START//Acetaminophen", None),
        (1, at(14), "MEDICATION//STOP//Acetaminophen", None),
        (1, at(15), *FEVER[2:]),
    ]
    result = run(tmp_path, *rows, settings={"orders_count": setting})
    assert (True in result.grades["fever_waived"].to_pylist()) is waived
    assert result.run["not_of_interest_by_reason"] == {"order": 1 if waived else 2}


def test_eye_drops_waive_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, (1, at(12), "MEDICATION//Dexamethasone Ophth Susp//Administered", None))
    assert result.grades["fever_waived"].to_pylist() == [False]
    assert result.run["not_of_interest_by_reason"] == {"not_systemic": 1}


def test_an_emar_row_of_an_infusion_yields_to_the_pump_s_own_record(tmp_path: Path) -> None:
    emar: MedsRow = (1, at(12), "MEDICATION//Norepinephrine//Administered", None)
    alone = run(tmp_path / "alone", emar)
    beside = run(tmp_path / "beside", emar, (1, at(12), NOREPINEPHRINE, 0.1), (1, at(13), STOPPED, 1.0))
    assert events(alone, "norepinephrine") == [(12.0, None, None)]
    assert events(beside, "norepinephrine") == [(12.0, None, 13.0)]
    assert beside.run["not_of_interest_by_reason"] == {"charted_as_infusion": 1}


# Subjects, death, zone, order


def test_birth_and_sex_are_read_and_used(tmp_path: Path) -> None:
    rows: list[MedsRow] = [
        (1, dt.datetime(2016, 1, 1), "MEDS_BIRTH", None),
        (1, None, "GENDER//F", None),
        (1, at(12), "LOINC//8480-6", 84.0),
    ]
    result = run(tmp_path, *rows)
    assert result.subjects.to_pylist() == [
        {"subject_id": 1, "source_id": "1", "birth_date": dt.date(2016, 1, 1), "sex": "F"}
    ]
    assert result.grades["hypotension"].to_pylist() == ["none", "untreated"]  # under 70 + 2 x 8 at 8 years
    assert result.run["rows_used"] == result.run["rows_read"]


@pytest.mark.parametrize(
    ("death", "expected"),
    [
        (dt.datetime(2024, 1, 2), "2024-01-02T23:59:59.999999+00:00"),
        (dt.datetime(2024, 1, 2, 0, 1), "2024-01-02T00:01:00+00:00"),
    ],
)
def test_a_death_at_midnight_is_known_only_to_the_day(
    tmp_path: Path, death: dt.datetime, expected: str
) -> None:
    result = run(tmp_path, (1, at(20), *FEVER[2:]), (1, death, "MEDS_DEATH", None), (1, at(30), *FEVER[2:]))
    assert result.grades["time"].to_pylist()[-1].isoformat() == expected
    assert result.episodes["ended"].to_pylist() == ["death"]


def test_times_have_no_zone_but_the_one_that_is_set(tmp_path: Path) -> None:
    """Also a death's day ends there, and that of 10 March 2024 has 23 hours."""
    rows: list[MedsRow] = [(1, dt.datetime(2024, 1, 2), "MEDS_DEATH", None)]
    here = run(tmp_path / "a", *rows)
    there = run(tmp_path / "b", *rows, settings={"zone": "America/New_York"})
    for one, other in zip(here.grades["time"].to_pylist(), there.grades["time"].to_pylist(), strict=True):
        assert other - one == dt.timedelta(hours=5)


def test_a_death_on_the_day_the_clocks_change_ends_with_that_day(tmp_path: Path) -> None:
    therapy = side(tmp_path, "1,2024-03-09T12:00:00Z,car_t,")
    rows: list[MedsRow] = [
        (1, dt.datetime(2024, 3, 9, 20), "LOINC//8310-5", 39.0),
        (1, dt.datetime(2024, 3, 10), "MEDS_DEATH", None),
        (1, dt.datetime(2024, 3, 10, 12), "LOINC//8310-5", 39.0),
    ]
    file = meds_file(tmp_path / "data" / "0.parquet", rows)
    result = graded(file, therapies=therapy, settings={"zone": "America/New_York"})
    assert result.grades["time"].to_pylist()[-1] == dt.datetime(2024, 3, 11, 3, 59, 59, 999_999, dt.UTC)


def _without_ids(result: Result) -> list[tuple[Any, ...]]:
    """The events, but for the ids that tell where they stood."""
    rows = [
        tuple(value for name, value in row.items() if name != "event_id") for row in result.events.to_pylist()
    ]
    return sorted(rows, key=str)


def test_unsorted_gives_the_same_as_sorted_and_says_so(tmp_path: Path) -> None:
    rows: list[MedsRow] = [
        (1, at(12), NOREPINEPHRINE, 0.1),
        (1, at(14), STOPPED, 1.0),
        (1, at(1), WEIGHT, 70.0),
        (1, at(13), "LAB//223761//°F", 103.0),
        (1, at(30), "LOINC//8310-5", 37.0),
        (1, at(50), "LOINC//8310-5", 37.0),
    ]
    ordered = sorted([FEVER, *rows], key=lambda row: row[1] or at(0))
    straight = graded(meds_file(tmp_path / "a.parquet", ordered), therapies=side(tmp_path))
    mixed = graded(meds_file(tmp_path / "b.parquet", ordered[::-1]), therapies=side(tmp_path))
    ids = [name for name in straight.grades.column_names if name.startswith("evidence_")]
    assert mixed.grades.drop_columns(ids).equals(straight.grades.drop_columns(ids))
    assert mixed.episodes.equals(straight.episodes)
    assert _without_ids(mixed) == _without_ids(straight)
    assert [len(one.run["notes"]) for one in (straight, mixed)] == [0, 1]


def test_unsorted_only_late_in_the_files_leaves_whole_files_behind(tmp_path: Path) -> None:
    """What was written before the disorder showed must not stay in the output."""
    first: list[MedsRow] = [
        (n, at(10 + n % 7), "LOINC//8310-5", 39.0 if n % 2 else 60.0) for n in range(1, 3000)
    ]
    meds_file(tmp_path / "in" / "data" / "0.parquet", first)
    meds_file(tmp_path / "in" / "data" / "1.parquet", [(1, at(2), "LOINC//8310-5", 36.0)])
    therapies = side(tmp_path, *(f"{n},2024-01-01T00:00:00Z,car_t," for n in range(1, 3000)))
    result = graded(tmp_path / "in", therapies=therapies, out=tmp_path / "out")
    assert len(onsets(result)) == result.grades.num_rows == 1500
    assert result.run["quarantined_by_reason"] == {"out_of_bounds": 1499}
    assert result.run["notes"] == ["the source is not sorted by subject and time: it was sorted first"]
    for name in ("grades", "episodes", "events", "quarantine"):
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet").num_rows == getattr(result, name).num_rows


def test_words_of_a_text_column(tmp_path: Path) -> None:
    schema = MEDS.append(pa.field("text_value", pa.string()))
    table = pa.Table.from_pylist(
        [
            {
                "subject_id": 1,
                "time": at(10),
                "code": "LOINC//8310-5",
                "numeric_value": 39.0,
                "text_value": "warm",
            },
            {
                "subject_id": 1,
                "time": at(11),
                "code": "MIMIC//226732",
                "numeric_value": None,
                "text_value": "Nasal cannula",
            },
            {
                "subject_id": 1,
                "time": at(12),
                "code": "MIMIC//226732",
                "numeric_value": None,
                "text_value": "a tent",
            },
        ],
        schema=schema,
    )
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "0.parquet")
    result = graded(tmp_path, therapies=side(tmp_path))
    assert result.grades["oxygen"].to_pylist() == ["none", "cannula_flow_unknown"]
    assert result.run["not_of_interest_by_reason"] == {"unmapped_word": 1}

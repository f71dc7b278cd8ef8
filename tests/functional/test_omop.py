"""What is read from a CDM: codes, dates, units, words, people, and what is left behind. All of it made up."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.support.cdm import (
    ADMINISTERED,
    AXI_CEL,
    CELSIUS,
    MMHG,
    NOREPINEPHRINE,
    SYSTOLIC,
    TEMPERATURE,
    Cdm,
    at,
    events,
    hour,
    run,
    treated,
    vocabulary,
    whole_subject,
)
from tests.support.made_up import query, reasons, write_lines


def test_a_whole_course_is_graded(tmp_path: Path) -> None:
    result = run(vocabulary(whole_subject(Cdm())), tmp_path)
    shown = [
        (hour(row["time"]), row["astct"], row["hypotension"], row["oxygen"])
        for row in result.grades.to_pylist()
    ]
    assert shown == [
        (20, 1, "none", "none"),
        (23, 2, "none", "low_flow"),
        (24, 2, "untreated", "low_flow"),
        (25, 3, "one", "low_flow"),
        (26, 3, "one", "low_flow"),
        (36, 2, "none", "low_flow"),
        (40, 1, "none", "none"),
        (54, None, "none", "none"),
        (64, 0, None, None),
    ]
    episode = result.episodes.to_pylist()[0]
    assert (episode["product"], episode["tocilizumab_doses"], episode["vasopressor_hours"]) == (
        "axicabtagene_ciloleucel",
        1,
        11,
    )
    rates = [row["numeric_value"] for row in events(result, "norepinephrine")]
    assert rates == [pytest.approx(4), pytest.approx(1.6)]  # by the weight of 80 kg charted six weeks before
    assert result.subjects.to_pylist()[0]["sex"] == "male"
    assert result.subjects.to_pylist()[0]["birth_date"] == dt.date(1980, 5, 1)


def test_rows_left_in_the_source_are_counted(tmp_path: Path) -> None:
    made = treated().person(2)
    for day in range(-20, 90):
        for person in (1, 2):
            made.add("measurement", person, 24 * day, SYSTOLIC, value_as_number=120, unit_concept_id=MMHG)
    result = run(made, tmp_path)
    assert result.run["rows_read"] == 2 + 1 + 1 + 2 * 110
    assert (
        len(events(result, "systolic_bp")) == 62
    )  # from the day before the day before the therapy, to its 60th day
    reasons_ = result.run["not_of_interest_by_reason"]
    assert reasons_["left_in_the_source"] + reasons_["outside_window"] == 1 + 110 + 110 - 62
    assert result.run["not_of_interest_by_code"]["person"] == 1


def test_an_interval_that_reaches_into_the_window_counts(tmp_path: Path) -> None:
    made = treated().add(
        "drug_exposure", 1, -500, NOREPINEPHRINE, until=30, drug_type_concept_id=ADMINISTERED
    )
    assert [hour(row["end"]) for row in events(run(made, tmp_path), "norepinephrine")] == [30]


def dates_only() -> Cdm:
    """The made-up fever, every measurement at midnight."""
    made = Cdm().person(1).add("drug_exposure", 1, 1, AXI_CEL, drug_type_concept_id=ADMINISTERED)
    for day in (1, 2):
        made.add("measurement", 1, 24 * day, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    return made


@pytest.mark.parametrize(
    ("settings", "hours"),
    [
        ({}, []),
        ({"date_only": "start"}, [24, 48]),
        ({"date_only": "noon"}, [36, 60]),
        ({"date_only": "noon", "zone": "America/New_York"}, [41, 65]),
    ],
)
def test_a_table_of_midnights_knows_days_only(
    tmp_path: Path, settings: dict[str, str], hours: list[float]
) -> None:
    result = run(dates_only(), tmp_path, settings=settings)
    assert [hour(row["time"]) for row in events(result, "body_temperature")] == hours
    assert any("measurement: every time is midnight or missing" in note for note in result.run["notes"])
    assert reasons(result) == ["date_only"] * (2 - len(hours))


def test_one_time_of_day_makes_every_midnight_a_time(tmp_path: Path) -> None:
    made = dates_only().add("measurement", 1, 50, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    result = run(made, tmp_path)
    assert [hour(row["time"]) for row in events(result, "body_temperature")] == [24, 48, 50]
    assert result.run["notes"] == [
        "no table concept: only the OMOP concepts that we list, and source values, are understood"
    ]


def test_a_row_without_its_time_is_known_to_the_day(tmp_path: Path) -> None:
    cells = {"value_as_number": 39, "unit_concept_id": CELSIUS, "measurement_date": at(48).date()}
    made = treated().add("measurement", 1, None, TEMPERATURE, **cells)
    made.add("measurement", 1, None, TEMPERATURE, **cells, measurement_time="10:15:00")
    made.add("measurement", 1, None, TEMPERATURE, **cells, measurement_time="2024-01-03")
    result = run(made, tmp_path)
    assert [hour(row["time"]) for row in events(result, "body_temperature")] == [20, 58.25]
    assert reasons(result) == ["date_only", "date_only"]


def test_times_are_of_the_zone_that_is_set(tmp_path: Path) -> None:
    result = run(treated(), tmp_path, settings={"zone": "America/New_York"})
    assert [hour(row["time"]) for row in events(result, "body_temperature")] == [25]


@pytest.mark.parametrize(
    ("cells", "value", "reason"),
    [
        ({"value_as_number": 39, "unit_concept_id": CELSIUS}, 39, None),
        ({"value_as_number": 102.2, "unit_concept_id": 9289}, 39, None),
        ({"value_as_number": 102.2, "unit_concept_id": 0, "unit_source_value": "°F"}, 39, None),
        ({"value_as_number": 102.2, "unit_source_value": "Deg. F"}, 39, None),
        ({"value_as_number": 39, "unit_concept_id": 8653}, 39, None),
        ({"value_as_number": 39}, 39, None),
        ({"value_as_number": 102.2}, None, "looks_like_fahrenheit"),  # the list says Celsius of this concept
        ({"value_as_number": 102.2, "unit_concept_id": CELSIUS}, None, "looks_like_fahrenheit"),
        ({"value_as_number": 39, "unit_concept_id": 8840}, None, "unknown_unit"),
        ({"value_as_number": 39, "unit_concept_id": 2_000_000_009}, None, "unknown_unit"),
        ({"value_as_number": 39, "unit_concept_id": 2_000_000_009, "unit_source_value": "C"}, 39, None),
        ({"unit_concept_id": CELSIUS}, None, "no_value"),
    ],
)
def test_units_are_concepts_or_words_or_absent(
    tmp_path: Path, cells: dict[str, Any], value: float | None, reason: str | None
) -> None:
    result = run(treated().add("measurement", 1, 30, TEMPERATURE, **cells), tmp_path)
    found = [row["numeric_value"] for row in events(result, "body_temperature") if hour(row["time"]) == 30]
    assert found == ([] if value is None else [pytest.approx(value)])
    assert reasons(result) == ([] if reason is None else [reason])


@pytest.mark.parametrize(
    ("operator", "value"), [(4172704, "above"), (4171756, "below"), (4172703, "same"), (0, "same")]
)
def test_signs_before_a_value(tmp_path: Path, operator: int, value: str) -> None:
    made = treated().add(
        "measurement",
        1,
        30,
        3001122,
        value_as_number=1500,
        unit_concept_id=8842,
        operator_concept_id=operator,
    )
    (row,) = events(run(made, tmp_path), "ferritin")
    assert {
        "above": row["numeric_value"] > 1500,
        "below": row["numeric_value"] < 1500,
        "same": row["numeric_value"] == 1500,
    }[value]


@pytest.mark.parametrize(
    ("table", "source", "cells", "signal"),
    [
        ("measurement", "8310-5", {"value_as_number": 38.4}, "body_temperature"),
        (
            "drug_exposure",
            "NORepinephrine 8 mg in D5W 250 mL",
            {"drug_type_concept_id": 32818},
            "norepinephrine",
        ),
        ("drug_exposure", "L04AC07", {"drug_type_concept_id": 32818}, "tocilizumab"),
        ("procedure_occurrence", "XW033C3", {}, "cart_infusion"),
        ("drug_exposure", "Q2041", {"drug_type_concept_id": 32818}, "axicabtagene_ciloleucel"),
        ("device_exposure", "BiPAP", {}, "oxygen_device"),
        ("measurement", "7512", {"value_as_number": 38.4}, None),
        ("drug_exposure", "7512", {"drug_type_concept_id": 32818}, None),
        ("condition_occurrence", "BiPAP", {}, None),
        ("measurement", None, {"value_as_number": 38.4}, None),
    ],
)
def test_concept_0_falls_back_to_the_source_value(
    tmp_path: Path, table: str, source: str | None, cells: dict[str, Any], signal: str | None
) -> None:
    result = run(treated().add(table, 1, 22, 0, source, **cells), tmp_path)
    found = [row["signal"] for row in result.events.to_pylist() if hour(row["time"]) == 22]
    assert found == ([] if signal is None else [signal])
    if signal is None:
        assert result.run["not_of_interest_by_reason"]["unmapped"] == 1


def test_a_source_concept_tells_more_than_the_standard_one(tmp_path: Path) -> None:
    """Skin temperature, MIMIC item 224027, is none of ours whatever it was mapped to."""
    made = treated().words((2_000_000_060, "MIMIC", "", "224027", "Skin Temperature"))
    made.add(
        "measurement", 1, 30, TEMPERATURE, measurement_source_concept_id=2_000_000_060, value_as_number=31
    )
    result = run(made, tmp_path)
    assert [row["numeric_value"] for row in events(result, "body_temperature")] == [39]
    assert result.run["not_of_interest_by_reason"]["excluded"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "body_temperature,source_value,FLO_TEMP,[degF],",
        "body_temperature,OMOP,2000000070,[degF],",
        "body_temperature,Our flowsheets,FLO_TEMP,[degF],",
    ],
)
def test_a_site_maps_its_own_codes(tmp_path: Path, line: str) -> None:
    codes = write_lines(tmp_path / "codes.csv", "signal,system,code,unit_hint,value", [line])
    made = treated().words((2_000_000_070, "Our flowsheets", "", "FLO_TEMP", "Temp"))
    made.add(
        "measurement",
        1,
        30,
        0,
        "FLO_TEMP",
        measurement_source_concept_id=2_000_000_070,
        value_as_number=102.2,
    )
    found = events(run(made, tmp_path, codes=codes), "body_temperature")
    assert [row["numeric_value"] for row in found] == [39, pytest.approx(39)]


def test_a_site_therapy_is_found_by_its_source_value(tmp_path: Path) -> None:
    codes = write_lines(
        tmp_path / "codes.csv", "signal,system,code", ["cart_infusion,source_value,Day 0 cells"]
    )
    made = Cdm().person(1).add("procedure_occurrence", 1, 1, 0, "Day 0 cells")
    made.add("measurement", 1, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    assert run(made, tmp_path, codes=codes).run["episodes"] == 1


OXYGEN_QUESTION = 3_005_000_000


@pytest.mark.parametrize(
    ("table", "cells", "device"),
    [
        ("observation", {"value_as_string": "High flow nasal cannula"}, "high_flow_nasal_cannula"),
        ("observation", {"value_as_concept_id": 2_000_000_081}, "bipap"),
        ("observation", {"value_as_concept_id": 2_000_000_082}, "non_rebreather"),
        ("measurement", {"value_source_value": "Venti mask"}, "venturi_mask"),
        ("measurement", {"value_source_value": "Magic carpet"}, None),
    ],
)
def test_devices_are_words_or_concepts(
    tmp_path: Path, table: str, cells: dict[str, Any], device: str | None
) -> None:
    codes = write_lines(
        tmp_path / "codes.csv", "signal,system,code,unit_hint,value",
        ["oxygen_device,source_value,O2 device,,", "oxygen_device,OMOP,2000000081,,bipap"],
    )  # fmt: skip
    made = treated().words((2_000_000_082, "LOINC", "Answer", "LA-made-up", "Non-rebreather mask"))
    result = run(made.add(table, 1, 22, 0, "O2 device", **cells), tmp_path, codes=codes)
    assert [row["text_value"] for row in events(result, "oxygen_device")] == (
        [] if device is None else [device]
    )


@pytest.mark.parametrize(
    ("cells", "hours", "text"),
    [
        ({"death_date": at(48).date()}, pytest.approx(72), None),
        ({"death_date": at(48).date(), "death_datetime": at(48)}, pytest.approx(72), None),
        ({"death_date": at(48).date(), "death_datetime": at(50)}, 50, None),
        ({"death_date": at(48).date(), "death_datetime": at(50), "cause_source_value": "D89.835"}, 50, "crs"),
        ({"death_date": at(48).date(), "death_datetime": at(50), "cause_source_value": "C83.3"}, 50, None),
    ],
)
def test_deaths(tmp_path: Path, cells: dict[str, Any], hours: float, text: str | None) -> None:
    (row,) = events(run(treated().put("death", person_id=1, **cells), tmp_path), "death")
    assert (hour(row["time"]), row["text_value"]) == (hours, text)


def test_two_people_under_one_id_are_not_graded(tmp_path: Path) -> None:
    result = run(treated().person(1, dt.date(2001, 2, 3), 8532), tmp_path)
    assert result.run["subjects"] == 0
    assert reasons(result) == ["two_subjects", "two_subjects"]
    assert {(row["column"], row["value"]) for row in result.quarantine.to_pylist()} == {("person_id", "1")}


def test_a_person_written_twice_is_one(tmp_path: Path) -> None:
    result = run(treated().person(1), tmp_path)
    assert result.run["subjects"] == 1
    assert result.run["episodes"] == 1


@pytest.mark.parametrize(
    ("cells", "born", "sex"),
    [
        (
            {"year_of_birth": 1980, "month_of_birth": 5, "day_of_birth": 1, "gender_concept_id": 8532},
            dt.date(1980, 5, 1),
            "female",
        ),
        ({"year_of_birth": 1980, "month_of_birth": 5}, None, None),
        ({"year_of_birth": 1980, "month_of_birth": 2, "day_of_birth": 31}, None, None),
        ({"year_of_birth": 1980, "birth_datetime": dt.datetime(1980, 5, 2, 13)}, dt.date(1980, 5, 2), None),
        ({"gender_concept_id": 0, "gender_source_value": "X"}, None, "X"),
    ],
)
def test_people(tmp_path: Path, cells: dict[str, Any], born: dt.date | None, sex: str | None) -> None:
    made = treated()
    made.tables["person"] = [{"person_id": 1, **cells}]
    (row,) = run(made, tmp_path).subjects.to_pylist()
    assert (row["birth_date"], row["sex"]) == (born, sex)


@pytest.mark.parametrize("keys", [(-5, 7), (11, 11), (2**31 - 1, None)], ids=["negative", "twice", "missing"])
def test_odd_keys_are_numbered_and_lead_back(tmp_path: Path, keys: tuple[int | None, ...]) -> None:
    made = treated()
    made.tables["drug_exposure"][0]["drug_exposure_id"] = keys[0]
    cells = {"drug_type_concept_id": ADMINISTERED, "quantity": 5, "dose_unit_source_value": "furlongs"}
    made.add("drug_exposure", 1, 22, NOREPINEPHRINE, **cells)
    made.tables["drug_exposure"][1]["drug_exposure_id"] = keys[1]
    result = run(made, tmp_path)
    assert result.run["episodes"] == 1
    assert any("drug_exposure: its keys" in note for note in result.run["notes"])
    (row,) = result.quarantine.to_pylist()
    assert row["source"] == "drug_exposure"
    assert row["row"] == (2 if keys[1] is None else keys[1])


def test_a_side_file_gives_therapies_to_a_warehouse_that_has_none(tmp_path: Path) -> None:
    made = Cdm().person(7).add("measurement", 7, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    made.person(8).add("measurement", 8, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    side = write_lines(tmp_path / "t.csv", "subject_id,time,cause,product", ["7,2024-01-01T00:00:00Z,car_t,"])
    result = run(made, tmp_path, therapies=side)
    assert query("SELECT subject_id FROM episodes", episodes=result.episodes) == [(7,)]
    assert result.run["not_of_interest_by_reason"] == {"left_in_the_source": 2}


def test_nobody_with_a_therapy(tmp_path: Path) -> None:
    made = Cdm().person(1).add("measurement", 1, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    made.add("measurement", None, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    result = run(made, tmp_path)
    assert result.run["rows_read"] == 3
    assert reasons(result) == ["no_subject"]

"""SDTM from every encoding to grades: a made-up subject with clock times, and what each kind of row becomes."""

import datetime as dt
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import graded, onsets, reasons, refusal, side
from tests.support.sdtm import ENCODINGS, SUBJECT, Study, vital, whole_subject, write_dataset, write_study
from tocsin.api import grade
from tocsin.engines.local import connect
from tocsin.events.concepts import Resolver, TherapyKinds
from tocsin.exports import export
from tocsin.results import Result
from tocsin.sources.sdtm import looks_like_sdtm, reported_grades
from tocsin.sources.settings import Settings
from tocsin.sources.source import Opening

Row = Mapping[str, Any]
NOON = {"date_only": "noon"}


def utc(day: int, hour: int = 0, minute: int = 0) -> dt.datetime:
    """A moment of March 2026."""
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=dt.UTC)


def study(folder: Path, encoding: str = "csv", **changed: list[Any]) -> Path:
    """The made-up subject, some datasets changed."""
    return write_study(folder, {**whole_subject(), **changed}, encoding)


def signals(result: Result, *names: str) -> list[tuple[str, dt.datetime, float | None]]:
    """The events of some signals."""
    rows = result.events.to_pylist()
    return [(row["signal"], row["time"], row["numeric_value"]) for row in rows if row["signal"] in names]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The made-up subject as CSV."""
    return graded(study(tmp_path_factory.mktemp("sdtm")))


def without_ids(result: Result) -> list[dict[str, Any]]:
    """The events less the ids that lead to rows."""
    return result.events.drop_columns(["event_id"]).to_pylist()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_same_events_and_grades(
    encoding: str, whole: Result, tmp_path: Path
) -> None:
    found = graded(study(tmp_path, encoding))
    assert found.run["format"] == "sdtm"
    assert without_ids(found) == without_ids(whole)
    assert found.grades.to_pylist() == whole.grades.to_pylist()
    assert found.run["rows_read"] == whole.run["rows_read"]


def test_the_made_up_subject_has_crs_of_grade_3(whole: Result) -> None:
    [episode] = whole.episodes.to_pylist()
    assert (episode["cause"], episode["product"]) == ("car_t", "axicabtagene_ciloleucel")
    assert (episode["onset"], episode["resolved_at"]) == (utc(4, 8), utc(5, 6))
    assert (episode["astct_peak_low"], episode["astct_peak_high"], episode["astct_peak_time"]) == (
        3,
        3,
        utc(4, 13),
    )
    assert (episode["tocilizumab_doses"], episode["vasopressor_hours"]) == (1, 12.0)
    assert episode["highest_oxygen"] == "low_flow"


def test_the_account_names_what_was_not_done(whole: Result) -> None:
    assert whole.run["not_of_interest_by_reason"] == {"not_done": 1, "not_given": 1}
    rows = [(Path(row["source"]).name, row["row"], row["column"], row["value"], row["reason"])
            for row in whole.quarantine.to_pylist()]  # fmt: skip
    assert rows == [
        ("ae.csv", 1, "AEENDTC", "2026-03-06", "date_only"),
        ("vs.csv", 2, "VSDTC", "2026-03-01", "date_only"),
    ]
    assert any("no clock time: ae.csv 1 of 1, vs.csv 1 of 10;" in note for note in whole.run["notes"])


def test_a_weight_of_a_day_is_used_once_days_are_read(tmp_path: Path) -> None:
    found = graded(study(tmp_path), settings=NOON)
    assert signals(found, "norepinephrine") == [("norepinephrine", utc(4, 13), pytest.approx(7.0))]
    assert found.quarantine.num_rows == 0


def test_a_device_and_its_flow_come_from_one_row_and_count_as_two(whole: Result, tmp_path: Path) -> None:
    assert signals(whole, "oxygen_device", "inhaled_o2_flow") == [
        ("inhaled_o2_flow", utc(4, 12, 30), 3.0),
        ("oxygen_device", utc(4, 12, 30), None),
    ]
    plain = {name: value for name, value in whole_subject()["pr"][0].items() if not name.startswith("PRDOS")}
    assert graded(study(tmp_path, pr=[plain])).run["rows_read"] == whole.run["rows_read"] - 1


def finding(folder: Path, **said: Any) -> tuple[str, float | None, str | None]:
    """What one temperature becomes: signal or reason, value, text."""
    row = {"USUBJID": SUBJECT, "VSTESTCD": "TEMP", "VSDTC": "2026-03-04T08:00", **said}
    found = graded(study(folder, vs=[row], pr=[], cm=[], lb=[], ae=[]))
    [*events] = [event for event in found.events.to_pylist() if event["signal"] == "body_temperature"]
    if events:
        return "event", events[0]["numeric_value"], events[0]["text_value"]
    [*refused] = found.quarantine.to_pylist()
    return (refused[0]["reason"], None, refused[0]["value"]) if refused else ("no interest", None, None)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"VSORRES": "100.4", "VSORRESU": "F", "VSSTRESC": "38", "VSSTRESN": 38.0, "VSSTRESU": "C"}, ("event", 38.0, None)),
        ({"VSORRES": "38.6", "VSORRESU": "C"}, ("event", 38.6, None)),
        ({"VSORRES": "100.4", "VSORRESU": "F"}, ("event", pytest.approx(38.0), None)),
        ({"VSORRES": "100.4", "VSORRESU": "F", "VSSTRESN": 37.99999999999999, "VSSTRESU": "C"}, ("event", 38.0, None)),
        ({"VSSTRESN": 37.99, "VSSTRESU": "C"}, ("event", 37.99, None)),
        ({"VSSTRESC": "<35", "VSSTRESU": "C"}, ("event", pytest.approx(35.0), "<")),
        ({"VSORRES": ">41.5", "VSORRESU": "C"}, ("event", pytest.approx(41.5), ">")),
        ({"VSORRES": "HIGH", "VSORRESU": "C"}, ("no_value", None, "C")),
        ({"VSORRES": "", "VSORRESU": "C"}, ("no_value", None, "C")),
        ({"VSSTAT": "NOT DONE"}, ("no interest", None, None)),
        ({"VSSTRESN": 38.5, "VSSTRESU": "furlong"}, ("unknown_unit", None, "38.5 furlong")),
        ({"VSSTRESN": "hot", "VSSTRESU": "C"}, ("not_a_number", None, "hot")),
        ({"VSSTRESN": 38.5, "VSSTRESU": "C", "VSDTC": "2026-03"}, ("partial_date", None, "2026-03")),
        ({"VSSTRESN": 38.5, "VSSTRESU": "C", "VSDTC": None}, ("no_time", None, None)),
        ({"VSSTRESN": 38.5, "VSSTRESU": "C", "USUBJID": None}, ("no_subject", None, None)),
        ({"VSSTRESN": 38.5, "VSSTRESU": "C", "VSTESTCD": None}, ("no_code", None, None)),
    ],
)  # fmt: skip
def test_a_finding(said: Row, wanted: tuple[str, Any, Any], tmp_path: Path) -> None:
    assert finding(tmp_path, **said) == wanted


def test_a_study_day_stands_in_for_a_missing_date(tmp_path: Path) -> None:
    hot = vital("TEMP", None, 38.9, "C", VSDY=3)
    early = vital("TEMP", None, 38.9, "C", VSDY=-1)
    found = graded(study(tmp_path, vs=[hot, early]), settings=NOON)
    assert signals(found, "body_temperature") == [
        ("body_temperature", utc(1, 12), 38.9),
        ("body_temperature", utc(4, 12), 38.9),
    ]
    assert reasons(graded(tmp_path)).count("date_only") == 3  # and the end of the AE


def test_rows_in_urine_are_not_of_the_blood(tmp_path: Path) -> None:
    row = {
        "USUBJID": SUBJECT,
        "LBTESTCD": "CREAT",
        "LBSTRESN": 1.1,
        "LBSTRESU": "mg/dL",
        "LBDTC": "2026-03-04T08:00",
    }
    rows = [
        {**row, "LBSPEC": "SERUM"},
        {**row, "LBSPEC": "URINE"},
        {**row, "LBCAT": "URINALYSIS"},
        {**row, "LBSPEC": "URINE", "LBLOINC": "2160-0"},  # the LOINC code says it is the serum
    ]
    found = graded(study(tmp_path, lb=rows))
    assert len(signals(found, "creatinine")) == 2
    assert found.run["not_of_interest_by_reason"]["not_in_blood"] == 2


DIED = "2026-03-06"


@pytest.mark.parametrize(
    ("changed", "peaks", "flagged"),
    [
        ({"dm": {"DTHFL": "Y", "DTHDTC": DIED}}, (1, 5), True),
        ({"ds": {"DSTERM": "Death", "DSDECOD": "DEATH", "DSSTDTC": DIED}}, (1, 5), True),
        ({"ae": {"AETERM": "CRS", "AEDECOD": "Cytokine release syndrome", "AESDTH": "Y", "AEENDTC": DIED}}, (5, 5), False),
        ({"ae": {"AETERM": "Sepsis", "AEDECOD": "Sepsis", "AEOUT": "FATAL", "AEENDTC": DIED}}, (1, 5), True),
        ({"dm": {"DTHFL": "Y", "DTHDTC": DIED},
          "ae": {"AETERM": "CRS", "AEDECOD": "CYTOKINE RELEASE SYNDROME", "AESDTH": "Y", "AEENDTC": DIED}}, (5, 5), False),
    ],
)  # fmt: skip
def test_deaths_take_effect_after_their_day(
    changed: dict[str, Row], peaks: tuple[int, int], flagged: bool, tmp_path: Path
) -> None:
    base = whole_subject()
    hot = [vital("TEMP", f"2026-03-0{day}T20:00", 38.9, "C") for day in (4, 5, 6)]
    rows: dict[str, Any] = {"dm": [{**base["dm"][0], **changed.get("dm", {})}]}
    rows |= {name: [{"USUBJID": SUBJECT, **row}] for name, row in changed.items() if name != "dm"}
    found = graded(write_study(tmp_path, {"ex": base["ex"], "vs": hot, **rows}))
    [episode] = found.episodes.to_pylist()
    assert episode["ended"] == "death"
    assert (episode["astct_peak_low"], episode["astct_peak_high"]) == peaks
    assert ("death_cause_unknown" in episode["flags"]) == flagged
    assert found.grades["time"].to_pylist()[-1] == dt.datetime(2026, 3, 6, 23, 59, 59, 999999, tzinfo=dt.UTC)


def test_a_death_whose_day_is_not_known_is_set_aside(tmp_path: Path) -> None:
    person = {**whole_subject()["dm"][0], "DTHFL": "Y", "DTHDTC": "2026-03"}
    found = graded(study(tmp_path, dm=[person], ae=[]))
    assert ("partial_date", "DTHDTC", "2026-03") in [
        (row["reason"], row["column"], row["value"]) for row in found.quarantine.to_pylist()
    ]


def test_a_birth_date_that_is_none_is_told(tmp_path: Path) -> None:
    person = {**whole_subject()["dm"][0], "BRTHDTC": "12MAR1964"}
    found = graded(study(tmp_path, dm=[person], ae=[]))
    assert ("bad_date", "BRTHDTC", "12MAR1964") in [
        (row["reason"], row["column"], row["value"]) for row in found.quarantine.to_pylist()
    ]


def test_a_child_known_by_its_age_is_graded_as_a_child(tmp_path: Path) -> None:
    person = {**whole_subject()["dm"][0], "AGE": 4}
    low = [vital("TEMP", "2026-03-04T08:00", 38.9, "C"), vital("SYSBP", "2026-03-04T09:00", 80.0, "mmHg")]
    found = graded(study(tmp_path, dm=[person], vs=low, cm=[], pr=[]))
    assert set(found.grades["hypotension"].to_pylist()) <= {"none", None}  # 80 is not under 70 + 2 x 4


def test_placebo_and_doses_of_zero_are_no_therapy(tmp_path: Path) -> None:
    given = whole_subject()["ex"][0]
    for row in ({**given, "EXTRT": "PLACEBO"}, {**given, "EXDOSE": 0}):
        assert graded(study(tmp_path, ex=[row])).episodes.num_rows == 0


def test_a_therapy_may_stand_beside_the_study(tmp_path: Path) -> None:
    folder = study(tmp_path / "study", ex=[])
    beside = side(tmp_path, f"{SUBJECT},2026-03-02T10:00:00Z,t_cell_engager,")
    assert list(onsets(graded(folder, therapies=beside)).values()) == [utc(4, 8)]


def test_dates_without_a_zone_are_of_the_zone_that_is_set(tmp_path: Path) -> None:
    found = graded(study(tmp_path), settings={"zone": "America/New_York"})
    assert list(onsets(found).values()) == [utc(4, 13)]


def test_a_dataset_in_parts_is_read_whole(tmp_path: Path) -> None:
    rows = whole_subject()["vs"]
    folder = study(tmp_path, vs=rows[:4])
    write_dataset(folder / "part", "vs", rows[4:], "csv").rename(folder / "vs2.csv")
    (folder / "part").rmdir()
    assert graded(folder).run["rows_read"] == 20


def test_two_people_under_one_id_are_not_graded(tmp_path: Path) -> None:
    person = whole_subject()["dm"][0]
    twins = [{**person, "BRTHDTC": "1960-01-01"}, {**person, "BRTHDTC": "1961-01-01"}]
    found = graded(study(tmp_path, dm=twins))
    assert found.episodes.num_rows == 0
    assert "two_subjects" in reasons(found)


def test_datasets_of_no_use_are_named(tmp_path: Path) -> None:
    folder = study(tmp_path)
    write_dataset(folder, "mh", [{"USUBJID": SUBJECT, "MHTERM": "ASTHMA"}], "csv")
    assert any("not read" in note and "mh.csv" in note for note in graded(folder).run["notes"])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_sdtm_is_told_from_what_is_in_it(encoding: str, tmp_path: Path) -> None:
    assert looks_like_sdtm(study(tmp_path, encoding))


def test_other_folders_are_not_taken_for_sdtm(tmp_path: Path) -> None:
    for name, text in (
        ("vs.csv", "a,b\n1,2\n"),
        ("dm.json", "{}"),
        ("ae.xpt", "hello"),
        ("lb.parquet", "PAR1"),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "cm.dsjc").write_bytes(b"hello")
    assert not looks_like_sdtm(tmp_path)


def test_xpt_without_pyreadstat_is_one_friendly_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = study(tmp_path, "xpt")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    assert "pip install 'tocsin[sdtm]'" in refusal(folder)


def reported(folder: Path, rows: Study, scale: str = "unknown") -> list[dict[str, Any]]:
    """The reported grades of a study."""
    write_study(folder, rows)
    opening = Opening(connect(folder / "spill"), Settings(), Resolver(TherapyKinds()))
    return reported_grades(opening, [folder], scale).to_pylist()


@pytest.mark.parametrize(
    ("grade", "start", "end", "wanted"),
    [
        ("3", "2026-03-04T08:00", "2026-03-06T09:00", (3, "03-04T08:00", "03-06T09:00")),
        ("Grade 2", "2026-03-04", "2026-03-06", (2, "03-04T00:00", "03-06T23:59")),
        ("GRADE 4", "2026-03-04T08", None, (4, "03-04T08:00", None)),
        ("MODERATE", "2026-03", "2026", (None, None, None)),
        (None, None, None, (None, None, None)),
    ],
)
def test_reported_grades(
    grade: str | None, start: str | None, end: str | None, wanted: tuple[Any, ...], tmp_path: Path
) -> None:
    crs = {"USUBJID": SUBJECT, "AETERM": "CRS", "AEDECOD": "CYTOKINE RELEASE SYNDROME", "AETOXGR": grade}
    other = {"USUBJID": SUBJECT, "AETERM": "FEVER", "AEDECOD": "Pyrexia", "AETOXGR": "1"}
    [row] = reported(tmp_path, {"ae": [other, {**crs, "AESTDTC": start, "AEENDTC": end}]}, "lee2014")
    told = [time.strftime("%m-%dT%H:%M") if time else None for time in (row["start"], row["end"])]
    assert (row["grade"], *told) == wanted
    assert (row["subject_id"], row["scale"], row["row"]) == (SUBJECT, "lee2014", 2)
    assert (row["start_text"], row["end_text"]) == (start, end)


def test_events_that_did_not_occur_are_not_reported(tmp_path: Path) -> None:
    row = {"USUBJID": SUBJECT, "CETERM": "Cytokine release syndrome", "CETOXGR": "1", "CESTDTC": "2026-03-04"}
    found = reported(tmp_path, {"ce": [{**row, "CEOCCUR": "N"}, {**row, "CEOCCUR": "Y"}]})
    assert [(line["row"], line["grade"], line["scale"]) for line in found] == [(2, 1, "unknown")]


def test_what_our_own_export_derived_is_no_report_of_the_site(tmp_path: Path) -> None:
    export(grade(study(tmp_path / "in")), "sdtm", tmp_path / "out")
    for name in ("ce.json", "fa.json"):
        shutil.copy(tmp_path / "out" / "sdtm" / name, tmp_path / "in")
    again = grade(tmp_path / "in", out=tmp_path / "again")
    lines = (tmp_path / "again" / "reported.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0::4] for line in lines[1:]] == [[SUBJECT, "3"]]  # that of AE alone
    assert again.run["not_of_interest_by_reason"]["derived_by_tocsin"] == 1

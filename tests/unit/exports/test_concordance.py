"""Derived against reported grades. Every report here is made up: no public set has any."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import FEVER, csv_folder, read_csv, write_lines
from tests.support.sdtm import SUBJECT, whole_subject, write_study
from tocsin.api import grade
from tocsin.errors import UserError
from tocsin.exports import export
from tocsin.exports.concordance import verdict, weighted_kappa
from tocsin.results import Result

HEADER = "subject_id,start,end,scale,grade"
# Two courses of subject 1 on ASTCT. 1 January: 1 (10:00), 3 (14:00 to 20:00), 1 to 10:00 of the 2nd. 8 January: 1.
# Subject 2: a cannula at an unknown flow, ASTCT 2 or 3 from noon of 1 January on, and the record ends.
CHART = (
    FEVER,
    "1,2024-01-01T14:00:00Z,norepinephrine,8,ug/min,,2024-01-01T20:00:00Z",
    "1,2024-01-03T10:00:00Z,body_temperature,36.9,Cel,,",
    "1,2024-01-08T10:00:00Z,body_temperature,38.5,Cel,,",
    "1,2024-01-10T12:00:00Z,body_temperature,36.9,Cel,,",
    "2,2024-01-01T10:00:00Z,body_temperature,38.5,Cel,,",
    "2,2024-01-01T12:00:00Z,oxygen_device,,,nasal_cannula,",
    "2,2024-01-01T13:00:00Z,body_temperature,38.5,Cel,,",
)
THERAPIES = ("1,2024-01-01T00:00:00Z,car_t,", "2,2024-01-01T00:00:00Z,car_t,")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return grade(csv_folder(tmp_path_factory.mktemp("in"), CHART, THERAPIES))


def compared(result: Result, folder: Path, *reports: str) -> list[dict[str, str]]:
    """The rows of concordance.csv."""
    file = write_lines(folder / "site.csv", HEADER, reports)
    export(result, "sdtm", folder / "out", reported=file)
    return read_csv(folder / "out" / "concordance.csv")


@pytest.mark.parametrize(
    ("report", "derived", "said", "days"),
    [
        ("1,2024-01-01,2024-01-02,astct,3", "3", "agree", "0.0"),
        ("1,2024-01-01,2024-01-02,ASTCT,2", "3", "derived_higher", "0.0"),
        ("1,2024-01-01,2024-01-02,,4", "3", "derived_lower", "0.0"),
        # Only the shared time is compared: before the vasopressor, at its last instant, just after it.
        ("1,2024-01-01T10:00:00Z,2024-01-01T13:59:59Z,astct,1", "1", "agree", "0.0"),
        ("1,2024-01-01T19:59:59Z,2024-01-01T23:00:00Z,astct,1", "3", "derived_higher", "0.42"),
        ("1,2024-01-01T20:00:00Z,2024-01-01T23:00:00Z,astct,1", "1", "agree", "0.42"),
        # A date is its whole day; a report that begins a day late still meets the episode.
        ("1,2023-12-31,2024-01-01,astct,3", "3", "agree", "-1.0"),
        # Without an end: found by its first day, compared to the end of that episode and no further.
        ("1,2024-01-01,,astct,3", "3", "agree", "0.0"),
        ("1,2024-01-08,,astct,1", "1", "agree", "0.0"),
        ("1,2024-01-05,,astct,1", "", "not_found", "-2.42"),
        # On another scale.
        ("1,2024-01-01,2024-01-02,lee2014,2", "2", "agree", "0.0"),
        # Undecided: a grade of the set, and one outside it.
        ("2,2024-01-01,2024-01-01,astct,2", "2-3", "undecided", "0.0"),
        ("2,2024-01-01,2024-01-01,astct,1", "2-3", "derived_higher", "0.0"),
        ("2,2024-01-01,2024-01-01,astct,4", "2-3", "derived_lower", "0.0"),
        # Between the two episodes, in nobody, without a grade, without a date.
        ("1,2024-01-04,2024-01-05,astct,1", "", "not_found", "2.17"),
        ("3,2024-01-01,2024-01-02,astct,1", "", "not_found", ""),
        ("1,2024-01-01,2024-01-02,astct,", "3", "not_graded", "0.0"),
        ("1,,,astct,2", "", "not_dated", ""),
    ],
)
def test_a_report_beside_its_episode(
    result: Result, tmp_path: Path, report: str, derived: str, said: str, days: str
) -> None:
    row = compared(result, tmp_path, report)[0]
    assert (row["derived_set"], row["verdict"], row["days_apart"]) == (derived, said, days)


def test_of_two_episodes_the_longer_shared_one_counts(result: Result, tmp_path: Path) -> None:
    row = compared(result, tmp_path, "1,2024-01-01T12:00:00Z,2024-01-08T10:00:00Z,astct,3")[0]
    assert (row["episode"], row["verdict"]) == ("1", "agree")


def test_episodes_that_nobody_reported_are_listed(result: Result, tmp_path: Path) -> None:
    rows = compared(result, tmp_path, "1,2024-01-01,2024-01-02,astct,3")
    assert [(row["source_id"], row["episode"], row["derived_set"], row["verdict"]) for row in rows[1:]] == [
        ("1", "2", "1", "not_reported"),
        ("2", "1", "2-3", "not_reported"),
    ]


def test_the_summary_counts_what_it_does_not_compare(result: Result, tmp_path: Path) -> None:
    reports = (
        "1,2024-01-01,2024-01-02,astct,3", "1,2024-01-08,2024-01-09,astct,2", "2,2024-01-01,2024-01-01,astct,2",
        "1,2024-01-20,2024-01-21,astct,1", "1,2024-01-01,2024-01-02,astct,",
    )  # fmt: skip
    compared(result, tmp_path, *reports)
    said: dict[str, Any] = json.loads((tmp_path / "out/concordance.json").read_text(encoding="utf-8"))
    assert {name: number for name, number in said["verdicts"].items() if number} == {
        "agree": 1, "derived_lower": 1, "undecided": 1, "not_found": 1, "not_graded": 1,
    }  # fmt: skip
    assert said["by_scale"]["astct"] == {
        "reported_to_derived": {"1": {"not_found": 1}, "2": {"1": 1, "undecided": 1}, "3": {"3": 1}},
        "compared": 2,
        "exact_agreement": 0.5,
        # (3, 3) and (2, 1): 1 - 1 / ((0 + 4 + 1 + 1) / 2)
        "weighted_kappa": 0.6667,
    }


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [
        ([], None),
        ([(1, 2)], None),
        ([(2, 2), (2, 3)], None),  # one side says one grade only: chance cannot be told
        ([(1, 1), (2, 2)], 1.0),
        ([(1, 2), (2, 1)], -1.0),
        ([(1, 1), (1, 1), (4, 1), (1, 4)], -0.3333),
    ],
)
def test_weighted_kappa(pairs: list[tuple[int, int]], kappa: float | None) -> None:
    assert weighted_kappa(pairs) == kappa


@pytest.mark.parametrize("grade", range(6))
def test_a_set_with_a_gap_is_never_called_agreement(grade: int) -> None:
    assert verdict(grade, 0b010100) == (
        "derived_higher" if grade < 2 else "derived_lower" if grade > 4 else "undecided"
    )


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("subject,start,grade", "1,2024-01-01,2", r"column subject_id is missing; the first line must name subject_id,start"),
        (HEADER, ",2024-01-01,,,2", r"line 2, column subject_id: empty"),
        (HEADER, "1,1/2/2024,,,2", r"line 2, column start: 1/2/2024; write a date or an ISO 8601 time"),
        (HEADER, "1,2024-01,,,2", r"line 2, column start: 2024-01;"),
        (HEADER, "1,2024-01-02,2024-01-01,,2", r"line 2, column end: 2024-01-01; it lies before the start"),
        (HEADER, "1,2024-01-01,,ctcae,2", r"line 2, column scale: ctcae; write one of astct"),
        (HEADER, "1,2024-01-01,,,6", r"line 2, column grade: 6; write a grade from 0 to 5"),
        (HEADER, "1,2024-01-01,,,2.5", r"line 2, column grade: 2.5;"),
    ],
)  # fmt: skip
def test_a_bad_report_is_refused_in_one_line(
    result: Result, tmp_path: Path, header: str, row: str, message: str
) -> None:
    file = write_lines(tmp_path / "site.csv", header, [row])
    with pytest.raises(UserError, match=message) as caught:
        export(result, "sdtm", tmp_path / "out", reported=file)
    assert "\n" not in caught.value.message
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_told(result: Result, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv: no such file"):
        export(result, "sdtm", tmp_path / "out", reported=tmp_path / "none.csv")


def test_times_without_a_zone_are_those_of_the_run(tmp_path: Path) -> None:
    result = grade(csv_folder(tmp_path / "in", CHART, THERAPIES), settings={"zone": "America/New_York"})
    # The vasopressor ran until 20:00 UTC, 15:00 in New York.
    rows = compared(result, tmp_path, "1,2024-01-01T15:00:00,2024-01-01T16:00:00,astct,1")
    assert rows[0]["verdict"] == "agree"


def reported_ae(**cells: Any) -> dict[str, Any]:
    """A made-up AE record about CRS."""
    usual = {"USUBJID": SUBJECT, "AESEQ": 1, "AETERM": "CRS", "AEDECOD": "Cytokine release syndrome"}
    return {**usual, "AESTDTC": "2026-03-04", "AEENDTC": "2026-03-05", "AETOXGR": "2", **cells}


def test_the_grades_of_ae_are_kept_by_the_run_and_compared(tmp_path: Path) -> None:
    records = [
        reported_ae(AETOXGR="1"),
        reported_ae(AESEQ=2, AETERM="Headache", AEDECOD="Headache", AETOXGR="3"),
        reported_ae(AESEQ=3, AESTDTC="2026-03", AEENDTC="2026-03-06"),
        reported_ae(AESEQ=4, AETOXGR=None),
        reported_ae(AESEQ=5, AESTDTC="2026-03-05", AEENDTC="2026-03-04"),
        reported_ae(AESEQ=6, AESTDTC="2026-03-04T09", AEENDTC=None),
    ]
    source = write_study(tmp_path / "in", {**whole_subject(), "ae": records}, "xpt")
    result = grade(source, out=tmp_path / "run")
    kept = read_csv(tmp_path / "run" / "reported.csv")
    assert sorted((row["start"], row["end"], row["scale"], row["grade"]) for row in kept) == [
        ("", "", "", "2"),
        ("", "2026-03-06", "", "2"),
        ("2026-03-04", "2026-03-05", "", ""),
        ("2026-03-04", "2026-03-05", "", "1"),
        ("2026-03-04T09:00:00Z", "", "", "2"),
    ]
    export(result, "sdtm", tmp_path / "out", study="MADEUP")
    rows = read_csv(tmp_path / "out" / "concordance.csv")
    assert sorted(row["verdict"] for row in rows) == [
        "derived_higher", "derived_higher", "not_dated", "not_dated", "not_graded",
    ]  # fmt: skip
    assert {row["source_id"] for row in rows} == {SUBJECT}

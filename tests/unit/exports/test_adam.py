"""ADCRS: a record per change of grade, traced to FA, with its stretch, its flags and the grade that the site gave (made up)."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import FEVER, csv_folder, write_lines
from tests.unit.exports.test_sdtm import of_json
from tocsin.api import grade
from tocsin.exports import export
from tocsin.knowledge.vocabulary import SCALES
from tocsin.results import Result

REPORTED = "subject_id,start,end,scale,grade"
CHART = (
    FEVER,
    "1,2024-01-01T14:00:00.5Z,norepinephrine,8,ug/min,,2024-01-02T06:00:00Z",
    "1,2024-01-04T10:00:00Z,body_temperature,36.9,Cel,,",
)


def adcrs(folder: Path) -> list[dict[str, Any]]:
    return of_json(folder / "adam" / "adcrs.json")


def of_astct(folder: Path) -> list[dict[str, Any]]:
    return [row for row in adcrs(folder) if row["PARAMCD"] == "ASTCT"]


@pytest.fixture(scope="module")
def folder(demo: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("adam") / "out"
    export(demo, "sdtm", out, study="MADEUP")
    return out


def test_every_record_leads_to_its_finding(folder: Path) -> None:
    findings = {(row["USUBJID"], row["FASEQ"]): row for row in of_json(folder / "sdtm" / "fa.json")}
    rows = adcrs(folder)
    assert len(rows) == len(findings)
    for row in rows:
        finding = findings[row["USUBJID"], row["SRCSEQ"]]
        assert (row["PARAMCD"], row["AVAL"], row["AVALC"]) == (
            finding["FATESTCD"],
            finding["FASTRESN"],
            finding["FASTRESC"],
        )
        assert row["ADTM"] == finding["FADTC"]


def test_an_undecided_grade_has_bounds_and_no_value(folder: Path) -> None:
    for row in adcrs(folder):
        assert (row["AVAL"] is None) == (row["AVALLO"] < row["AVALHI"])
        assert row["AVAL"] in (None, row["AVALLO"])


def test_flags(folder: Path, demo: Result) -> None:
    rows = adcrs(folder)
    assert sum(row["ANL01FL"] == "Y" for row in rows) == demo.episodes.num_rows * len(SCALES)
    for row in rows:
        assert row["ANL01FL"] in (None, "Y")
        if row["ANL01FL"]:
            peaks = [
                other["AVALHI"]
                for other in rows
                if all(other[name] == row[name] for name in ("USUBJID", "EPISODE", "PARAMCD"))
            ]
            assert row["AVALHI"] == max(peaks)
    record = {(row["USUBJID"], row["PARAMCD"]) for row in rows if row["ANL02FL"] == "Y"}
    assert ("1-car-t-tocilizumab", "ASTCT") in record
    assert ("2-blinatumomab-step", "CTCAE5") in record
    assert len(record) == 8


def test_the_flag_of_a_decided_peak_stands_where_the_grade_is_a_number(tmp_path: Path) -> None:
    # At noon the flow is unknown (ASTCT 2 or 3); the pump of 14:00 makes it 3.
    chart = (FEVER, "1,2024-01-01T12:00:00Z,oxygen_device,,,nasal_cannula,", *CHART[1:])
    export(grade(csv_folder(tmp_path / "in", chart)), "sdtm", tmp_path / "out")
    rows = of_astct(tmp_path / "out")
    assert [row["AVALC"] for row in rows][:3] == ["1", "2 or 3", "3"]
    (flagged,) = [row for row in rows if row["ANL01FL"]]
    (event,) = of_json(tmp_path / "out" / "sdtm" / "ce.json")
    assert (flagged["AVAL"], str(flagged["AVAL"])) == (3, event["CETOXGR"])


@pytest.mark.parametrize(
    ("therapy", "day"),
    [
        ("2024-01-01T09:59:00Z", 1),
        ("2024-01-01T00:00:00Z", 1),
        ("2023-12-31T23:59:00Z", 2),
        ("2023-12-25T12:00:00Z", 8),
    ],
)
def test_the_day_counts_from_the_day_of_the_therapy(tmp_path: Path, therapy: str, day: int) -> None:
    export(grade(csv_folder(tmp_path / "in", CHART, [f"1,{therapy},car_t,"])), "sdtm", tmp_path / "out")
    assert of_astct(tmp_path / "out")[0]["ADY"] == day


def test_a_stretch_reaches_to_the_next_and_the_last_to_the_end(tmp_path: Path) -> None:
    export(grade(csv_folder(tmp_path / "in", CHART)), "sdtm", tmp_path / "out")
    rows = of_astct(tmp_path / "out")
    assert [row["AVALC"] for row in rows] == ["1", "3", "1", "0 or 1", "0"]
    # A fraction of a second is cut.
    assert [row["ASTDTM"] for row in rows][1] == "2024-01-01T14:00:00"
    assert [row["AENDTM"] for row in rows][:-1] == [row["ASTDTM"] for row in rows][1:]
    assert rows[-1]["AENDTM"] == rows[-1]["ASTDTM"]


class TestSiteGrade:
    """Made-up reports on a course of ASTCT 1 (10:00), 3 (14:00 to 06:00), 1, 0 or 1, 0."""

    @pytest.mark.parametrize(
        ("reports", "said"),
        [
            (["1,2024-01-01,2024-01-01,astct,2"], ["2", "2", None, None, None]),
            (["1,2024-01-01T13:00:00Z,2024-01-01T15:00:00Z,astct,2"], [None, "2", None, None, None]),
            # On no scale: that of record. On another one: not this parameter.
            (["1,2024-01-01,2024-01-01,,2"], ["2", "2", None, None, None]),
            (["1,2024-01-01,2024-01-01,ctcae5,2"], [None] * 5),
            # The highest of two, and a grade that nobody gave.
            (
                ["1,2024-01-01,2024-01-01,astct,2", "1,2024-01-01,2024-01-02,astct,4"],
                ["4", "4", "4", "4", None],
            ),
            (["1,2024-01-01,2024-01-01,astct,"], [None] * 5),
            # Without an end it holds to the end of the episode.
            (["1,2024-01-01,,astct,2"], ["2", "2", "2", "2", "2"]),
            (["2,2024-01-01,2024-01-01,astct,2"], [None] * 5),
        ],
    )
    def test_stands_beside_ours(self, tmp_path: Path, reports: list[str], said: list[str | None]) -> None:
        file = write_lines(tmp_path / "site.csv", REPORTED, reports)
        export(grade(csv_folder(tmp_path / "in", CHART)), "sdtm", tmp_path / "out", reported=file)
        assert [row["AETOXGR"] for row in of_astct(tmp_path / "out")] == said

"""Organ toxicity from laboratory values: only with limits, only for the scales that weigh organs, row by row."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import FEVER, csv_folder, graded, refusal, write_lines
from tocsin.cli import run
from tocsin.knowledge.vocabulary import SCALES
from tocsin.results import Result

LIMITS = "signal,low,high,unit"
WEIGHING = ("lee2014", "penn", "cartox")
BEFORE = "1,2023-12-31T06:00:00Z,creatinine,0.9,,,"  # the baseline
LATER = "1,2024-01-03T09:00:00Z,heart_rate,80,/min,,"  # the record goes on


def _lab(day_hour: str, signal: str, value: float) -> str:
    return f"1,2024-01-{day_hour}:00:00Z,{signal},{value},,,"


def _graded(
    folder: Path, *labs: str, limits: tuple[str, ...] = ("alt,,40,", "creatinine,,1,"), **options: Any
) -> Result:
    source = csv_folder(folder / "source", (FEVER, LATER, *labs))
    return graded(source, limits=write_lines(folder / "limits.csv", LIMITS, limits), **options)


def _rows(result: Result, scale: str) -> list[tuple[str, int]]:
    found = result.grades.select(["time", f"{scale}_set"]).to_pylist()
    return [(f"{row['time']:%dT%H}", row[f"{scale}_set"]) for row in found]


def test_without_limits_laboratory_values_change_nothing(tmp_path: Path) -> None:
    plain = graded(csv_folder(tmp_path / "plain", (FEVER, LATER)))
    with_values = graded(csv_folder(tmp_path / "values", (FEVER, LATER, _lab("01T12", "creatinine", 9))))
    sets = [f"{scale}_set" for scale in SCALES]
    assert with_values.grades.select(sets).equals(plain.grades.select(sets))
    assert "organ_toxicity_not_assessed" in with_values.episodes["flags"].to_pylist()[0]


def test_a_creatinine_of_grade_4_makes_lee_and_cartox_4_and_leaves_astct_at_1(tmp_path: Path) -> None:
    result = _graded(tmp_path, _lab("01T12", "creatinine", 6.1))
    plain = graded(tmp_path / "source")
    peaks = {scale: result.episodes[f"{scale}_peak_high"][0].as_py() for scale in SCALES}
    before = {scale: plain.episodes[f"{scale}_peak_high"][0].as_py() for scale in SCALES}
    assert {scale: peaks[scale] for scale in WEIGHING} == dict.fromkeys(WEIGHING, 4)
    assert {scale for scale in SCALES if peaks[scale] != before[scale]} == set(WEIGHING)
    assert "organ_toxicity_not_assessed" not in result.episodes["flags"].to_pylist()[0]


def test_transaminases_of_grade_4_stay_at_3(tmp_path: Path) -> None:
    result = _graded(tmp_path, _lab("01T12", "alt", 801), **{"settings": {"organ_ctcae": "4"}})
    assert [result.episodes[f"{scale}_peak_high"].to_pylist() for scale in WEIGHING] == [[3], [3], [3]]


def test_a_value_makes_rows_when_it_comes_when_it_is_replaced_and_when_its_hold_ends(tmp_path: Path) -> None:
    labs = (
        BEFORE,
        _lab("01T12", "creatinine", 2.0),
        _lab("01T18", "creatinine", 1.0),
    )
    result = _graded(tmp_path, *labs)
    assert _rows(result, "lee2014")[:3] == [("01T10", 0b10), ("01T12", 0b100), ("01T18", 0b10)]
    held = _graded(tmp_path / "held", BEFORE, _lab("01T12", "creatinine", 2.0), settings={"organ_hold": "6"})
    assert [time for time, bits in _rows(held, "lee2014") if bits & 0b100] == ["01T12"]
    assert ("01T18", 0b10) in _rows(held, "lee2014")


def test_a_value_no_worse_than_before_the_therapy_counts_as_none(tmp_path: Path) -> None:
    before = "1,2023-12-31T06:00:00Z,creatinine,5,,,"
    same = _graded(tmp_path, before, _lab("01T12", "creatinine", 5))
    worse = _graded(tmp_path / "worse", before, _lab("01T12", "creatinine", 5.1))
    assert same.episodes["lee2014_peak_high"].to_pylist() == [1]
    assert worse.episodes["lee2014_peak_high"].to_pylist() == [3]


def test_a_raised_set_is_flagged_where_it_applies(tmp_path: Path) -> None:
    result = _graded(tmp_path, BEFORE, _lab("01T12", "creatinine", 2.0), _lab("01T18", "creatinine", 1.0))
    flags = dict(
        zip(
            (f"{t:%dT%H}" for t in result.grades["time"].to_pylist()),
            result.grades["flags"].to_pylist(),
            strict=True,
        )
    )
    assert "organ_toxicity" in flags["01T12"]
    assert "organ_toxicity" not in flags["01T18"]
    assert "organ_toxicity" in result.episodes["flags"].to_pylist()[0]


def test_an_unknown_baseline_leaves_the_set_open(tmp_path: Path) -> None:
    result = _graded(tmp_path, _lab("01T12", "creatinine", 0.9), settings={"organ_ctcae": "5"})
    # 1.5 and 3 times a baseline that nobody wrote down
    assert ("01T12", 0b1110) in _rows(result, "lee2014")


def test_a_death_of_crs_stays_5_and_a_closing_row_0(tmp_path: Path) -> None:
    dead = "1,2024-01-01T20:00:00Z,death,,,crs,"
    result = _graded(tmp_path, _lab("01T12", "creatinine", 6.1), dead)
    assert _rows(result, "lee2014")[-1] == ("01T20", 1 << 5)
    unsaid = _graded(tmp_path / "unsaid", _lab("01T12", "creatinine", 6.1), dead.replace("crs", ""))
    assert _rows(unsaid, "lee2014")[-1] == ("01T20", 1 << 5 | 1 << 4)


def test_limits_in_another_unit_are_converted(tmp_path: Path) -> None:
    umol = _graded(tmp_path, _lab("01T12", "creatinine", 6.1), limits=("creatinine,,88.42,umol/L",))
    assert umol.episodes["lee2014_peak_high"].to_pylist() == [4]


def test_the_same_grades_come_out_of_files_and_of_memory(tmp_path: Path) -> None:
    labs = (_lab("01T12", "creatinine", 2.0),)
    kept = _graded(tmp_path, *labs)
    written = _graded(tmp_path / "two", *labs, out=tmp_path / "out")
    assert written.grades.to_pylist() == kept.grades.to_pylist()
    assert written.run["parameters"]["limits"] == {"alt": [None, 40.0], "creatinine": [None, 1.0]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("heart_rate,,100,", "column signal: 'heart_rate' is not graded for an organ"),
        ("alt,,40,mmHg", "column unit: 'mmHg' is no unit of alt"),
        ("alt,,high,", "column high: 'high' is no number"),
        ("alt,,0,", "column high: 0 is no limit of normal"),
        ("alt,50,40,", "low is not under high"),
        ("creatinine,,1,", "creatinine stands there twice"),
    ],
)
def test_bad_limits_are_one_clear_line(tmp_path: Path, line: str, said: str) -> None:
    limits = write_lines(tmp_path / "limits.csv", LIMITS, ("creatinine,,1,", line))
    message = refusal(csv_folder(tmp_path / "source"), limits=limits)
    assert said in message
    assert "line 3" in message


def test_limits_that_are_not_there_or_have_no_columns(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "source")
    assert "no such file" in refusal(source, limits=tmp_path / "none.csv")
    assert "column low is missing" in refusal(
        source, limits=write_lines(tmp_path / "l.csv", "signal,high", ("alt,40",))
    )


def test_show_says_that_an_organ_made_the_grade_and_asks_for_the_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labs = (BEFORE, _lab("01T12", "creatinine", 6.1))
    _graded(tmp_path, *labs, out=tmp_path / "out", scale="lee2014")
    assert run(["show", str(tmp_path / "out"), "--subject", "1"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Grade 4 (Lee 2014): organ toxicity, a laboratory value graded by CTCAE." in told
    assert "Grade 1 (Lee 2014): fever, no hypotension, no oxygen need." in told
    _graded(
        tmp_path / "open", _lab("01T12", "creatinine", 0.9), out=tmp_path / "open" / "out", scale="lee2014"
    )
    asked = (tmp_path / "open" / "out" / "queries.csv").read_text(encoding="utf-8")
    assert "the values before the therapy?" in asked


@pytest.mark.parametrize(
    ("version", "said"), [("5.5", "a whole number"), ("3", "at least 4 and at most 6"), ("7", "at most 6")]
)
def test_a_version_of_ctcae_that_there_is_not(tmp_path: Path, version: str, said: str) -> None:
    message = refusal(csv_folder(tmp_path / "source"), settings={"organ_ctcae": version})
    assert f"organ_ctcae={version}" in message
    assert said in message
    assert "(in" not in message

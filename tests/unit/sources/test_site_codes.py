"""A site's own code list: what it adds, what it changes, how it is refused."""

from pathlib import Path

import pytest

from tests.support.made_up import MedsRow, at, graded, meds_file, onsets, side
from tocsin.errors import UserError
from tocsin.sources.site_codes import read_site_codes

ROW: MedsRow = (1, at(10), "LAB//990001", 102.2)


def codes(folder: Path, *lines: str, header: str = "signal,system,code,unit_hint,value") -> Path:
    """Write a code file."""
    path = folder / "codes.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_site_s_code_is_read_with_its_unit(tmp_path: Path) -> None:
    file = meds_file(tmp_path / "0.parquet", [ROW])
    own = codes(tmp_path, "body_temperature,MIMIC,990001,[degF],")
    assert onsets(graded(file, therapies=side(tmp_path))) == {}
    result = graded(file, therapies=side(tmp_path), codes=own)
    assert [
        row["numeric_value"] for row in result.events.to_pylist() if row["signal"] == "body_temperature"
    ] == [pytest.approx(39.0, abs=1e-4)]


def test_a_site_s_code_comes_before_ours(tmp_path: Path) -> None:
    file = meds_file(tmp_path / "0.parquet", [(1, at(10), "LOINC//8310-5", 39.0)])
    own = codes(tmp_path, "crp,http://loinc.org,8310-5,,")
    signals = {row["signal"] for row in graded(file, therapies=side(tmp_path), codes=own).events.to_pylist()}
    assert signals == {"crp", "index_therapy"}


def test_a_device_s_word_may_stand_in_the_list(tmp_path: Path) -> None:
    file = meds_file(
        tmp_path / "0.parquet", [(1, at(9), "LAB//990002", None), (1, at(10), "LOINC//8310-5", 39.0)]
    )
    own = codes(tmp_path, "oxygen_device,MIMIC,990002,,bipap")
    assert graded(file, therapies=side(tmp_path), codes=own).grades["oxygen"].to_pylist() == [
        "positive_pressure"
    ]


def test_columns_that_may_be_missing(tmp_path: Path) -> None:
    [row] = read_site_codes(codes(tmp_path, "crp,LOINC,1-2", header="signal,system,code"))
    assert (row.signal, row.system, row.code, row.unit_hint, row.value) == ("crp", "LOINC", "1-2", "", "")


@pytest.mark.parametrize(
    ("header", "lines", "said"),
    [
        ("signal,code", [], "column system is missing"),
        ("signal,system,code", ["crp,LOINC,1-2", "mood,LOINC,3-4"], "line 3, column signal"),
        ("", [], "column signal is missing"),
    ],
)
def test_what_cannot_be_used_is_refused_by_place(
    tmp_path: Path, header: str, lines: list[str], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        read_site_codes(codes(tmp_path, *lines, header=header))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_site_codes(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "lines",
    [["crp,LOINC"], ["crp,LOINC,"], ["oxygen_device,LOINC,1-2,,tent"], ["crp,LOINC,1-2,bananas,"]],
    ids=["a cell too few", "no code", "a device that is none", "a unit that is none"],
)
def test_a_line_that_would_map_nothing_is_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(UserError, match="line 2"):
        read_site_codes(codes(tmp_path, *lines))

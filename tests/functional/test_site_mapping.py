"""A site maps its own codes: what looks relevant comes as a list to fill in, and its own rows say whether the mapping holds."""

import csv
import json
from pathlib import Path

import pytest

from tests.support.made_up import at, meds_file, write_lines
from tocsin.cli import run
from tocsin.engines.coverage import check_coverage
from tocsin.engines.expected import check_expected
from tocsin.errors import UserError

DRIP = "LOCAL//norepinephrine drip 8 mg"
HEADER = "system,code,unit,value,text,signal,canonical_value,canonical_text,reason"
CODES = "signal,system,code,unit_hint,value"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Made-up records with one code that ships and one that only the site knows."""
    rows = [(1, at(hour), DRIP, 5.0) for hour in range(3)]
    return meds_file(
        tmp_path / "meds" / "data" / "0.parquet", [(1, at(10), "LOINC//8310-5//Cel", 38.5), *rows]
    ).parent.parent


def test_the_list_to_fill_in_goes_back_as_the_sites_codes(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = tmp_path / "our-codes.csv"
    assert run(["codes", "--check", str(source), "--fill", str(filled)]) == 0
    assert "fill in" in capsys.readouterr().out
    (line,) = csv.DictReader(filled.open(encoding="utf-8"))
    assert (line["signal"], line["looks_like"], line["rows"]) == ("", "vasopressor", "3")
    # as it stands it maps nothing, and is no mistake
    assert [row.signal for row in check_coverage(source, codes=filled).signals] == ["body_temperature"]
    text = filled.read_text(encoding="utf-8").splitlines()
    filled.write_text(
        "\n".join([text[0], "norepinephrine" + text[1].replace(",,,vas", ",ug/min,,vas")]) + "\n"
    )
    covered = {row.signal: row.rows for row in check_coverage(source, codes=filled).signals}
    assert covered == {"body_temperature": 1, "norepinephrine": 3}


def test_a_word_for_a_device_is_filled_in_as_a_word(tmp_path: Path) -> None:
    events = write_lines(
        tmp_path / "source" / "events.csv",
        "subject_id,time,signal,value,unit,text,end",
        ["1,2024-01-01T10:00:00Z,oxygen_device,,,nose hose,"],
    )
    filled = tmp_path / "words.csv"
    assert run(["codes", "--check", str(events.parent), "--fill", str(filled)]) == 0
    (line,) = csv.DictReader(filled.open(encoding="utf-8"))
    assert (line["signal"], line["system"], line["code"]) == ("oxygen_device", "word", "nose hose")
    write_lines(filled, CODES, ["oxygen_device,word,nose hose,,nasal_cannula"])
    assert check_coverage(events.parent, codes=filled).unmapped == ()


def test_fill_without_a_source_and_into_nowhere(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["codes", "--fill", str(tmp_path / "x.csv")]) == 2
    assert "add --check SOURCE" in capsys.readouterr().err
    assert run(["codes", "norepinephrine", "--check", str(source)]) == 2
    assert "SIGNAL and --check: one question at a time" in capsys.readouterr().err
    assert run(["codes", "--check", str(source), "--fill", str(tmp_path / "none" / "x.csv")]) == 2
    assert "--fill" in capsys.readouterr().err


EXPECTED = [
    ("LOINC,8310-5,[degF],101.3,,body_temperature,38.5,,", "body_temperature 38.5"),
    ("http://loinc.org,8310-5,Cel,38.5,,body_temperature,38.5,,", "body_temperature 38.5"),
    ("LOINC,8310-5,Cel,46,,,,,out_of_bounds", "out_of_bounds"),
    ("LOINC,8310-5,furlong,38,,,,,unknown_unit", "unknown_unit"),
    ("LOINC,8310-5,Cel,,,,,,no_value", "no_value"),
    ("LOCAL,unheard of,,1,,,,,unmapped", "unmapped"),
    ("ours,DRIP,,5,,norepinephrine,5,,", "norepinephrine 5"),
    ("ours,FLO_O2,,,mask with bag,oxygen_device,,non_rebreather,", "oxygen_device non_rebreather"),
]


@pytest.mark.parametrize(("line", "found"), EXPECTED)
def test_a_row_becomes_what_the_mapping_and_the_door_make_of_it(
    tmp_path: Path, line: str, found: str
) -> None:
    codes = write_lines(
        tmp_path / "codes.csv",
        CODES,
        [
            "norepinephrine,ours,DRIP,ug/min,",
            "oxygen_device,ours,FLO_O2,,",
            "oxygen_device,word,mask with bag,,non_rebreather",
        ],
    )
    (checked,) = check_expected(write_lines(tmp_path / "expected.csv", HEADER, [line]), codes=codes)
    assert (checked.found, checked.agrees) == (found, True)


@pytest.mark.parametrize(
    "line",
    [
        "LOINC,8310-5,Cel,38.5,,body_temperature,38.6,,",
        "LOINC,8310-5,Cel,38.5,,heart_rate,38.5,,",
        "LOINC,8310-5,Cel,38.5,,,,,unmapped",
        "LOCAL,unheard of,,1,,heart_rate,1,,",
    ],
)
def test_a_row_that_becomes_something_else_is_shown_and_fails(
    tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_lines(
        tmp_path / "expected.csv", HEADER, ["LOINC,8310-5,Cel,38.5,,body_temperature,38.5,,", line]
    )
    assert run(["codes", "--expect", str(file)]) == 2
    told = capsys.readouterr()
    assert "1 of 2 rows" in told.err
    assert told.out.splitlines()[-1].split()[0] == "3"
    assert run(["codes", "--expect", str(file), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["agree"] == 1


def test_rows_that_all_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_lines(tmp_path / "expected.csv", HEADER, [EXPECTED[0][0]])
    assert run(["codes", "--expect", str(file)]) == 0
    assert "each of 1 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        ("system,code", "LOINC,1", "column signal is missing"),
        (HEADER, "LOINC,8310-5,Cel,warm,,body_temperature,38,,", "column value: 'warm' is no number"),
        (HEADER, "LOINC,8310-5,Cel,38,,,,,", "neither signal nor reason"),
    ],
)
def test_bad_expectations_are_one_clear_line(tmp_path: Path, header: str, line: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_expected(write_lines(tmp_path / "expected.csv", header, [line]))


def test_no_file_of_expectations(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        check_expected(tmp_path / "none.csv")

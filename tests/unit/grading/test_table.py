"""Many snapshots from a CSV, and the one line that says which cell is wrong."""

from pathlib import Path

import pytest

from tocsin.errors import UserError
from tocsin.grading.table import columns_out, grade_csv
from tocsin.knowledge.vocabulary import SCALES

HEADER = (
    "id,temp_c,fever_attributed_to_crs,hypotension,n_vasopressors_excl_vasopressin,vasopressin,oxygen_device"
)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return tmp_path / "findings.csv"


def grades(sheet: Path, text: str | bytes) -> list[dict[str, str | int | None]]:
    sheet.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(grade_csv(sheet))


def refusal(sheet: Path, text: str | bytes) -> str:
    with pytest.raises(UserError) as caught:
        grades(sheet, text)
    assert "\n" not in caught.value.message
    return caught.value.message.replace(str(sheet), "findings.csv")


def test_grade_and_bits_of_every_scale(sheet: Path) -> None:
    row = grades(sheet, f"{HEADER}\nA,38.5,yes,no,0,no,nasal_cannula\n")[0]
    assert (
        list(row)
        == columns_out(HEADER.split(","))
        == ["id", *(f"{s}{t}" for s in SCALES for t in ("", "_set"))]
    )
    assert (row["id"], row["astct"], row["astct_set"], row["penn"], row["penn_set"]) == ("A", None, 12, 3, 8)


def test_other_columns_are_ignored_and_those_that_lack_are_not_said(sheet: Path) -> None:
    row = grades(sheet, "shoe,oxygen_device,temp_c,fever_attributed_to_crs\n43,cpap,38.5,yes\n")[0]
    assert (row["id"], row["astct"]) == ("2", 4)


def test_an_empty_cell_is_unknown(sheet: Path) -> None:
    text = f"{HEADER},death_due_to_crs\nA,38.5,yes,no,0,no,none,\nB,38.5,yes,no,0,no,none,no\n"
    assert [row["astct_set"] for row in grades(sheet, text)] == [0b100010, 0b10]


def test_neurology_has_its_own_columns(sheet: Path) -> None:
    row = grades(sheet, "id,age_years,ice,cartox10\nA,40,0,7\n")[0]
    assert row == {
        "id": "A",
        "icans": None,
        "icans_set": 24,
        "icans_ctcae6": None,
        "icans_ctcae6_set": 24,
        "cres": 1,
        "cres_set": 2,
    }


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + "\nA,38.5,yes,no,1,no,none\n",
        (HEADER + "\nA,38.5,yes,no,1,no,none\n").replace(",", ";"),
        HEADER + "\r\nA,38.5,yes,no,1,no,none\r\n\r\n",
        HEADER.replace(",", " , ") + '\nA, 38.5 ,YES,No,1.0,n,"none"\n',
    ],
    ids=["byte order mark", "semicolons", "Windows lines", "spaces and case"],
)
def test_reads_what_spreadsheets_write(sheet: Path, text: str) -> None:
    assert [(row["id"], row["astct"]) for row in grades(sheet, text)] == [("A", 3)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("B,102,yes,no,0,no,none", "findings.csv, line 3, column temp_c: '102': is this Fahrenheit? "),
        (
            "B,38.5,maybe,no,0,no,none",
            "findings.csv, line 3, column fever_attributed_to_crs: 'maybe': must be yes, ",
        ),
        (
            "B,38.5,yes,no,-1,no,none",
            "findings.csv, line 3, column n_vasopressors_excl_vasopressin: '-1': must be ",
        ),
        (
            "B,38.5,yes,no,0,no,snorkel",
            "findings.csv, line 3, column oxygen_device: 'snorkel': must be none or ",
        ),
        ('B,"38,5",yes,no,0,no,none', "findings.csv, line 3, column temp_c: '38,5': write a decimal point, "),
        ("B,38.5,yes,no,0,no", "findings.csv, line 3: has 6 cells, the first line has 7; "),
        ("B,38.5,yes,no,0,no,none,x", "findings.csv, line 3: has 8 cells, the first line has 7; "),
    ],
)
def test_a_bad_cell_is_named_by_file_line_column_and_value(sheet: Path, line: str, message: str) -> None:
    assert refusal(sheet, f"{HEADER}\nA,38.5,yes,no,0,no,none\n{line}\n").startswith(message)


def test_a_contradiction_is_named_by_the_column_to_blame(sheet: Path) -> None:
    message = refusal(sheet, "id,oxygen_device,o2_flow_lpm\nA,none,4\n")
    assert message.startswith("findings.csv, line 2, column o2_flow_lpm: '4': oxygen_device is none; ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "findings.csv: no column is a finding; "),
        ("id,cause,age_years\nA,car_t,4\n", "findings.csv: no column is a finding; "),
        ("id,temp_c,temp_c\nA,38,39\n", "findings.csv: column temp_c is there twice; "),
        (b"id,temp_c\nA,\xff\xfe\n", "findings.csv: is not UTF-8; "),
        (b'id,temp_c\nA,"38', "findings.csv: is no CSV "),
    ],
)
def test_what_is_no_table_is_refused(sheet: Path, text: str | bytes, message: str) -> None:
    assert refusal(sheet, text).startswith(message)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(UserError, match="cannot be read"):
            list(grade_csv(path))


def test_a_header_alone_has_no_rows(sheet: Path) -> None:
    assert grades(sheet, HEADER + "\n") == []

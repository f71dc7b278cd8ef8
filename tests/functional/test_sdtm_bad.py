"""SDTM that is broken: one line that names file, column and row, or a quarantine row; never a traceback."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import graded, refusal
from tests.support.sdtm import cells, dataset_json, ndjson, whole_subject, write_dataset, write_study
from tests.support.xpt import RECORD, xpt_bytes

VITALS = whole_subject()["vs"]


def study(folder: Path, encoding: str) -> Path:
    """The made-up subject in one encoding."""
    return write_study(folder, whole_subject(), encoding)


def changed(folder: Path, name: str, change: Callable[[bytes], bytes]) -> str:
    """How a study is refused whose file `name` was changed."""
    file = study(folder, name.split(".", 1)[1]) / name
    file.write_bytes(change(file.read_bytes()))
    return refusal(folder, format="sdtm")


def rows_begin(data: bytes) -> int:
    """Where the rows of a transport file begin."""
    return data.index(b"HEADER RECORD*******OBS") + RECORD


CUTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "inside a record": (lambda data: data[:-37], "cut short inside row"),
    "inside a row": (lambda data: data[: rows_begin(data) + 4 * RECORD], "cut short inside row"),
    "inside the header": (lambda data: data[: 3 * RECORD], "cut short inside its header"),
    "inside the names": (lambda data: data[: rows_begin(data) - 2 * RECORD], "cut short inside its header"),
    "to nothing": (lambda data: b"", "empty"),
    "not XPT": (lambda data: b"USUBJID,VSTESTCD\n", "not a SAS transport file"),
    "CPORT": (lambda data: b"**COMPRESSED** " * 20, "PROC CPORT"),
    "two datasets": (lambda data: data + data[3 * RECORD :], "more than one dataset"),
    "Latin 1": (
        lambda data: data.replace(b"mmHg", b"\xb0\xe9Hg"),
        "row 4, column VSORRESU: text that is not UTF-8",
    ),
}


@pytest.mark.parametrize("case", CUTS)
def test_broken_transport_files(case: str, tmp_path: Path) -> None:
    change, said = CUTS[case]
    message = changed(tmp_path, "vs.xpt", change)
    assert said in message
    assert "vs.xpt" in message


def test_a_transport_file_of_v8_that_lacks_its_last_rows(tmp_path: Path) -> None:
    folder = study(tmp_path, "xpt8")
    columns, table = cells("vs", VITALS)
    (folder / "vs.xpt").write_bytes(xpt_bytes("VS", columns, table, 8, count=len(table) + 2))
    assert "its header tells of 13 rows and it holds 11" in refusal(folder)


def test_short_rows_are_not_mistaken_for_the_filling_of_the_last_record(tmp_path: Path) -> None:
    for count in range(1, 9):  # rows of 10 bytes in records of 80
        folder = tmp_path / str(count)
        folder.mkdir()
        rows = [[f"S{place:03d}", "TEMP", None] for place in range(count)]
        (folder / "vs.xpt").write_bytes(xpt_bytes("VS", ["USUBJID", "VSTESTCD", "VSDTC"], rows))
        assert graded(folder).run["rows_read"] == count


def test_the_row_in_which_a_file_ends_is_named(tmp_path: Path) -> None:
    rows = [
        [f"S{place:03d}", "TEMP", "2026-03-04T08:00:00.000000+00:00"] for place in range(9)
    ]  # 40 bytes each
    whole = xpt_bytes(
        "VS", ["USUBJID", "VSTESTCD", "VSDTC"], [[*row[:2], f"{row[2]}    x"] for row in rows]
    )  # 45
    (tmp_path / "vs.xpt").write_bytes(whole[: rows_begin(whole) + 2 * RECORD])  # 160: in the fourth
    assert "cut short inside row 4;" in refusal(tmp_path)


@pytest.mark.parametrize("encoding", ["xpt", "xpt8"])
def test_labels_may_be_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    file = study(tmp_path, encoding) / "vs.xpt"
    data = file.read_bytes()
    place = data.index(b"USUBJID") + 8  # the label follows the short name
    file.write_bytes(data[:place] + b"Identit\xe9".ljust(40) + data[place + 40 :])
    assert graded(tmp_path).episodes.num_rows == 1


def json_study(folder: Path, change: Callable[[dict[str, Any]], Any], form: str = "json") -> str:
    """How a study is refused whose vital signs were changed, in a form of Dataset-JSON."""
    study(folder, form)
    whole = dataset_json("vs", VITALS)
    whole = change(whole) or whole
    data = json.dumps(whole).encode() if form == "json" else ndjson(whole)
    (folder / f"vs.{form}").write_bytes(zlib.compress(data) if form == "dsjc" else data)
    return refusal(folder, format="sdtm")


def put(place: int, name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Put a value into a cell."""

    def change(whole: dict[str, Any]) -> None:
        names = [column["name"] for column in whole["columns"]]
        whole["rows"][place][names.index(name)] = value

    return change


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    """Leave a column out."""

    def change(whole: dict[str, Any]) -> None:
        place = [column["name"] for column in whole["columns"]].index(name)
        for row in [whole["columns"], *whole["rows"]]:
            del row[place]

    return change


JSON: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "records": (lambda whole: {**whole, "records": 12}, "records says 12 and there are 11 rows"),
    "a text in a number": (put(4, "VSSTRESN", "hot"), "row 5, column VSSTRESN: 'hot' is no float"),
    "a number in a text": (put(4, "VSORRES", 38.5), "row 5, column VSORRES: 38.5 is no string"),
    "a truth in a number": (put(0, "VSSTRESN", [1]), "row 1, column VSSTRESN: [1] is no float"),
    "a short row": (lambda whole: whole["rows"][2].pop() and None, "row 3: 11 values for 12 columns"),
    "no subject": (drop("USUBJID"), "column USUBJID is missing"),
    "no test": (drop("VSTESTCD"), "column VSTESTCD is missing"),
    "an old version": (lambda whole: {**whole, "datasetJSONVersion": "1.0.0"}, "version 1.0.0"),
    "no columns": (lambda whole: {**whole, "columns": []}, "names no columns"),
    "another domain": (put(0, "DOMAIN", "LB"), "DOMAIN is LB"),
}


@pytest.mark.parametrize("form", ["json", "ndjson", "dsjc"])
@pytest.mark.parametrize("case", JSON)
def test_broken_dataset_json(case: str, form: str, tmp_path: Path) -> None:
    change, said = JSON[case]
    message = json_study(tmp_path, change, form)
    assert said in message
    assert f"vs.{form}" in message


OTHERS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("vs.json", lambda data: data[:-40], "not JSON"),
    ("vs.json", lambda data: b"[1, 2]", "not Dataset-JSON"),
    ("vs.json", lambda data: data.replace(b"mmHg", b"\xb0\xe9"), "not JSON"),
    ("vs.ndjson", lambda data: data[:-40], "not JSON"),
    (
        "vs.ndjson",
        lambda data: data[: data.rindex(b"\n", 0, -1) + 1],
        "records says 11 and there are 10 rows",
    ),
    ("vs.dsjc", lambda data: data[:-9], "cut short"),
    ("vs.dsjc", lambda data: b"hello" * 9, "not compressed Dataset-JSON"),
    ("vs.parquet", lambda data: data[:-9], "not a whole parquet file"),
    ("vs.csv.gz", lambda data: data[:-60], "vs.csv.gz"),
    ("vs.csv", lambda data: data.replace(b"mmHg", b"\xb0\xe9", 1), "UTF-8"),
    ("vs.csv", lambda data: data.replace(b"USUBJID", b"PATIENT"), "column USUBJID is missing"),
    (
        "vs.csv",
        lambda data: data.replace(b"TEMP,TEMP", b"TEMP", 1),
        "row 1: 11 cells where the header has 12",
    ),
]


@pytest.mark.parametrize(("name", "change", "said"), OTHERS)
def test_other_broken_files(name: str, change: Callable[[bytes], bytes], said: str, tmp_path: Path) -> None:
    message = changed(tmp_path, name, change)
    assert said in message
    assert name in message


@pytest.mark.parametrize("encoding", ["xpt", "json", "parquet"])
@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("USUBJID", "column USUBJID holds numbers"),
        ("VSDTC", "column VSDTC holds numbers; SDTM writes it as text in ISO 8601"),
    ],
)
def test_numbers_where_texts_must_be(column: str, said: str, encoding: str, tmp_path: Path) -> None:
    folder = study(tmp_path, encoding)
    write_dataset(folder, "vs", [{**row, column: 7} for row in VITALS], encoding)
    assert said in refusal(folder)


def test_one_dataset_in_two_encodings_is_refused(tmp_path: Path) -> None:
    folder = study(tmp_path, "csv")
    write_dataset(folder, "vs", VITALS, "json")
    assert "vs.csv and vs.json are one dataset twice" in refusal(folder)


def test_a_folder_without_datasets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "suppae.csv").write_text("USUBJID\nA\n")
    assert "no SDTM dataset in it" in refusal(tmp_path, format="sdtm")


def test_an_empty_dataset_has_no_rows(tmp_path: Path) -> None:
    folder = study(tmp_path, "csv")
    (folder / "lb.csv").write_text("USUBJID,LBTESTCD,LBDTC\n")
    assert graded(folder).run["rows_read"] == 19

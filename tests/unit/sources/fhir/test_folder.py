"""Folders: what is found in them, broken files and lines, and that the good rows come through."""

import gzip
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.unit.sources.fhir.conftest import bundle_of, ndjson_of, table_of
from tocsin.errors import UserError
from tocsin.sources.fhir import looks_like_fhir, open_fhir
from tocsin.sources.flat import FLAT_SCHEMA
from tocsin.sources.settings import Settings

Con = duckdb.DuckDBPyConnection


def encounter(id: str) -> dict[str, Any]:
    """A made-up Encounter."""
    return {"resourceType": "Encounter", "id": id, "subject": {"reference": "Patient/p1"}}


GOOD = "no_clinical_content"


def found(con: Con, path: Path) -> list[tuple[str, str | None]]:
    """Source of each row, with its fate or its trouble."""
    rows = table_of(con, open_fhir(con, [path], Settings())).sort_by("row").to_pylist()
    assert len({row["row"] for row in rows}) == len(rows)
    return [(row["source"], row["fate"] or row["trouble"]) for row in rows]


@pytest.mark.parametrize("name", ["a.ndjson", "a.jsonl", "A.NDJSON", "a.json", "deep/er/a.ndjson"])
@pytest.mark.parametrize("zipped", [False, True])
def test_lines_are_known_by_name_or_content(tmp_path: Path, con: Con, name: str, zipped: bool) -> None:
    file = tmp_path / (name + ".gz" * zipped)
    file.parent.mkdir(parents=True, exist_ok=True)
    data = ndjson_of(encounter("e1"), encounter("e2"))
    file.write_bytes(gzip.compress(data) if zipped else data)
    relative = file.relative_to(tmp_path).as_posix()
    assert looks_like_fhir(tmp_path)
    assert found(con, tmp_path) == [(f"{relative}:1", GOOD), (f"{relative}:2", GOOD)]


def test_gzip_is_known_by_its_first_bytes_not_by_the_name(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.ndjson").write_bytes(gzip.compress(ndjson_of(encounter("e1"))))
    (tmp_path / "b.ndjson.gz").write_bytes(ndjson_of(encounter("e2")))
    assert found(con, tmp_path) == [("a.ndjson:1", GOOD), ("b.ndjson.gz:1", GOOD)]


def test_bundles_lines_and_lone_resources_may_stand_together(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.json").write_bytes(bundle_of(encounter("e1")))
    (tmp_path / "b.json").write_bytes(ndjson_of(encounter("e2")))
    (tmp_path / "c.ndjson").write_bytes(ndjson_of(encounter("e3")))
    (tmp_path / "d.json.gz").write_bytes(gzip.compress(bundle_of(encounter("e4"))))
    (tmp_path / "readme.txt").write_text("not read")
    assert found(con, tmp_path) == [
        ("a.json:entry[0] Encounter/e1", GOOD),
        ("b.json", GOOD),
        ("c.ndjson:1", GOOD),
        ("d.json.gz:entry[0] Encounter/e4", GOOD),
    ]


def test_bundles_as_lines_are_opened(tmp_path: Path, con: Con) -> None:
    lines = [bundle_of(encounter(f"e{n}")) for n in (1, 2)]
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(lines))
    assert found(con, tmp_path) == [
        ("a.ndjson:1:entry[0] Encounter/e1", GOOD),
        ("a.ndjson:2:entry[0] Encounter/e2", GOOD),
    ]


def test_one_document_called_ndjson_is_read(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.ndjson").write_text('{\n "resourceType": "Encounter"\n}\n')
    assert found(con, tmp_path) == [("a.ndjson", GOOD)]


BROKEN = [
    b'{"resourceType": "Encounter", "id": "cut',
    b'{"resourceType": "Encounter"}{"resourceType": "Encounter"}',
    b"[1, 2]",
    b'"text"',
    b"null",
    b'{"id": "\xff"}',
    b"\x00\x01",
]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_broken_line_is_named_and_the_others_come_through(tmp_path: Path, con: Con, zipped: bool) -> None:
    good = [ndjson_of(encounter(f"e{n}")).rstrip() for n in range(len(BROKEN))]
    data = b"\r\n".join(line for pair in zip(good, BROKEN, strict=True) for line in pair)
    file = tmp_path / "a.ndjson"
    file.write_bytes(gzip.compress(data) if zipped else data)
    read = found(con, tmp_path)
    assert [source for source, why in read if why == GOOD] == [
        f"a.ndjson:{2 * n + 1}" for n in range(len(good))
    ]
    assert [source for source, why in read if why == "broken_line"] == [
        f"a.ndjson:{2 * n + 2}" for n in range(len(good))
    ]
    rows = table_of(con, open_fhir(con, [tmp_path], Settings())).sort_by("row")
    assert rows["trouble_value"].to_pylist()[-len(BROKEN)] == BROKEN[0].decode()


def test_a_broken_line_is_counted_as_an_editor_counts(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"\n\n" + ndjson_of(encounter("e1")) + b"  \n{\n")
    assert ("a.ndjson:5", "broken_line") in found(con, tmp_path)


def test_a_byte_order_mark_costs_no_line(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"\xef\xbb\xbf" + ndjson_of(encounter("e1"), encounter("e2")))
    assert sorted(found(con, tmp_path)) == [("a.ndjson:1", GOOD), ("a.ndjson:2", GOOD)]


def test_lines_that_are_no_resources_are_counted(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.ndjson").write_bytes(ndjson_of(encounter("e1")))
    (tmp_path / "log.ndjson").write_bytes(ndjson_of({"exportId": "x"}, {"exportId": "y"}))
    assert found(con, tmp_path) == [
        ("a.ndjson:1", GOOD),
        ("log.ndjson:1", "no_interest_type"),
        ("log.ndjson:2", "no_interest_type"),
    ]


def test_a_file_that_is_cut_short_gives_what_it_has(tmp_path: Path, con: Con) -> None:
    lines = ndjson_of(*(encounter(os.urandom(20).hex()) for _ in range(2000)))
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(lines)[:-20_000])
    (tmp_path / "b.ndjson").write_bytes(ndjson_of(encounter("e1")))
    read = found(con, tmp_path)
    assert ("b.ndjson:1", GOOD) in read
    assert ("a.ndjson.gz", "broken_file") in read
    assert 500 < sum(why == GOOD for _, why in read) < 2000


def test_a_broken_document_is_named_and_the_others_come_through(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.json").write_bytes(bundle_of(encounter("e1")))
    (tmp_path / "b.json").write_bytes(bundle_of(encounter("e2"))[:-3])
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(bundle_of(encounter("e3")))[:-9])
    assert found(con, tmp_path) == [
        ("a.json:entry[0] Encounter/e1", GOOD),
        ("b.json", "broken_file"),
        ("c.json.gz", "broken_file"),
    ]


def test_many_files_keep_their_lines_and_numbers(tmp_path: Path, con: Con) -> None:
    for place in range(11):
        lines = [encounter(f"{place}-{line}") for line in range(place * 700)]
        (tmp_path / f"{place:02}.ndjson").write_bytes(ndjson_of(*lines))
    con.execute("SET threads = 4")
    rows = table_of(con, open_fhir(con, [tmp_path], Settings())).to_pylist()
    assert sorted(row["source"] for row in rows) == sorted(
        f"{place:02}.ndjson:{line + 1}" for place in range(11) for line in range(place * 700)
    )
    assert all(row["row"] // 10_000_000_000 == int(row["source"][:2]) for row in rows)
    again = table_of(con, open_fhir(con, [tmp_path], Settings())).to_pylist()
    assert {row["row"]: row["source"] for row in again} == {row["row"]: row["source"] for row in rows}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "nothing to read"),
        ({"a.txt": b"x"}, "nothing to read"),
        ({"a.json": b"{}", "b.json": b"[]"}, "no FHIR resource"),
        ({"a.ndjson": b""}, "no FHIR resource"),
        ({"a.ndjson": b"\n\n"}, "no FHIR resource"),
        ({"a.ndjson": b"{}\n3\n{"}, "no FHIR resource"),
        ({"a.ndjson": os.urandom(5000)}, "no FHIR resource"),
    ],
)
def test_a_folder_with_nothing_known_is_refused(
    tmp_path: Path, con: Con, files: dict[str, bytes], says: str
) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert not looks_like_fhir(tmp_path)
    with pytest.raises(UserError, match=says) as caught:
        open_fhir(con, [tmp_path], Settings())
    assert caught.value.message.startswith(f"{tmp_path}: ")
    assert "a Bundle, a folder of Bundles" in caught.value.message


def test_a_path_that_is_not_there_is_refused(tmp_path: Path, con: Con) -> None:
    assert not looks_like_fhir(tmp_path / "none")
    with pytest.raises(UserError, match="not there"):
        open_fhir(con, [tmp_path / "none"], Settings())


def test_the_view_has_the_columns_of_the_table(tmp_path: Path, con: Con) -> None:
    (tmp_path / "a.ndjson").write_bytes(ndjson_of(encounter("e1")))
    read = open_fhir(con, [tmp_path], Settings())
    assert table_of(con, read).schema == FLAT_SCHEMA
    assert read.files == (str(tmp_path / "a.ndjson"),)


def test_a_long_file_is_written_piece_by_piece(
    tmp_path: Path, con: Con, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.sources.fhir.by_python._CHUNK", 3)
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(bundle_of(encounter(f"e{n}")) for n in range(10)))
    assert [source for source, _ in found(con, tmp_path)] == [
        f"a.ndjson:{n + 1}:entry[0] Encounter/e{n}" for n in range(10)
    ]


@pytest.mark.parametrize("name", ["o'brien.ndjson", "a[1].ndjson", "a*.ndjson", "a?.ndjson", 'é ".ndjson'])
def test_file_names_mean_themselves(tmp_path: Path, con: Con, name: str) -> None:
    for file in (name, "a1.ndjson"):
        (tmp_path / file).write_bytes(ndjson_of(encounter(file)))
    read = open_fhir(con, [tmp_path], Settings())
    assert sorted(table_of(con, read)["source"].to_pylist()) == sorted([f"{name}:1", "a1.ndjson:1"])
    assert con.execute("SELECT count(*) FROM fhir_by_python").fetchall() == [(0,)]

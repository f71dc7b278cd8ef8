"""Bad CDMs: what is missing, of a wrong type, cut or broken; one line says where, or the row is in quarantine."""

import gzip
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.support.cdm import CELSIUS, TEMPERATURE, Cdm, treated
from tests.support.made_up import graded, reasons, refusal
from tocsin.errors import UserError
from tocsin.sources.omop.place import read_place, secrets_of


def changed(folder: Path, *sqls: str, made: Cdm | None = None) -> Path:
    """A CDM in a DuckDB file, changed by some SQL."""
    file = (made or treated()).to_duckdb(folder / "cdm.duckdb")
    con = duckdb.connect(str(file))
    for sql in sqls:
        con.execute(sql)
    con.close()
    return file


@pytest.mark.parametrize("table", ["person", "measurement"])
def test_a_table_that_must_be_there(tmp_path: Path, table: str) -> None:
    assert f"table {table}" in refusal(changed(tmp_path, f"DROP TABLE {table}"))


@pytest.mark.parametrize("table", ["person", "measurement"])
def test_a_file_that_must_be_there(tmp_path: Path, table: str) -> None:
    folder = treated().to_parquet(tmp_path / "cdm")
    (folder / f"{table}.parquet").unlink()
    assert f"table {table} is missing" in refusal(folder)


def test_other_tables_may_be_missing_and_the_run_says_so(tmp_path: Path) -> None:
    file = changed(tmp_path, "DROP TABLE observation", "DROP TABLE device_exposure", "DROP TABLE death")
    result = graded(file)
    assert result.run["episodes"] == 1
    assert "tables that are not there: device_exposure, observation, death" in result.run["notes"]


@pytest.mark.parametrize(
    ("table", "column"),
    [("measurement", "measurement_id"), ("measurement", "person_id"), ("measurement", "measurement_concept_id"),
     ("drug_exposure", "drug_concept_id"), ("person", "person_id")],
)  # fmt: skip
def test_a_column_that_must_be_there(tmp_path: Path, table: str, column: str) -> None:
    line = refusal(changed(tmp_path, f"ALTER TABLE {table} RENAME {column} TO another"))
    assert f"table {table}: column {column} is missing" in line


def test_a_table_without_any_time(tmp_path: Path) -> None:
    file = changed(
        tmp_path,
        "ALTER TABLE measurement DROP measurement_date",
        "ALTER TABLE measurement DROP measurement_datetime",
    )
    assert "table measurement: column measurement_date is missing" in refusal(file)


def test_columns_of_5_4_may_be_missing(tmp_path: Path) -> None:
    """CDM 5.3 has no end of a procedure and no source value of an observation; a few more are gone here."""
    dropped = {"procedure_occurrence": ("procedure_end_date", "procedure_end_datetime"), "observation": ("value_source_value",),
               "measurement": ("measurement_time", "operator_concept_id", "unit_source_value", "measurement_date"),
               "person": ("birth_datetime", "gender_source_value"), "drug_exposure": ("route_concept_id",)}  # fmt: skip
    file = changed(
        tmp_path, *(f"ALTER TABLE {table} DROP {name}" for table, names in dropped.items() for name in names)
    )
    assert graded(file).run["episodes"] == 1


@pytest.mark.parametrize(
    ("table", "column", "type", "said"),
    [
        ("measurement", "measurement_datetime", "VARCHAR", "VARCHAR, and the CDM has a timestamp there"),
        ("measurement", "value_as_number", "VARCHAR", "VARCHAR, and the CDM has a number there"),
        ("measurement", "measurement_concept_id", "VARCHAR", "VARCHAR, and the CDM has an integer there"),
        ("measurement", "measurement_date", "INTEGER", "INTEGER, and the CDM has a date there"),
        ("person", "person_id", "VARCHAR", "VARCHAR, and the CDM has an integer there"),
    ],
)
def test_a_column_of_a_wrong_type(tmp_path: Path, table: str, column: str, type: str, said: str) -> None:
    using = "20240101" if type == "INTEGER" else f"CAST({column} AS VARCHAR)"
    line = refusal(changed(tmp_path, f"ALTER TABLE {table} ALTER {column} TYPE {type} USING {using}"))
    assert f"table {table}, column {column}: {said}" in line


def test_an_empty_column_may_have_any_type(tmp_path: Path) -> None:
    """Parquet from data frames types columns without a value at random."""
    file = changed(tmp_path, "ALTER TABLE drug_exposure ALTER drug_exposure_end_datetime TYPE VARCHAR")
    assert graded(file).run["episodes"] == 1


def text(folder: Path, made: Cdm | None = None) -> Path:
    """A CDM in text files."""
    return (made or treated()).to_text(folder / "cdm", upper=False)


def replace(file: Path, old: str, new: str) -> None:
    """Change a text file."""
    said = file.read_text(encoding="utf-8")
    assert old in said
    file.write_text(said.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "reason", "column", "value"),
    [
        (",39,", ",high,", "not_a_number", "value_as_number", "high"),
        ("2024-01-01 20:00:00", "yesterday evening", "bad_time", "measurement_datetime", "yesterday evening"),
        ("1,1,3020891", "1,one,3020891", "no_subject", "person_id", "one"),
        ("1,1,3020891,2024-01-01,2024-01-01 20:00:00", "1,1,3020891,,", "no_time", "measurement_date", None),
        ("1,1,3020891", "1,,3020891", "no_subject", "person_id", None),
    ],
)
def test_a_bad_cell_quarantines_its_row(
    tmp_path: Path, old: str, new: str, reason: str, column: str, value: str | None
) -> None:
    folder = text(tmp_path)
    replace(folder / "measurement.csv", old, new)
    (row,) = graded(folder).quarantine.to_pylist()
    assert row == {"source": "measurement", "row": 1, "column": column, "value": value, "reason": reason}


def test_a_broken_line_is_quarantined(tmp_path: Path) -> None:
    folder = text(tmp_path)
    with (folder / "measurement.csv").open("a", encoding="utf-8") as file:
        file.write("2,1,3020891,too few\n")
    result = graded(folder)
    assert result.run["episodes"] == 1
    assert [(row["source"], row["row"], row["reason"]) for row in result.quarantine.to_pylist()] == [
        ("measurement", 3, "broken_line")
    ]


def test_text_files_may_be_zipped_have_semicolons_and_plain_dates(tmp_path: Path) -> None:
    folder = text(tmp_path)
    file = folder / "measurement.csv"
    replace(file, ",2024-01-01,", ",20240101,")
    said = file.read_text(encoding="utf-8").replace(",", ";")
    (folder / "measurement.csv.gz").write_bytes(gzip.compress(said.encode()))
    file.unlink()
    assert graded(folder).run["episodes"] == 1


def test_a_time_with_its_offset_needs_no_zone(tmp_path: Path) -> None:
    folder = text(tmp_path)
    replace(folder / "measurement.csv", "2024-01-01 20:00:00", "2024-01-01T20:00:00-05:00")
    (onset,) = graded(folder).episodes["onset"].to_pylist()
    assert onset.isoformat() == "2024-01-02T01:00:00+00:00"


def test_timestamps_with_a_zone_are_instants(tmp_path: Path) -> None:
    file = changed(
        tmp_path,
        "SET TimeZone = 'UTC'",
        "ALTER TABLE measurement ALTER measurement_datetime TYPE TIMESTAMPTZ",
    )
    (onset,) = graded(file, settings={"zone": "America/New_York"}).episodes["onset"].to_pylist()
    assert onset.isoformat() == "2024-01-01T20:00:00+00:00"


def test_infinite_times_are_no_times(tmp_path: Path) -> None:
    file = changed(
        tmp_path, "UPDATE measurement SET measurement_datetime = 'infinity', measurement_date = NULL"
    )
    assert graded(file).run["episodes"] == 0


def test_two_files_for_one_table(tmp_path: Path) -> None:
    folder = text(tmp_path)
    shutil.copy(folder / "measurement.csv", folder / "MEASUREMENT.tsv")
    assert "both hold measurement" in refusal(folder, format="omop")


def test_a_folder_of_parquet_parts(tmp_path: Path) -> None:
    folder = treated().to_parquet(tmp_path / "cdm")
    (folder / "measurement").mkdir()
    (folder / "measurement.parquet").rename(folder / "measurement" / "part-0.parquet")
    assert graded(folder).run["episodes"] == 1


def test_damaged_files_are_named(tmp_path: Path) -> None:
    file = changed(tmp_path)
    file.write_bytes(file.read_bytes()[:5000])
    assert "DuckDB cannot open it" in refusal(file)
    folder = treated().to_parquet(tmp_path / "cdm")
    whole = (folder / "measurement.parquet").read_bytes()
    (folder / "measurement.parquet").write_bytes(whole[: len(whole) // 2])
    assert "measurement.parquet: cannot be read" in refusal(folder)


def test_one_source_at_a_time(tmp_path: Path) -> None:
    one, two = (treated().to_duckdb(tmp_path / name) for name in ("a.duckdb", "b.duckdb"))
    with pytest.raises(UserError, match="an OMOP source is one database or folder"):
        graded([one, two])  # type: ignore[arg-type]


def test_options_that_are_none_of_ours(tmp_path: Path) -> None:
    file = treated().to_duckdb(tmp_path / "a.duckdb")
    assert "tables is no option" in refusal(Path(f"{file}?tables=all"))
    assert "no schema cdm" in refusal(Path(f"{file}?schema=cdm"))


def test_without_the_driver_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("tocsin.sources.omop.postgres.import_module", without)
    with pytest.raises(UserError, match=r"pip install 'tocsin\[postgres\]'"):
        graded("postgresql://nobody@127.0.0.1:1/nowhere")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "name", "address"),
    [
        ("postgresql://ann:s3cret@host:5433/db?schema=cdm", "postgresql://ann@host:5433/db?schema=cdm", "postgresql://ann:s3cret@host:5433/db"),
        ("postgres://host/db", "postgresql://host/db", "postgresql://host/db"),
        ("postgresql:///db?host=/run/pg&password=s3cret", "postgresql:///db?host=/run/pg", "postgresql:///db?host=%2Frun%2Fpg&password=s3cret"),
        ("postgresql://ann@host/db?schema=cdm&vocabulary=v&sslkey=s3cret", "postgresql://ann@host/db?schema=cdm&vocabulary=v",
         "postgresql://ann@host/db?sslkey=s3cret"),
    ],
)  # fmt: skip
def test_addresses(url: str, name: str, address: str) -> None:
    place = read_place(url)
    assert (place.name, place.address) == (name, address)
    assert "s3cret" not in place.name
    assert secrets_of(place.address) == (("s3cret",) if "s3cret" in url else ())


@pytest.mark.parametrize("mark", ["/", "?", "#", "@"])
@pytest.mark.parametrize("start", ["s3", "12"])
def test_a_mark_inside_a_password_is_told_without_the_password(mark: str, start: str) -> None:
    with pytest.raises(UserError) as error:
        read_place(f"postgresql://ann:{start}{mark}cret@host:5433/db")
    assert "%2F" in str(error.value)
    assert not [word for word in ("cret", start, "ann") if word in str(error.value).replace("%23", "")]


@pytest.mark.parametrize("url", ["postgresql://ann:s3cret@[::1/db", "postgresql://host:port/db"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UserError, match="is no postgresql://"):
        read_place(url)


@pytest.mark.parametrize("hosts", ["[::1]:5433", "[::1]", "one:5433,two:5434", "one,two", ""])
def test_hosts_of_a_server(hosts: str) -> None:
    assert read_place(f"postgresql://ann:s3%2Fcret@{hosts}/db").name == f"postgresql://ann@{hosts}/db"


def test_concept_0_without_a_source_value_is_of_no_interest(tmp_path: Path) -> None:
    result = graded(changed(tmp_path, made=treated().add("measurement", 1, 30, 0, value_as_number=39)))
    assert result.run["not_of_interest_by_reason"] == {"unmapped": 1}
    assert reasons(result) == []


def test_a_measurement_twice_is_two_events(tmp_path: Path) -> None:
    made = treated().add("measurement", 1, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    assert graded(changed(tmp_path, made=made)).run["events"] == 3

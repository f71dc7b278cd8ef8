"""One made-up CDM as a DuckDB file, parquet, text files and a real PostgreSQL: the same grades, byte for byte."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.support.cdm import AXI_CEL, CELSIUS, TEMPERATURE, VOCABULARY, Cdm, vocabulary, whole_subject
from tests.support.made_up import graded, refusal
from tests.support.postgres import PASSWORD, Server, postgres
from tocsin.api import grade
from tocsin.engines.coverage import check_coverage

__all__ = ["postgres"]
FILES = ("grades", "episodes", "events", "subjects", "quarantine")
PLACES = ("duckdb", "schema", "parquet", "text", "lower", "postgres")


def cdm() -> Cdm:
    """A subject with a course, one without a therapy, one with an order of a therapy alone, and rows that belong nowhere."""
    made = vocabulary(whole_subject(Cdm()))
    made.person(2).add("measurement", 2, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)
    made.person(3).add("drug_exposure", 3, 5, AXI_CEL, drug_type_concept_id=32838)
    made.add("measurement", None, 20, TEMPERATURE, value_as_number=39.5, unit_concept_id=CELSIUS)
    made.add("measurement", 2, None, TEMPERATURE, value_as_number=39.5, unit_concept_id=CELSIUS)
    made.add("measurement", 1, 21, TEMPERATURE, value_as_number=102, unit_concept_id=CELSIUS)
    return made.add("measurement", 1, 22, 0, "40%", value_as_number=1)


ROWS = sum(len(rows) for table, rows in cdm().tables.items() if table not in VOCABULARY)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> dict[str, str | Path]:
    """The CDM in every place."""
    folder, made = tmp_path_factory.mktemp("cdm"), cdm()
    made.to_duckdb(folder / "b.duckdb", "cdm_54")
    return {
        "duckdb": made.to_duckdb(folder / "a.duckdb"),
        "schema": f"{folder / 'b.duckdb'}?schema=cdm_54",
        "parquet": made.to_parquet(folder / "parquet"),
        "text": made.to_text(folder / "text"),
        "lower": made.to_text(folder / "lower", upper=False),
        "postgres": made.to_postgres(postgres, "cdm_same"),
    }


@pytest.fixture(scope="module")
def first(places: dict[str, str | Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output from the DuckDB file."""
    out = tmp_path_factory.mktemp("out")
    grade(places["duckdb"], out=out, events="all")
    return out


@pytest.mark.parametrize("name", PLACES[1:])
def test_every_place_gives_the_same_bytes(
    places: dict[str, str | Path], first: Path, tmp_path: Path, name: str
) -> None:
    run = grade(places[name], out=tmp_path / "out", events="all").run
    assert pq.read_table(first / "grades.parquet").num_rows > 5
    for file in FILES:
        assert (tmp_path / "out" / f"{file}.parquet").read_bytes() == (first / f"{file}.parquet").read_bytes()
    assert run["rows_read"] == ROWS
    assert run["not_of_interest_by_reason"] == {"left_in_the_source": 2, "order": 1, "unmapped": 1}
    assert run["quarantined_by_reason"] == {"looks_like_fahrenheit": 1, "no_subject": 1, "no_time": 1}


@pytest.mark.parametrize("name", PLACES)
def test_codes_are_counted_over_the_whole_source(places: dict[str, str | Path], name: str) -> None:
    found = check_coverage(places[name])
    signals = {row.signal: row.rows for row in found.signals}
    assert found.rows == ROWS
    assert signals == {
        "body_temperature": 8,
        "systolic_bp": 4,
        "inhaled_o2_flow": 1,
        "oxygen_device": 1,
        "norepinephrine": 2,
        "tocilizumab": 1,
        "axicabtagene_ciloleucel": 1,
        "weight": 1,
    }


def test_a_password_is_shown_nowhere(places: dict[str, str | Path], tmp_path: Path) -> None:
    url = str(places["postgres"])
    assert PASSWORD in url
    run = grade(url, out=tmp_path / "out").run
    assert run["sources"][0].endswith("/postgres?schema=cdm_same")
    assert all(PASSWORD.encode() not in file.read_bytes() for file in (tmp_path / "out").iterdir())
    assert PASSWORD not in check_coverage(url).source


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("127.0.0.1", "127.0.0.2"), "cannot connect"),
        (("cdm_same", "elsewhere"), "no schema elsewhere"),
        ((PASSWORD, "another"), "cannot connect"),
        (("?schema=cdm_same", ""), "several schemas hold a table person"),
    ],
)
def test_what_a_database_refuses_is_one_line(
    places: dict[str, str | Path], postgres: Server, change: tuple[str, str], said: str
) -> None:
    cdm().to_postgres(postgres, "cdm_other")
    line = refusal(str(places["postgres"]).replace(*change))
    assert said in line
    assert "\n" not in line
    assert PASSWORD not in line
    assert "another" not in line


def test_the_server_is_only_read(places: dict[str, str | Path], postgres: Server) -> None:
    """`reader` may only select, and the owner finds the tables as they were."""
    graded(str(places["postgres"]))
    postgres.run("DO $$ BEGIN ASSERT (SELECT count(*) FROM cdm_same.person) = 3; END $$")


def test_a_vocabulary_in_a_schema_of_its_own(postgres: Server, first: Path, tmp_path: Path) -> None:
    made = cdm()
    made.to_postgres(postgres, "cdm_alone")
    postgres.run(
        "DROP SCHEMA IF EXISTS vocab CASCADE; CREATE SCHEMA vocab; GRANT USAGE ON SCHEMA vocab TO reader;"
        "ALTER TABLE cdm_alone.concept SET SCHEMA vocab; ALTER TABLE cdm_alone.concept_ancestor SET SCHEMA vocab;"
    )
    url = postgres.url(user="reader", options="?schema=cdm_alone&vocabulary=vocab")
    grade(url, out=tmp_path / "out", events="all")
    assert (tmp_path / "out" / "grades.parquet").read_bytes() == (first / "grades.parquet").read_bytes()


def test_a_database_that_another_process_writes_is_refused(tmp_path: Path) -> None:
    file = cdm().to_duckdb(tmp_path / "a.duckdb")
    writer = duckdb.connect(str(file))
    try:
        assert "DuckDB cannot open it" in refusal(file)
    finally:
        writer.close()

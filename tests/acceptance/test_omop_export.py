"""The OMOP export loads into a CDM 5.4 with its types and constraints, in DuckDB and in a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support.cdm_schema import cdm_statements
from tests.support.postgres import Server, postgres
from tests.support.round_trips import random_result
from tocsin.exports import export
from tocsin.exports.omop import TABLES
from tocsin.knowledge.omop_export import export_concepts

__all__ = ["postgres"]
_CONCEPT = (
    "(concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, concept_code, "
    "valid_start_date, valid_end_date)"
)
_PERSON = "(person_id, gender_concept_id, year_of_birth, race_concept_id, ethnicity_concept_id)"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a made-up crowd."""
    out = tmp_path_factory.mktemp("omop") / "tables"
    export(random_result(tmp_path_factory.mktemp("crowd"), 5, 40), "omop", out)
    return out


def prepared(data: Path, exported: Path, schema: str) -> Iterator[str]:
    """The CDM with the concepts that the export names and the persons that it speaks of."""
    yield f"CREATE SCHEMA {schema}"
    yield from cdm_statements(data / "omop54-quality-checks", schema)
    for concept in sorted({*export_concepts().values(), 8507}):
        yield (
            f"INSERT INTO {schema}.concept {_CONCEPT} VALUES ({concept}, 'a concept', 'Metadata', 'None', 'Undefined', 'x', "
            "DATE '1970-01-01', DATE '2099-12-31')"
        )
    persons = duckdb.sql(f"SELECT DISTINCT subject_id FROM '{exported}/cohort.parquet'").fetchall()
    for (person,) in persons:
        yield f"INSERT INTO {schema}.person {_PERSON} VALUES ({person}, 8507, 1980, 0, 0)"


def loads_into(run: Callable[[str], object], data: Path, exported: Path, copy: str) -> None:
    for statement in prepared(data, exported, "cdm"):
        run(statement)
    for table in TABLES:
        file = exported / f"{table}.csv"
        columns = file.read_text(encoding="utf-8").partition("\n")[0].replace('"', "")
        run(copy.format(table=f"cdm.{table} ({columns})", file=file))


def test_loads_into_duckdb(data: Path, exported: Path) -> None:
    con = duckdb.connect()
    loads_into(con.execute, data, exported, "COPY {table} FROM '{file}' (HEADER)")
    assert con.sql("FROM cdm.observation").shape[0] > 100
    # Concept 1 is not there: the constraints are alive.
    with pytest.raises(duckdb.ConstraintException):
        con.execute("UPDATE cdm.observation SET observation_concept_id = 1 WHERE observation_id = 1")


def test_loads_into_postgres(data: Path, exported: Path, postgres: Server) -> None:
    statements: list[str] = []
    loads_into(statements.append, data, exported, "\\copy {table} FROM '{file}' CSV HEADER")
    postgres.run("CREATE DATABASE exported")
    postgres.run("\n".join(one if one.startswith("\\copy") else f"{one};" for one in statements), "exported")
    postgres.run(
        "DO $$ BEGIN ASSERT (SELECT count(*) > 100 FROM cdm.observation); "
        "ASSERT (SELECT count(*) FROM cdm.episode) = (SELECT count(*) FROM cdm.cohort); END $$",
        "exported",
    )

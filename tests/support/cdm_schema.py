"""The OMOP CDM 5.4 as tables with constraints, made from OHDSI's own list of fields (data-quality checks, field level)."""

import csv
import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

# In the order in which they refer to each other.
TABLES = (
    "concept", "provider", "person", "visit_occurrence", "visit_detail", "cohort", "cohort_definition", "episode",
    "episode_event", "observation",
)  # fmt: skip
_TYPES = {"datetime": "timestamp", "float": "numeric", "varchar(max)": "text"}
Field = Mapping[str, str]


def cdm_statements(checks: Path, schema: str) -> Iterator[str]:
    """Yield the statements that make the tables: types, what may not be null, primary keys, foreign keys."""
    fields = _fields(checks / "OMOP_CDMv5.4_Field_Level.csv.gz")
    keys = {
        (table, _name(row)): _type(row)
        for table in TABLES
        for row in fields[table]
        if row["isPrimaryKey"] == "Yes"
    }
    for table in TABLES:
        columns = [_column(row, keys.get(_target(row, table))) for row in fields[table]]
        links = [_foreign_key(row, table, schema) for row in fields[table] if _target(row, table) in keys]
        yield f"CREATE TABLE {schema}.{table} ({', '.join([*columns, *links])})"


def _fields(file: Path) -> Mapping[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["cdmTableName"].lower(), []).append(row)
    return found


def _name(row: Field) -> str:
    return row["cdmFieldName"].lower()


def _type(row: Field) -> str:
    return _TYPES.get(row["cdmDatatype"].lower(), row["cdmDatatype"].lower())


def _target(row: Field, table: str) -> tuple[str, str]:
    """The key that a field refers to. cohort_definition's is a column of cohort that is no key: OHDSI's flaw, left out."""
    to = row["fkTableName"].lower()
    return (to, row["fkFieldName"].lower()) if row["isForeignKey"] == "Yes" and to != table else ("", "")


def _column(row: Field, key_type: str | None) -> str:
    """A column; one that refers to a key has its type: DuckDB insists, and OHDSI's list says integer beside bigint."""
    needed = (
        " PRIMARY KEY" if row["isPrimaryKey"] == "Yes" else " NOT NULL" if row["isRequired"] == "Yes" else ""
    )
    return f"{_name(row)} {key_type or _type(row)}{needed}"


def _foreign_key(row: Field, table: str, schema: str) -> str:
    to, key = _target(row, table)
    return f"FOREIGN KEY ({_name(row)}) REFERENCES {schema}.{to} ({key})"

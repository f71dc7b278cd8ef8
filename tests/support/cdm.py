"""A made-up OMOP CDM, written as a DuckDB file, as parquet, as text files and into PostgreSQL. Nobody in it ever lived."""

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.support.made_up import graded
from tests.support.postgres import Server
from tocsin.results import Result

Row = Mapping[str, Any]
DAY = dt.date(2024, 1, 1)
# Column types as the CDM 5.4 has them for PostgreSQL; DuckDB understands them too.
_I, _T, _D, _S, _N = "integer", "varchar(255)", "date", "timestamp", "numeric"
_VALUE = {
    "value_as_number": _N,
    "value_as_concept_id": _I,
    "unit_concept_id": _I,
    "unit_source_value": _T,
    "value_source_value": _T,
}
COLUMNS: dict[str, dict[str, str]] = {
    "person": {"person_id": f"{_I} NOT NULL", "gender_concept_id": _I, "year_of_birth": _I, "month_of_birth": _I,
               "day_of_birth": _I, "birth_datetime": _S, "gender_source_value": _T},
    "measurement": {"measurement_id": f"{_I} NOT NULL", "person_id": _I, "measurement_concept_id": _I, "measurement_date": _D,
                    "measurement_datetime": _S, "measurement_time": _T, "measurement_type_concept_id": _I,
                    "operator_concept_id": _I, **_VALUE, "measurement_source_value": _T, "measurement_source_concept_id": _I},
    "drug_exposure": {"drug_exposure_id": _I, "person_id": _I, "drug_concept_id": _I, "drug_exposure_start_date": _D,
                      "drug_exposure_start_datetime": _S, "drug_exposure_end_date": _D, "drug_exposure_end_datetime": _S,
                      "drug_type_concept_id": _I, "quantity": _N, "route_concept_id": _I, "drug_source_value": _T,
                      "drug_source_concept_id": _I, "route_source_value": _T, "dose_unit_source_value": _T},
    "device_exposure": {"device_exposure_id": _I, "person_id": _I, "device_concept_id": _I, "device_exposure_start_date": _D,
                        "device_exposure_start_datetime": _S, "device_exposure_end_date": _D,
                        "device_exposure_end_datetime": _S, "device_type_concept_id": _I, "device_source_value": _T,
                        "device_source_concept_id": _I},
    "procedure_occurrence": {"procedure_occurrence_id": _I, "person_id": _I, "procedure_concept_id": _I, "procedure_date": _D,
                             "procedure_datetime": _S, "procedure_end_date": _D, "procedure_end_datetime": _S,
                             "procedure_type_concept_id": _I, "procedure_source_value": _T, "procedure_source_concept_id": _I},
    "condition_occurrence": {"condition_occurrence_id": _I, "person_id": _I, "condition_concept_id": _I,
                             "condition_start_date": _D, "condition_start_datetime": _S,
                             "condition_type_concept_id": _I, "condition_source_value": _T,
                             "condition_source_concept_id": _I},
    "observation": {"observation_id": _I, "person_id": _I, "observation_concept_id": _I, "observation_date": _D,
                    "observation_datetime": _S, "observation_type_concept_id": _I, "value_as_string": _T, **_VALUE,
                    "observation_source_value": _T, "observation_source_concept_id": _I},
    "visit_detail": {"visit_detail_id": _I, "person_id": _I, "visit_detail_concept_id": _I, "visit_detail_start_date": _D,
                     "visit_detail_start_datetime": _S, "visit_detail_end_date": _D, "visit_detail_end_datetime": _S,
                     "visit_detail_type_concept_id": _I, "visit_detail_source_value": _T, "visit_detail_source_concept_id": _I},
    "death": {"person_id": _I, "death_date": _D, "death_datetime": _S, "death_type_concept_id": _I, "cause_concept_id": _I,
              "cause_source_value": _T, "cause_source_concept_id": _I},
    "concept": {"concept_id": _I, "concept_name": _T, "vocabulary_id": _T, "concept_class_id": _T, "concept_code": _T},
    "concept_ancestor": {"ancestor_concept_id": _I, "descendant_concept_id": _I, "min_levels_of_separation": _I},
    "drug_strength": {"drug_concept_id": _I, "amount_value": _N, "amount_unit_concept_id": _I},
}  # fmt: skip
VOCABULARY = ("concept", "concept_ancestor", "drug_strength")
_FIRST = {"measurement": "measurement", "drug_exposure": "drug_exposure_start", "device_exposure": "device_exposure_start",
          "procedure_occurrence": "procedure", "condition_occurrence": "condition_start", "observation": "observation",
          "visit_detail": "visit_detail_start", "death": "death"}  # fmt: skip
_LAST = {"drug_exposure": "drug_exposure_end", "device_exposure": "device_exposure_end", "procedure_occurrence": "procedure_end",
         "visit_detail": "visit_detail_end"}  # fmt: skip
_PREFIX = {"drug_exposure": "drug", "device_exposure": "device", "procedure_occurrence": "procedure",
           "condition_occurrence": "condition", "death": "cause"}  # fmt: skip


def at(hour: float) -> dt.datetime:
    """A moment so many hours after the start of 1 January 2024."""
    return dt.datetime.combine(DAY, dt.time()) + dt.timedelta(hours=hour)


@dataclass
class Cdm:
    """A CDM that grows by a row a call; keys count each table's rows from 1."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])

    def put(self, table: str, **cells: Any) -> "Cdm":
        """Add a row as it stands."""
        self.tables.setdefault(table, []).append(cells)
        return self

    def person(self, person: int, born: dt.date | None = dt.date(1980, 5, 1), sex: int = 8507) -> "Cdm":
        """Add a person."""
        parts = {} if born is None else {"month_of_birth": born.month, "day_of_birth": born.day}
        year = 1980 if born is None else born.year
        return self.put("person", person_id=person, gender_concept_id=sex, year_of_birth=year, **parts)

    def add(self, table: str, person: int | None, hour: float | None, concept: int = 0, source: str | None = None,
            until: float | None = None, **more: Any) -> "Cdm":  # fmt: skip
        """Add a row of a clinical table: who, when, what, and the cells that differ from the usual."""
        rows = self.tables.setdefault(table, [])
        prefix, first = _PREFIX.get(table, table), _FIRST[table]
        cells: dict[str, Any] = {
            "person_id": person,
            f"{prefix}_concept_id": concept,
            f"{prefix}_source_value": source,
        }
        if table != "death":
            cells[f"{table}_id"] = len(rows) + 1
        if hour is not None:
            cells |= {f"{first}_date": at(hour).date(), f"{first}_datetime": at(hour)}
        if until is not None:
            cells |= {f"{_LAST[table]}_date": at(until).date(), f"{_LAST[table]}_datetime": at(until)}
        rows.append({**cells, **more})
        return self

    def words(self, *concepts: tuple[int, str, str, str, str]) -> "Cdm":
        """Add concepts: id, vocabulary, class, code, name."""
        for id, vocabulary, of_class, code, name in concepts:
            self.put(
                "concept",
                concept_id=id,
                concept_name=name,
                vocabulary_id=vocabulary,
                concept_class_id=of_class,
                concept_code=code,
            )
        return self

    def _lines(self, table: str) -> list[list[Any]]:
        names = COLUMNS[table]
        for row in self.tables.get(table, []):
            assert row.keys() <= names.keys(), row.keys() - names.keys()
        return [[row.get(name) for name in names] for row in self.tables.get(table, [])]

    def _made(self, con: duckdb.DuckDBPyConnection, schema: str, tables: Sequence[str]) -> None:
        for table in tables:
            con.execute(f"CREATE TABLE {schema}.{table} ({_columns(table)})")
            lines = self._lines(table)
            if lines:  # a table at once: a row at a time takes DuckDB a millisecond or more
                columns = zip(COLUMNS[table], zip(*lines, strict=True), strict=True)
                con.register("made_up", pa.table({name: pa.array(column) for name, column in columns}))
                con.execute(f"INSERT INTO {schema}.{table} FROM made_up")
                con.unregister("made_up")

    def there(self) -> list[str]:
        """The tables that are written: the clinical ones always, those of the vocabulary where they have rows."""
        return [table for table in COLUMNS if table not in VOCABULARY or table in self.tables]

    def to_duckdb(self, file: Path, schema: str = "main") -> Path:
        """Write a DuckDB file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        con = duckdb.connect(str(file))
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self._made(con, schema, self.there())
        con.close()
        return file

    def to_parquet(self, folder: Path) -> Path:
        """Write a folder of parquet files."""
        folder.mkdir(parents=True, exist_ok=True)
        con = duckdb.connect()
        self._made(con, "main", self.there())
        for table in self.there():
            con.execute(f"COPY {table} TO '{folder / table}.parquet'")
        con.close()
        return folder

    def to_text(self, folder: Path, upper: bool = True) -> Path:
        """Write a folder of text files: commas and quotes, the vocabulary with tabs and none, as OHDSI's are."""
        folder.mkdir(parents=True, exist_ok=True)
        for table in self.there():
            name = f"{table.upper() if upper else table}.csv"
            tabs: dict[str, Any] = (
                {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None}
                if table in VOCABULARY
                else {}
            )
            with (folder / name).open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n", **tabs)
                writer.writerow(COLUMNS[table])
                writer.writerows(
                    [["" if cell is None else cell for cell in line] for line in self._lines(table)]
                )
        return folder

    def to_postgres(self, server: Server, schema: str) -> str:
        """Load a schema of its own and return the address at which `reader` may read it."""
        rows: list[str] = []
        for table in self.there():
            rows.append(f"CREATE TABLE {schema}.{table} ({_columns(table)});")
            for line in self._lines(table):
                rows.append(f"INSERT INTO {schema}.{table} VALUES ({', '.join(map(_literal, line))});")
        server.run(
            f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};\n" + "\n".join(rows)
            + f"\nGRANT USAGE ON SCHEMA {schema} TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader;"
        )  # fmt: skip
        return server.url(user="reader", options=f"?schema={schema}")


def _columns(table: str) -> str:
    return ", ".join(f"{name} {type}" for name, type in COLUMNS[table].items())


def _literal(cell: Any) -> str:
    if cell is None:
        return "NULL"
    return str(cell) if isinstance(cell, int | float) else "'" + str(cell).replace("'", "''") + "'"


# Concepts as the OHDSI vocabularies have them, but for those over two thousand million, which are made up.
TEMPERATURE, SYSTOLIC, MEAN_PRESSURE, WEIGHT = 3020891, 3004249, 3027598, 3025315
FLOW, FIO2 = 3005629, 3020716
NOREPINEPHRINE, VASOPRESSIN, TOCILIZUMAB, AXI_CEL = 1321341, 1507835, 40171288, 792844
CELSIUS, FAHRENHEIT, MMHG, KG, L_MIN, PERCENT = 586323, 9289, 8876, 9529, 8698, 8554
ADMINISTERED, ORDERED, DISPENSED = 32818, 32838, 32825
LEVOPHED, DEVICE = 2_000_000_001, 2_000_000_002


def whole_subject(cdm: Cdm, person: int = 1) -> Cdm:
    """A clinically whole course: axi-cel at hour 0, fever, low pressure, a vasopressor, oxygen, tocilizumab, recovery."""
    cdm.person(person)
    cdm.add("measurement", person, -1000, WEIGHT, value_as_number=80, unit_concept_id=KG)
    cdm.add("drug_exposure", person, 0, AXI_CEL, until=0.5, drug_type_concept_id=ADMINISTERED)
    for hour, value in ((20, 39.2), (30, 38.6), (50, 37.1)):
        cdm.add("measurement", person, hour, TEMPERATURE, value_as_number=value, unit_concept_id=CELSIUS)
    for hour, value in ((20, 110), (24, 84), (30, 96), (60, 118)):
        cdm.add("measurement", person, hour, SYSTOLIC, value_as_number=value, unit_concept_id=MMHG)
    drip = {
        "drug_type_concept_id": ADMINISTERED,
        "dose_unit_source_value": "mcg/kg/min",
        "route_concept_id": 4171047,
    }
    cdm.add("drug_exposure", person, 25, LEVOPHED, "Levophed drip", until=30, quantity=0.05, **drip)
    cdm.add("drug_exposure", person, 30, LEVOPHED, "Levophed drip", until=36, quantity=0.02, **drip)
    cdm.add("device_exposure", person, 23, 0, "nasal cannula", until=40)
    cdm.add("measurement", person, 23, FLOW, value_as_number=3, unit_concept_id=L_MIN)
    cdm.add("drug_exposure", person, 26, TOCILIZUMAB, until=27, quantity=640, dose_unit_source_value="mg",
            drug_type_concept_id=ADMINISTERED)  # fmt: skip
    return cdm.add("measurement", person, 90, TEMPERATURE, value_as_number=36.6, unit_concept_id=CELSIUS)


def vocabulary(cdm: Cdm) -> Cdm:
    """The concepts that the course needs, and their descent; the clinical drug is made up."""
    cdm.words(
        (TEMPERATURE, "LOINC", "Clinical Observation", "8310-5", "Body temperature"),
        (SYSTOLIC, "LOINC", "Clinical Observation", "8480-6", "Systolic blood pressure"),
        (WEIGHT, "LOINC", "Clinical Observation", "29463-7", "Body weight"),
        (FLOW, "LOINC", "Clinical Observation", "3151-8", "Inhaled oxygen flow rate"),
        (NOREPINEPHRINE, "RxNorm", "Ingredient", "7512", "norepinephrine"),
        (LEVOPHED, "RxNorm", "Clinical Drug", "made-up-1", "norepinephrine 1 MG/ML Injection"),
        (AXI_CEL, "RxNorm", "Ingredient", "1986410", "axicabtagene ciloleucel"),
        (CELSIUS, "UCUM", "Unit", "Cel", "degree Celsius"),
    )  # fmt: skip
    for above, below, levels in (
        (NOREPINEPHRINE, LEVOPHED, 2),
        (NOREPINEPHRINE, NOREPINEPHRINE, 0),
        (AXI_CEL, AXI_CEL, 0),
    ):
        cdm.put(
            "concept_ancestor",
            ancestor_concept_id=above,
            descendant_concept_id=below,
            min_levels_of_separation=levels,
        )
    return cdm


def treated(person: int = 1) -> Cdm:
    """Somebody with CAR-T at hour 1 and a fever at hour 20."""
    made = Cdm().person(person).add("drug_exposure", person, 1, AXI_CEL, drug_type_concept_id=ADMINISTERED)
    return made.add("measurement", person, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS)


def run(made: Cdm, folder: Path, **options: Any) -> Result:
    """Grade a CDM from a DuckDB file."""
    return graded(made.to_duckdb(folder / "cdm.duckdb"), **options)


def events(result: Result, signal: str) -> list[dict[str, Any]]:
    """The events of a signal."""
    return [row for row in result.events.to_pylist() if row["signal"] == signal]


def hour(time: dt.datetime | None) -> float | None:
    """A moment in hours since the start of the made-up time."""
    return None if time is None else (time.replace(tzinfo=None) - at(0)) / dt.timedelta(hours=1)

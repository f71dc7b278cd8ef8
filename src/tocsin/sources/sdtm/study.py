"""A whole SDTM study as a source: each dataset is mapped once to flat rows, which wait in parquet files."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from tocsin.sources.csv import two_people
from tocsin.sources.sdtm.concepts import parse
from tocsin.sources.sdtm.dataset import Dataset, check
from tocsin.sources.sdtm.dataset_json import open_json
from tocsin.sources.sdtm.files import DatasetFile, dataset_files, left_aside
from tocsin.sources.sdtm.people import subjects_of
from tocsin.sources.sdtm.plain import open_csv_dataset, open_parquet
from tocsin.sources.sdtm.rows import REFERENCE, plain_sql, rows_sql
from tocsin.sources.sdtm.xpt import open_xpt
from tocsin.sources.settings import Settings
from tocsin.sources.source import SUBJECTS, Opening, Source, sql_path, sql_text

_TABLE: Final = "sdtm_dataset"
_OPENS: Final = {"xpt": open_xpt, "json": open_json, "csv": open_csv_dataset, "parquet": open_parquet}


def open_dataset(file: DatasetFile) -> Dataset:
    """Open one dataset in its encoding. Raises UserError in one line at what is wrong with it."""
    dataset = _OPENS[file.encoding](file)
    check(dataset)
    return dataset


def open_sdtm(opening: Opening, paths: list[Path]) -> Source:
    """Open a study: DM, EX, CM, PR, VS, LB, RE, QS, FA, AE, CE and DS, as far as they are there.

    Raises UserError naming file, column and row of what cannot be read.
    """
    files = dataset_files(paths)
    con = opening.con
    folder = _spill_folder(con)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {REFERENCE} (subject VARCHAR, reference DATE)")
    subjects, reckoned = SUBJECTS.empty_table(), 0
    parts: list[Path] = []
    for file in files:
        dataset = open_dataset(file)
        parts.append(folder / f"sdtm_{file.place}.parquet")
        if file.domain.kind == "demographics":
            table, from_age = _people(con, dataset)
            subjects, reckoned = pa.concat_tables([subjects, table]), reckoned + from_age
        spill(con, dataset, parts[-1], opening.settings)
    notes = _notes(con, files, parts, reckoned)
    aside = left_aside(paths)
    if aside:
        notes.append(f"not read, as grading has no use for them: {', '.join(aside)}")
    return Source(
        format="sdtm",
        files=tuple(file.path for file in files),
        relation=f"SELECT * FROM read_parquet([{', '.join(sql_path(part) for part in parts)}])",
        parse=partial(parse, resolver=opening.resolver),
        keys=("code", "unit", "route", "text"),
        subjects=subjects,
        two_subjects=two_people(subjects),
        notes=tuple(notes),
    )


def spill(con: duckdb.DuckDBPyConnection, dataset: Dataset, part: Path, settings: Settings) -> None:
    """Map a dataset to flat rows and write them to a parquet file. A large one (findings) passes through but once."""
    with dataset.streamed(con) as relation:
        if dataset.file.domain.kind != "findings":
            con.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS SELECT * FROM {relation}")
            relation = _TABLE
        con.execute(f"COPY ({rows_sql(dataset, relation, settings)}) TO {sql_text(part)} (FORMAT parquet)")


def _spill_folder(con: duckdb.DuckDBPyConnection) -> Path:
    """Return a new folder beside what DuckDB itself keeps on disk: it goes when the run ends."""
    [(kept,)] = con.sql("SELECT current_setting('temp_directory')").fetchall()
    root = Path(str(kept)) if kept else None
    if root is not None:
        root.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="sdtm-", dir=root))


def _people(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> tuple[pa.Table, int]:
    """Return the subjects of DM, how many have a reckoned birth date; add their reference days."""
    with dataset.streamed(con) as relation:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {plain_sql(dataset, relation)}")
    con.execute(
        f"INSERT INTO {REFERENCE} SELECT subject, min(TRY_CAST(rfstdtc[:10] AS DATE)) FROM {_TABLE} "
        f"WHERE subject IS NOT NULL AND subject NOT IN (SELECT subject FROM {REFERENCE}) GROUP BY subject"
    )
    columns = "subject, rfstdtc, brthdtc, age, ageu, sex"
    return subjects_of(
        con.sql(f"SELECT {columns} FROM {_TABLE} WHERE subject IS NOT NULL ORDER BY row").fetchall()
    )


def _notes(
    con: duckdb.DuckDBPyConnection, files: list[DatasetFile], parts: list[Path], reckoned: int
) -> list[str]:
    """Return what a user should know of how the study was read."""
    notes: list[str] = []
    if reckoned:
        notes.append(f"birth dates reckoned from AGE on the day of RFSTDTC: {reckoned}")
    days = [(file.path.name, *_days(con, part)) for file, part in zip(files, parts, strict=True)]
    listed = ", ".join(f"{name} {found} of {rows}" for name, found, rows in days if found)
    if listed:
        notes.append(
            f"rows with a date but no clock time: {listed}; --set date_only=start, noon or end reads them so"
        )
    return notes


def _days(con: duckdb.DuckDBPyConnection, part: Path) -> tuple[int, int]:
    """Return how many rows of a dataset have a date that is no time for want of a clock time, and how many there are."""
    [(days, rows)] = con.sql(
        f"SELECT count(*) FILTER (trouble = 'date_only'), count(*) FROM read_parquet({sql_path(part)}) WHERE fate IS NULL"
    ).fetchall()
    return int(days), int(rows)

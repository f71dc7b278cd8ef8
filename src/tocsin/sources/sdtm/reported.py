"""The CRS grades that the site reported in AE (and CE): what was graded, not what we derive."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from tocsin.knowledge.sdtm import crs_terms, derived_category
from tocsin.sources.sdtm.dataset import Dataset
from tocsin.sources.sdtm.dates import date_sql
from tocsin.sources.sdtm.files import dataset_files
from tocsin.sources.sdtm.rows import REFERENCE, plain_sql
from tocsin.sources.sdtm.study import open_dataset
from tocsin.sources.settings import Settings
from tocsin.sources.source import Opening, sql_text

REPORTED: Final = pa.schema(
    [
        ("subject_id", pa.string()),
        ("start", pa.timestamp("us")),
        ("end", pa.timestamp("us")),
        ("scale", pa.string()),
        ("grade", pa.int8()),
        ("start_text", pa.string()),
        ("end_text", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
    ]
)
_GRADE: Final = r"^(?i:grade\s*)?([0-5])$"


def reported_grades(opening: Opening, paths: list[Path], scale: str = "unknown") -> pa.Table:
    """Return the rows of AE and CE about CRS, with the grade that the site gave (AETOXGR, CETOXGR).

    A row of `REPORTED` each, by subject and start: `start` is the earliest and `end` the latest instant that the dates allow
    (UTC; null where they stop at the month, or the end is not told), `grade` is null where none is readable. SDTM does not say
    by which scale a study graded: `scale` is what the caller knows. What our own export derived is no report of the site and left
    out. Raises UserError at what cannot be read.
    """
    con = opening.con
    con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {REFERENCE} (subject VARCHAR, reference DATE)")
    found = [
        _of(con, open_dataset(file), opening.settings, scale)
        for file in dataset_files(paths)
        if file.domain.name in ("AE", "CE")
    ]
    table = pa.concat_tables(found) if found else REPORTED.empty_table()
    return table.sort_by(
        [("subject_id", "ascending"), ("start", "ascending"), ("source", "ascending"), ("row", "ascending")]
    )


def _of(con: duckdb.DuckDBPyConnection, dataset: Dataset, settings: Settings, scale: str) -> pa.Table:
    """Return the rows about CRS of one dataset."""
    first = date_sql("stdtc", "start_text", replace(settings, date_only="start"))
    last = date_sql("endtc", "end_text", replace(settings, date_only="end"))
    terms = ", ".join(sql_text(term) for term in sorted(crs_terms()))
    with dataset.streamed(con) as relation:
        said = (
            f"SELECT subject, row, toxgr, stdtc, endtc, {first.text} AS start_text, {last.text} AS end_text "
            f"FROM ({plain_sql(dataset, relation)}) WHERE lower(coalesce(decod, term)) IN ({terms}) "
            "AND coalesce(upper(occur), 'Y') <> 'N' AND subject IS NOT NULL "
            f"AND cat IS DISTINCT FROM {sql_text(derived_category())}"
        )
        sql = (
            f'SELECT subject AS subject_id, {first.time} AS start, {last.time} AS "end", {sql_text(scale)} AS scale, '
            f"TRY_CAST(regexp_extract(toxgr, '{_GRADE}', 1) AS TINYINT) AS grade, stdtc AS start_text, endtc AS end_text, "
            f"{sql_text(dataset.file.path)} AS source, row FROM ({said})"
        )
        return con.sql(sql).to_arrow_table().cast(REPORTED)

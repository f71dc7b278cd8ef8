"""Tables in text files: read once, with their columns as the CDM types them; a cell that is something else is noted."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import duckdb

from tocsin.errors import UserError
from tocsin.sources.omop.tables import Table, Type
from tocsin.sources.source import sql_path, sql_text

_OFFSET = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"


def _header(file: Path) -> tuple[list[str], str]:
    """Return the columns of a text file and what stands between them."""
    opened = gzip.open if file.name.lower().endswith(".gz") else open
    try:
        with opened(file, "rt", encoding="utf-8-sig", newline="") as lines:
            line = lines.readline().strip("\r\n")
    except (UnicodeDecodeError, OSError, EOFError) as error:
        raise UserError(f"{file}: cannot be read as text ({error}); save it as UTF-8") from None
    delimiter = max("\t,;", key=line.count)
    return [column.strip().strip('"').lower() for column in line.split(delimiter)], delimiter


def text_reader(file: Path, types: Mapping[str, Type], *, keeps_broken: bool = False) -> str:
    """Return SQL that reads a text file, as text what has no type. OHDSI's vocabularies have tabs and no quotes."""
    header, delimiter = _header(file)
    names = ", ".join(f"{sql_text(name)}: '{types.get(name, 'varchar')}'" for name in header)
    quotes = "quote = '', escape = ''" if delimiter == "\t" else "quote = '\"', escape = '\"'"
    rejects = (
        "ignore_errors = true, store_rejects = true, rejects_table = 'omop_rejects', rejects_scan = 'omop_scans'"
        if keeps_broken
        else "ignore_errors = true"
    )
    return (
        f"read_csv({sql_path(file)}, delim = {sql_text(delimiter)}, {quotes}, header = true, columns = {{{names}}}, "
        f"auto_detect = false, {rejects})"
    )


def load_text(con: duckdb.DuckDBPyConnection, file: Path, table: Table, zone: str) -> str:
    """Load a text file into a temporary table and return its name; lines that cannot be read go to `omop_broken`.

    Raises UserError when the file is no table at all.
    """
    header, _ = _header(file)
    name = f"omop_text_{table.name}"
    parts = {part: column for part, column in table.columns.items() if column in header}
    typed = [f"{_cast(column, table.parts[part], zone)} AS {column}" for part, column in _once(parts)]
    bad = [
        f"WHEN {_said(column)} IS NOT NULL AND {_cast(column, table.parts[part], zone)} IS NULL THEN"
        for part, column in _once(parts)
        if table.parts[part] != "varchar"
    ]
    columns = [column for part, column in _once(parts) if table.parts[part] != "varchar"]
    named = " ".join(f"{test} '{column}'" for test, column in zip(bad, columns, strict=True))
    shown = " ".join(f"{test} left({column}, 80)" for test, column in zip(bad, columns, strict=True))
    listed = ", ".join(
        [*typed, f"CASE {named} END AS bad_column", f"CASE {shown} END AS bad_value"] if bad else typed
    )
    for left in ("omop_rejects", "omop_scans"):
        con.execute(f"DROP TABLE IF EXISTS {left}")
    con.execute("CREATE TEMP TABLE IF NOT EXISTS omop_broken (source VARCHAR, line BIGINT, text VARCHAR)")
    try:
        reader = text_reader(file, {}, keeps_broken=True)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {listed} FROM {reader}")
        con.execute(
            f"INSERT INTO omop_broken SELECT {sql_text(table.name)}, line, any_value(left(csv_line, 80)) "
            "FROM omop_rejects GROUP BY line"
        )
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{file}: cannot be read as a table ({reason}); check its first line") from None
    return name


def _once(parts: dict[str, str]) -> list[tuple[str, str]]:
    """Return each column once: one may play two parts."""
    return list({column: (part, column) for part, column in reversed(parts.items())}.values())[::-1]


def _said(column: str) -> str:
    return f"nullif(trim({column}), '')"


def _cast(column: str, type: Type, zone: str) -> str:
    """Return SQL for a cell as its type, NULL where it is something else; dates may stand without hyphens."""
    text = _said(column)
    if type == "varchar":
        return text
    if type == "date":
        return f"coalesce(TRY_CAST({text} AS DATE), TRY_CAST({text} AS TIMESTAMP)::DATE, try_strptime({text}, '%Y%m%d')::DATE)"
    if type == "timestamp":
        wall = f"timezone({sql_text(zone)}, TRY_CAST({text} AS TIMESTAMPTZ))"
        return f"CASE WHEN regexp_matches({text}, ':.*{_OFFSET}$') THEN {wall} ELSE TRY_CAST({text} AS TIMESTAMP) END"
    return f"TRY_CAST({text} AS {type})"

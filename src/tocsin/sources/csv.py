"""The CSV source: our own layout (events, therapies, subjects, annotations), and the side files that go with any source."""

from pathlib import Path

import duckdb
import pyarrow as pa

from tocsin.errors import UserError
from tocsin.events.concepts import Key, Parsed
from tocsin.knowledge.signals import signal, signal_ids, signals
from tocsin.sources.settings import Settings
from tocsin.sources.source import SUBJECTS, Opening, Source, first_row_of, sql_path, sql_text
from tocsin.sources.times import birth_date_sql, death_settings, time_sql

COLUMNS = {
    "events.csv": ("subject_id", "time", "signal", "value", "unit", "text", "end"),
    "therapies.csv": ("subject_id", "time", "cause", "product"),
    "annotations.csv": ("subject_id", "time", "attribution"),
    "subjects.csv": ("subject_id", "birth_date", "sex"),
}
_OPTIONAL = {"value", "unit", "text", "end", "product", "sex", "birth_date"}
_WORDS = ", ".join(sql_text(row.name) for row in signals() if not row.numeric)
_FLAT = (
    "row, source, subject, time, until, NULL::TIMESTAMP AS known, code, unit, NULL::VARCHAR AS route, text, value, "
    "fate, trouble, trouble_column, trouble_value"
)


def looks_like_csv(path: Path) -> bool:
    """Return whether a path is a folder in our CSV layout."""
    return (path / "events.csv").is_file()


def open_csv(opening: Opening, paths: list[Path]) -> Source:
    """Open folders in our CSV layout; subjects.csv, annotations.csv and reported.csv may be missing.

    Raises UserError on a missing file or column and on decimal commas.
    """
    files: list[Path] = []
    relations: list[str] = []
    for path in paths:
        if not looks_like_csv(path):
            raise UserError(
                f"{path}: no events.csv in it; our CSV layout is a folder with events.csv and therapies.csv"
            )
        for name in ("events.csv", "therapies.csv", "annotations.csv", "subjects.csv"):
            if (path / name).is_file():
                relations.append(_relation(opening, path / name, name, len(files)))
                files.append(path / name)
    tables = [_table_of(place, file.name) for place, file in enumerate(files) if file.name == "subjects.csv"]
    told = [_subjects(opening.con, table) for table in tables]
    subjects = pa.concat_tables(told) if told else SUBJECTS.empty_table()
    return Source(
        format="csv",
        files=tuple(files),
        relation=" UNION ALL ".join(relations),
        parse=parse,
        keys=("code", "unit", "text"),
        subjects=subjects,
        two_subjects=two_people(subjects),
    )


def open_side_file(opening: Opening, file: Path, name: str, place: int) -> Source:
    """Open one side file: `name` says which layout it has (therapies.csv or annotations.csv), `place` its number in the run."""
    if not file.is_file():
        raise UserError(f"{file}: no such file; give a CSV file with the columns {', '.join(COLUMNS[name])}")
    return Source(
        format="csv",
        files=(file,),
        relation=_relation(opening, file, name, place),
        parse=parse,
        keys=("code", "unit", "text"),
        first_file=place,
    )


def parse(key: Key) -> Parsed:
    """Return what a row of our layout says: its code is the signal itself."""
    if key.code == "subject":
        return Parsed((), name=key.code, fate="subject")
    return Parsed(
        (("tocsin", key.code),),
        unit=key.unit or _unit_of(key.code),
        text=key.text,
        name=key.code,
        bolus_as_stands=True,
    )


def _unit_of(name: str) -> str | None:
    """Return the unit in which our layout writes a signal whose values nobody else may leave without one."""
    known = signal(name) if name in signal_ids() else None
    return known.unit if known is not None and known.missing_unit == "reject" else None


def _table_of(place: int, name: str) -> str:
    """Return the name of the table that holds a file of the run."""
    return f"csv_{place}_{name.removesuffix('.csv')}"


def _reader(file: Path, header: list[str], delimiter: str) -> str:
    """Return SQL that reads a CSV file as text, every line one row, broken ones too."""
    names = ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv({sql_path(file)}, delim = '{delimiter}', quote = '\"', escape = '\"', header = true, columns = {{{names}}}, "
        "auto_detect = false, null_padding = true, strict_mode = true, parallel = false, ignore_errors = true, "
        "store_rejects = true, rejects_table = 'csv_rejects', rejects_scan = 'csv_scans')"
    )


def _header(file: Path, name: str) -> tuple[list[str], str]:
    """Return the columns of a file and its delimiter; a missing column is refused in one line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            line = lines.readline().strip("\r\n")
    except UnicodeDecodeError:
        raise UserError(f"{file}: not UTF-8 text; save it as UTF-8") from None
    _refuse_open_quotes(file)
    delimiter = ";" if line.count(";") > line.count(",") else ","
    header = [column.strip().strip('"') for column in line.split(delimiter)]
    missing = [column for column in COLUMNS[name] if column not in header and column not in _OPTIONAL]
    if missing:
        raise UserError(
            f"{file}: column {missing[0]} is missing; the first line must name {', '.join(COLUMNS[name])}"
        )
    return header, delimiter


def _refuse_open_quotes(file: Path) -> None:
    """Raise UserError at a quote that is never closed: it would swallow the rest of the file."""
    with file.open("rb") as lines:
        odd = [place for place, line in enumerate(lines, 1) if line.count(b'"') % 2]
    if len(odd) % 2:
        raise UserError(
            f"{file}, line {odd[-1]}: a quote is opened and never closed; close it or write two quotes"
        )


def _relation(opening: Opening, file: Path, name: str, place: int) -> str:
    """Return SQL that gives one file as flat rows."""
    header, delimiter = _header(file, name)
    listed = ", ".join(
        f'nullif(trim("{column}"), \'\') AS "{column}"'
        if column in header
        else f'NULL::VARCHAR AS "{column}"'
        for column in COLUMNS[name]
    )
    table = _table_of(place, name)
    _load(opening.con, file, table, listed, _reader(file, header, delimiter))
    if name == "events.csv":
        _refuse_decimal_commas(opening.con, file, table)
    raw = f"(SELECT line + {first_row_of(place)} AS row, {sql_text(file)} AS source, * FROM {table})"
    rows = f"SELECT {_FLAT} FROM ({_ROWS[name](raw, opening.settings)})"
    return f"{rows} UNION ALL {_broken_rows(table, file, place)}"


def _load(con: duckdb.DuckDBPyConnection, file: Path, table: str, listed: str, reader: str) -> None:
    """Load a file into a table with the line of each row; lines that cannot be read stand in `<table>_broken`."""
    for left in ("csv_rejects", "csv_scans"):
        con.execute(f"DROP TABLE IF EXISTS {left}")
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT row_number() OVER () AS line, {listed} FROM {reader}"
        )
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table}_broken AS SELECT line::BIGINT - 1 AS line, any_value(csv_line) AS text, "
            "line::BIGINT - row_number() OVER (ORDER BY line) AS before FROM csv_rejects GROUP BY line"
        )
        # A refused line is no row of the table: the rows after it stand one line further down.
        con.execute(
            f"UPDATE {table} SET line = line + (SELECT count(*) FROM {table}_broken b WHERE b.before <= {table}.line) "
            f"WHERE EXISTS (FROM {table}_broken)"
        )
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{file}: cannot be read as CSV ({reason}); check its quotes and lines") from None


def _broken_rows(table: str, file: Path, place: int) -> str:
    """Return SQL for the lines that could not be read: too many cells, a stray quote."""
    return (
        f"SELECT line + {first_row_of(place)} AS row, {sql_text(file)} AS source, NULL::VARCHAR AS subject, "
        "NULL::TIMESTAMP AS time, NULL::TIMESTAMP AS until, NULL::TIMESTAMP AS known, NULL::VARCHAR AS code, "
        "NULL::VARCHAR AS unit, NULL::VARCHAR AS route, NULL::VARCHAR AS text, NULL::DOUBLE AS value, NULL::VARCHAR AS fate, "
        f"'broken_line' AS trouble, 'line' AS trouble_column, left(text, 80) AS trouble_value FROM {table}_broken"
    )


def _refuse_decimal_commas(con: duckdb.DuckDBPyConnection, file: Path, table: str) -> None:
    """Raise UserError at the first value with a decimal comma: 38,5 could also be two cells."""
    found = con.sql(
        f"SELECT line, value FROM {table} WHERE regexp_full_match(value, '-?[0-9]+,[0-9]+') ORDER BY line LIMIT 1"
    ).fetchall()
    for line, value in found:
        raise UserError(
            f"{file}, line {line + 1}, column value: {value} has a decimal comma; write decimal points"
        )


def _event_rows(raw: str, settings: Settings) -> str:
    """Return SQL for the rows of events.csv."""
    time, end, death = (
        time_sql("time_text", settings),
        time_sql("end_text", settings),
        time_sql("time_text", death_settings(settings)),
    )
    named = f'SELECT * RENAME (time AS time_text, "end" AS end_text, value AS value_text) FROM {raw}'
    read = (
        f"SELECT *, CASE WHEN signal = 'death' THEN {death.time} ELSE {time.time} END AS time, {end.time} AS until, "
        f"TRY_CAST(value_text AS DOUBLE) AS value FROM ({named})"
    )
    bad_value = "value_text IS NOT NULL AND value IS NULL"
    return (
        f"SELECT row, source, subject_id AS subject, time, until, signal AS code, unit, "
        f"CASE WHEN signal IN ({_WORDS}) THEN coalesce(text, value_text) END AS text, value, NULL::VARCHAR AS fate, "
        "CASE WHEN subject_id IS NULL THEN 'no_subject' WHEN signal IS NULL THEN 'no_code' WHEN time IS NULL "
        f"THEN {time.trouble('time')} "
        f"WHEN end_text IS NOT NULL AND until IS NULL THEN {end.trouble('until')} WHEN {bad_value} AND signal "
        f"NOT IN ({_WORDS}) THEN 'not_a_number' END AS trouble, "
        "CASE WHEN subject_id IS NULL THEN 'subject_id' WHEN signal IS NULL THEN 'signal' WHEN time IS NULL THEN 'time' "
        "WHEN end_text IS NOT NULL AND until IS NULL THEN 'end' ELSE 'value' END AS trouble_column, "
        "left(CASE WHEN time IS NULL THEN time_text WHEN end_text IS NOT NULL AND until IS NULL THEN "
        "end_text ELSE value_text END, 80) AS trouble_value "
        f"FROM ({read})"
    )


def _dated_rows(raw: str, settings: Settings, code: str, text: str) -> str:
    """Return SQL for the rows of a side file: one word at one time."""
    time = time_sql("time_text", settings)
    read = f"SELECT *, {time.time} AS time FROM (SELECT * RENAME (time AS time_text) FROM {raw})"
    return (
        f"SELECT row, source, subject_id AS subject, time, NULL::TIMESTAMP AS until, '{code}' AS code, "
        f"NULL::VARCHAR AS unit, {text} AS text, "
        "NULL::DOUBLE AS value, NULL::VARCHAR AS fate, CASE WHEN subject_id IS NULL THEN 'no_subject' WHEN "
        f"time IS NULL THEN {time.trouble('time')} END AS trouble, "
        "CASE WHEN subject_id IS NULL THEN 'subject_id' ELSE 'time' END AS trouble_column, left(time_text, 80) AS trouble_value "
        f"FROM ({read})"
    )


def _therapy_rows(raw: str, settings: Settings) -> str:
    """Return SQL for the rows of therapies.csv."""
    return _dated_rows(raw, settings, "index_therapy", "concat_ws('/', cause, product)")


def _annotation_rows(raw: str, settings: Settings) -> str:
    """Return SQL for the rows of annotations.csv."""
    return _dated_rows(raw, settings, "attribution", "attribution")


def _subject_rows(raw: str, settings: Settings) -> str:
    """Return SQL for the rows of subjects.csv: they tell of the subject, not of a time."""
    del settings
    bad_date = f"birth_date IS NOT NULL AND {birth_date_sql('birth_date')} IS NULL"
    trouble = f"CASE WHEN subject_id IS NULL THEN 'no_subject' WHEN {bad_date} THEN 'bad_date' END"
    return (
        "SELECT row, source, subject_id AS subject, NULL::TIMESTAMP AS time, NULL::TIMESTAMP AS until, "
        f"CASE WHEN {trouble} IS NULL THEN 'subject' END AS code, NULL::VARCHAR AS unit, "
        f"NULL::VARCHAR AS text, NULL::DOUBLE AS value, NULL::VARCHAR AS fate, {trouble} AS trouble, "
        "CASE WHEN subject_id IS NULL THEN 'subject_id' ELSE 'birth_date' END AS trouble_column, "
        f"birth_date AS trouble_value FROM {raw}"
    )


_ROWS = {
    "events.csv": _event_rows,
    "therapies.csv": _therapy_rows,
    "annotations.csv": _annotation_rows,
    "subjects.csv": _subject_rows,
}


def _subjects(con: duckdb.DuckDBPyConnection, table: str) -> pa.Table:
    """Return the subjects of a loaded subjects.csv."""
    columns = f"subject_id AS source_id, {birth_date_sql('birth_date')} AS birth_date, sex"
    return (
        con.sql(f"SELECT {columns} FROM {table} WHERE subject_id IS NOT NULL").to_arrow_table().cast(SUBJECTS)
    )


def two_people(subjects: pa.Table) -> tuple[str, ...]:
    """Return the ids that stand for two people: two birth dates, or two sexes."""
    told: dict[str, tuple[set[object], set[object]]] = {}
    for row in subjects.to_pylist():
        births, sexes = told.setdefault(str(row["source_id"]), (set(), set()))
        births.update({row["birth_date"]} - {None})
        sexes.update({row["sex"]} - {None})
    return tuple(name for name, (births, sexes) in told.items() if len(births) > 1 or len(sexes) > 1)

"""What both converters share: reading a folder of CSV tables, and writing Tocsin's own CSV layout."""

import argparse
import sys
from pathlib import Path

import duckdb

# A course needs room for a fever before the first vasopressor, inside the risk window of the therapy.
HOURS_BEFORE_VASOPRESSOR = 24
VASOPRESSORS = (
    "norepinephrine",
    "epinephrine",
    "phenylephrine",
    "dopamine",
    "vasopressin",
    "angiotensin_ii",
)

STAMP = "'%Y-%m-%dT%H:%M:%SZ'"
EVENT_COLUMNS = (
    "subject_id BIGINT, time TIMESTAMP, signal VARCHAR, value VARCHAR, unit VARCHAR, text VARCHAR, "
    "stop TIMESTAMP, day_only BOOLEAN"
)

# Drugs that matter to a fever, as people write them; only `--orders` reads tables where they stand.
DRUG_NAMES = {
    "tocilizumab": "tocilizumab",
    "siltuximab": "siltuximab",
    "anakinra": "anakinra",
    "dexamethasone": "dexameth",
    "methylprednisolone": "methylpred|solu-?medrol",
    "hydrocortisone": "hydrocortisone|solu-?cortef",
    "prednisone": r"prednisone\b",
    "prednisolone": r"\bprednisolone",
    "acetaminophen": "acetamin|tylenol",
    "ibuprofen": "ibuprofen",
}


def arguments(description: str) -> argparse.ArgumentParser:
    """The arguments that every converter takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="the folder of the data set")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument(
        "--orders",
        action="store_true",
        help="also write ordered fever-masking drugs; an order does not prove that a dose was given",
    )
    return parser


def literal(text: object) -> str:
    """A value as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def load(source: Path, tables: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
    """Each table as text, and an empty `events` table; a missing file ends the program with one line."""
    missing = [name for name in tables if not (source / f"{name}.csv.gz").is_file()]
    if missing:
        sys.exit(f"{source}: no {missing[0]}.csv.gz here; give the folder that holds the data set")
    con = duckdb.connect()
    for name in tables:
        path = literal(source / f"{name}.csv.gz")
        # Spelt out, because a guess from the first rows misses the quotes that stand further down.
        con.execute(
            f"CREATE VIEW {name} AS SELECT * FROM read_csv({path}, all_varchar = true, header = true, "
            "delim = ',', quote = '\"', escape = '\"')"
        )
    con.execute(f"CREATE TABLE events ({EVENT_COLUMNS})")
    return con


def add(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Append rows to `events`; the query names its columns, the rest are empty."""
    con.execute(f"INSERT INTO events BY NAME {query}")


def mapping(pairs: dict[str, str]) -> str:
    """A two-column relation (key, signal) to join a table with."""
    rows = ", ".join(f"({literal(key)}, {literal(signal)})" for key, signal in pairs.items())
    return f"(VALUES {rows}) AS mapping(key, signal)"


def add_made_up_therapies(con: duckdb.DuckDBPyConnection, admissions: str) -> None:
    """One CAR-T infusion per subject that never took place; `admissions` gives (subject_id, admitted)."""
    names = ", ".join(literal(name) for name in VASOPRESSORS)
    con.execute(
        f"""CREATE TABLE therapies AS
        SELECT subject_id,
        coalesce(first_running - INTERVAL {HOURS_BEFORE_VASOPRESSOR} HOUR, admitted) AS time
        FROM (SELECT subject_id, min(admitted) AS admitted FROM ({admissions}) GROUP BY ALL)
        LEFT JOIN (SELECT subject_id, min(time) AS first_running FROM events
                   WHERE signal IN ({names}) AND coalesce(try_cast(value AS DOUBLE), 1) > 0
                   GROUP BY ALL) USING (subject_id)"""
    )


def write(con: duckdb.DuckDBPyConnection, out: Path, subjects: str, note: str) -> None:
    """The three files and the note that says what in them is made up."""
    out.mkdir(parents=True, exist_ok=True)
    copy_to(
        con,
        f"""SELECT subject_id, {iso("time")} AS time, signal, value, unit, text, {iso("stop")} AS "end"
        FROM events ORDER BY subject_id, events.time, signal, value, unit, text, stop""",
        out / "events.csv",
    )
    copy_to(
        con,
        f"""SELECT subject_id, strftime(time, {STAMP}) AS time, 'car_t' AS cause, '' AS product
        FROM therapies ORDER BY subject_id""",
        out / "therapies.csv",
    )
    copy_to(con, f"{subjects} ORDER BY subject_id", out / "subjects.csv")
    (out / "README.txt").write_text(note, encoding="utf-8")
    report(con, out)


def iso(column: str) -> str:
    """A moment of `events` as ISO 8601 in UTC; a day stays a day, so that no clock time is invented."""
    return f"CASE WHEN day_only THEN strftime({column}, '%Y-%m-%d') ELSE strftime({column}, {STAMP}) END"


def copy_to(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """The rows of a query as a CSV file."""
    con.execute(f"COPY ({query}) TO {literal(path)} (HEADER, DELIMITER ',')")


def report(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Rows per signal, on the terminal."""
    rows = con.execute("SELECT signal, count(*) FROM events GROUP BY ALL ORDER BY ALL").fetchall()
    for signal, count in rows:
        print(f"{signal:<24}{count:>9}")
    print(f"written to {out}; the therapies are made up (README.txt)")

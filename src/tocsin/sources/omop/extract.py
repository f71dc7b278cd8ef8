"""The one step in which rows leave a CDM: those near a therapy, and those that no person or time can be found for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from tocsin.sources.csv import open_side_file
from tocsin.sources.omop.concepts import THERAPIES, Vocabulary, source_values_of
from tocsin.sources.omop.tables import KIND_PARTS, PERSON, TABLES, WORD_PARTS
from tocsin.sources.omop.warehouse import BAD_PARTS, Found, Warehouse, quoted
from tocsin.sources.source import Cut, Opening, sql_text

SPANS = "omop_spans"
_MARGIN_D = 2  # the days of the cut are those of any zone


@dataclass(frozen=True)
class Wanted:
    """Rows that are wanted by what they are coded as."""

    ids: frozenset[int]
    words: frozenset[str]
    beginnings: frozenset[str]

    def test(self, found: Found) -> str:
        """Return SQL that tells whether a row `t` is one of them."""
        listed = ", ".join(map(str, sorted(self.ids)))
        tests = [
            f"t.{quoted(found.columns[part].name)} IN ({listed})"
            for part in ("concept", "source_concept")
            if part in found.columns and listed
        ]
        if "source_value" in found.columns:
            said = f"t.{quoted(found.columns['source_value'].name)}"
            if self.words:
                tests.append(f"{said} IN ({', '.join(map(sql_text, sorted(self.words)))})")
            tests += [f"lower({said}) LIKE {sql_text(name + '%')}" for name in sorted(self.beginnings)]
        return f"({' OR '.join(tests)})" if tests else "(1 = 0)"


def wanted(vocabulary: Vocabulary, opening: Opening, names: Iterable[str]) -> Wanted:
    """Return which rows may say one of some signals."""
    names = tuple(names)
    words, beginnings = source_values_of(opening.resolver.rows(names))
    return Wanted(frozenset(vocabulary.ids_of(names)), frozenset(words), frozenset(beginnings))


def rows_of(table: str) -> str:
    """Return the name of the temporary table that holds the fetched rows of a CDM table."""
    return f"omop_{table}"


def _parts(found: Found) -> list[str]:
    """Return the select list of a table: every part as its type, what tells kinds apart never null."""
    listed: list[str] = []
    for part, type in found.table.parts.items():
        value = found.value(part)
        if part in (*KIND_PARTS, *WORD_PARTS):
            value = f"coalesce({value}, {'0' if type == 'bigint' else chr(39) * 2})"
        listed.append(f"{value} AS {part}")
    bad = (
        f"t.{part} AS {part}" if found.has_bad else f"CAST(NULL AS varchar) AS {part}" for part in BAD_PARTS
    )
    return [*listed, *bad]


def _person(found: Found) -> str:
    """Return a row's person as it stands, so that the database can use its index."""
    return f"t.{quoted(found.columns['person'].name)}"


def make_spans(warehouse: Warehouse, vocabulary: Vocabulary, opening: Opening, cut: Cut) -> None:
    """Make `omop_spans`: every person who may have a therapy, with the days that may be read."""
    therapies = wanted(vocabulary, opening, THERAPIES)
    warehouse.con.execute(
        "CREATE OR REPLACE TEMP TABLE omop_therapies (person BIGINT, first_day DATE, last_day DATE)"
    )
    for found in warehouse.tables.values():
        if not found.table.has_therapies:
            continue
        warehouse.run(
            f"SELECT CAST({_person(found)} AS bigint) AS person, min({found.day()}) AS first_day, max({found.day()}) AS last_day "
            f"FROM {found.ref} AS t WHERE {_person(found)} IS NOT NULL AND {therapies.test(found)} GROUP BY 1",
            "omop_given",
        )
        warehouse.con.execute("INSERT INTO omop_therapies FROM omop_given WHERE first_day IS NOT NULL")
    if cut.therapies is not None:
        side = open_side_file(opening, cut.therapies, "therapies.csv", len(TABLES))
        warehouse.con.execute(
            "INSERT INTO omop_therapies SELECT TRY_CAST(subject AS BIGINT), time::DATE, time::DATE "
            f"FROM ({side.relation}) WHERE TRY_CAST(subject AS BIGINT) IS NOT NULL AND time IS NOT NULL"
        )
    before, after = (ceil(days) + _MARGIN_D for days in (cut.before_d, cut.after_d))
    warehouse.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {SPANS} AS SELECT person, min(first_day) - {before} AS first_day, "
        f"max(last_day) + {after} AS last_day FROM omop_therapies GROUP BY person ORDER BY person"
    )


def cut_sqls(warehouse: Warehouse, found: Found, always: Wanted) -> Iterator[str]:
    """Yield the queries that fetch a table: the rows near a therapy, and those without person or day."""
    listed, person = ", ".join(_parts(found)), _person(found)
    chosen = "" if found.table == PERSON else f" WHERE {_near(found, always)}"
    for spans in warehouse.spans(SPANS):
        yield f"SELECT {listed} FROM {found.ref} AS t JOIN {spans} ON s.person = {person}{chosen}"
    if found.may_lack("person"):
        yield f"SELECT {listed} FROM {found.ref} AS t WHERE {person} IS NULL"
    if found.table != PERSON and found.may_lack("day", "clock"):
        times = [found.columns[part] for part in ("day", "clock") if part in found.columns]
        empty = " AND ".join(f"t.{quoted(column.name)} IS NULL" for column in times)
        yield f"SELECT {listed} FROM {found.ref} AS t WHERE {empty} AND {person} IS NOT NULL"


def _near(found: Found, always: Wanted) -> str:
    """Return SQL that tells whether a row of a person with a therapy is wanted: near it, or a weight of any time."""
    near = f"{found.day()} <= s.last_day AND {found.last_day()} >= s.first_day"
    if found.table.name == "measurement":
        near = f"({near}) OR {always.test(found)}"
    return f"{found.day()} IS NOT NULL AND ({near})"


def fetch_near_therapies(
    warehouse: Warehouse, vocabulary: Vocabulary, opening: Opening, cut: Cut
) -> dict[str, int]:
    """Fetch what may be used into temporary tables; return how many rows of each table were left where they are."""
    make_spans(warehouse, vocabulary, opening, cut)
    weights = wanted(vocabulary, opening, ("weight",))
    left: dict[str, int] = {}
    for name, found in warehouse.tables.items():
        sqls = list(cut_sqls(warehouse, found, weights))
        if len(sqls) == 0 or not next(warehouse.spans(SPANS), None):  # nobody has a therapy
            sqls.append(f"SELECT {', '.join(_parts(found))} FROM {found.ref} AS t WHERE 1 = 0")
        warehouse.fetch(sqls, rows_of(name))
        warehouse.run(f"SELECT count(*) AS n FROM {found.ref} AS t", "omop_counted")
        counted = warehouse.con.execute(
            f"SELECT (FROM omop_counted) - (SELECT count(*) FROM {rows_of(name)})"
        ).fetchall()
        left[name] = counted[0][0]
    return left


def count_all(warehouse: Warehouse, name: str, words: Wanted | None = None) -> None:
    """Count the rows of a whole table by what they are coded as, and those of `words` by their value too."""
    found = warehouse.tables[name]
    kinds = [part for part in KIND_PARTS if part in found.table.parts]
    test = words.test(found) if words is not None else "(1 = 0)"
    listed: list[str] = []
    grouped: list[str] = []
    for part, type in found.table.parts.items():
        empty = "0" if type == "bigint" else "''"
        if part in kinds:
            listed.append(f"coalesce({found.value(part)}, {empty}) AS {part}")
            grouped.append(str(len(listed)))
        elif part in WORD_PARTS:
            listed.append(
                f"CASE WHEN {test} THEN coalesce({found.value(part)}, {empty}) ELSE {empty} END AS {part}"
            )
            grouped.append(str(len(listed)))
        else:
            listed.append(f"CAST(NULL AS {type}) AS {part}")
    bad = [f"CAST(NULL AS varchar) AS {part}" for part in BAD_PARTS]
    by = f" GROUP BY {', '.join(grouped)}" if grouped else ""
    warehouse.run(
        f"SELECT {', '.join([*listed, *bad])}, count(*) AS n FROM {found.ref} AS t{by}", rows_of(name)
    )

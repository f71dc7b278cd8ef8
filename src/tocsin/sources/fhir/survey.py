"""The first look at NDJSON files: which types each holds, and which lines say again what was said before."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import duckdb

from tocsin.sources.fhir.files import UNREADABLE, Input, lines_of
from tocsin.sources.fhir.query import DUPLICATES
from tocsin.sources.fhir.scan import PLACE, Scan
from tocsin.sources.fhir.shapes import KINDS
from tocsin.sources.source import sql_text

OTHER: Final = "other"  # stands for all types that are not read
_HEAD: Final = "{resourceType: 'VARCHAR', id: 'VARCHAR', meta: 'STRUCT(versionId VARCHAR)'}"
_NO_LINES: Final = "SELECT 0 AS file, '' AS resourceType, '' AS id, {versionId: ''} AS meta WHERE false"
_KNOWN: Final = ", ".join(map(sql_text, sorted(KINDS)))
_HANDS: Final = 4
_ODD: Final = frozenset((None, "Bundle"))  # types of the lines that only Python can judge

# Lines per resource type; None is a line without one.
Counts = Counter[str | None]


@dataclass(frozen=True, slots=True)
class Survey:
    """Files that are read together, files that DuckDB cannot read, scans with lines that only Python can judge."""

    scans: tuple[Scan, ...]
    unreadable: tuple[Input, ...]
    odd: tuple[Scan, ...]
    duplicates: bool

    def scans_with(self, *kinds: str) -> list[Scan]:
        """The scans that hold a resource of one of these types."""
        return [scan for scan in self.scans if not set(kinds).isdisjoint(scan.kinds)]


def survey(con: duckdb.DuckDBPyConnection, files: Sequence[Input]) -> Survey:
    """Read the type and id of every line, and note the duplicates in a temporary table."""
    readable = list(files)
    if not _look(con, readable):
        readable = [file for file in files if _look(con, [file])]
        _look(con, readable)
    counts = _counts(con, readable)
    readable = [file for file in readable if _counted_alike(file, counts[file.index])]
    scans = _scans([file for file in readable if counts[file.index]], counts)
    odd = [scan for scan in scans if any(counts[file.index].keys() & _ODD for file in scan.files)]
    unreadable = [file for file in files if file not in readable]
    return Survey(scans, tuple(unreadable), tuple(odd), _note_duplicates(con, scans))


def _counted_alike(file: Input, counts: Counts) -> bool:
    """Whether Python, where it has to look for odd lines, counts lines as DuckDB does; else it reads the file."""
    try:
        return not counts.keys() & _ODD or counts.total() == sum(1 for _ in lines_of(file))
    except UNREADABLE:
        return False


def _look(con: duckdb.DuckDBPyConnection, files: Sequence[Input]) -> bool:
    """Count the lines, unless a file is cut short or too odd: then DuckDB gives up on all of them."""
    heads = [
        Scan(same, (0,) * len(same), ()).lines(_HEAD)
        for zipped in (False, True)
        if (same := tuple(file for file in files if file.zipped is zipped))
    ]
    lines = " UNION ALL ".join(heads) or _NO_LINES
    key = f"CASE WHEN resourceType IN ({_KNOWN}) THEN hash(resourceType, id, meta.versionId) END"
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE fhir_survey AS SELECT file, resourceType, key, count(*) AS lines "
            f"FROM (SELECT file, resourceType, {key} AS key FROM ({lines})) "
            f"GROUP BY GROUPING SETS ((file, resourceType), (key)) "
            f"HAVING file IS NOT NULL OR (key IS NOT NULL AND count(*) > 1)"
        )
    except (duckdb.IOException, duckdb.InvalidInputException):
        return False
    return True


def _counts(con: duckdb.DuckDBPyConnection, files: Sequence[Input]) -> dict[int, Counts]:
    counts: dict[int, Counts] = {file.index: Counter() for file in files}
    found = con.execute("SELECT file, resourceType, lines FROM fhir_survey WHERE file IS NOT NULL").fetchall()
    for index, kind, lines in found:
        counts[index][kind] = lines
    return counts


def _scans(files: Sequence[Input], counts: Mapping[int, Counts]) -> tuple[Scan, ...]:
    """Put together the files that hold the same types: each scan then reads only what these need."""
    alike: defaultdict[tuple[bool, tuple[str, ...]], list[Input]] = defaultdict(list)
    for file in files:
        kinds = {kind if kind in KINDS else OTHER for kind in counts[file.index].keys() - _ODD if kind}
        alike[file.zipped, tuple(sorted(kinds))].append(file)
    # A scan runs on one thread, several side by side: what is alike is dealt to a few.
    hands = [(same[place::_HANDS], kinds) for (_, kinds), same in alike.items() for place in range(_HANDS)]
    return tuple(_scan(hand, kinds, counts) for hand, kinds in hands if hand)


def _scan(files: Sequence[Input], kinds: tuple[str, ...], counts: Mapping[int, Counts]) -> Scan:
    before = accumulate((counts[file.index].total() for file in files[:-1]), initial=0)
    return Scan(tuple(files), tuple(before), kinds)


def _note_duplicates(con: duckdb.DuckDBPyConnection, scans: Sequence[Scan]) -> bool:
    """Note the places of resources that stood before: the same version, or without versions the same content."""
    repeated = con.execute("SELECT count(*) FROM fhir_survey WHERE key IS NOT NULL").fetchall()[0][0]
    raw = " UNION ALL ".join(scan.lines("{content: 'JSON'}", records=False) for scan in scans)
    places = (
        f"SELECT {PLACE} AS place, content, "
        f"json_extract_string(content, ['$.resourceType', '$.id', '$.meta.versionId']) AS head FROM ({raw})"
    )
    nth = "row_number() OVER (PARTITION BY head[1], head[2], coalesce(head[3], content::VARCHAR) ORDER BY place)"
    keys = "SELECT key FROM fhir_survey WHERE key IS NOT NULL"
    if not repeated:
        return False
    con.execute(
        f"CREATE OR REPLACE TABLE {DUPLICATES} AS SELECT place FROM (SELECT place, {nth} AS nth FROM ({places}) "
        f"WHERE hash(head[1], head[2], head[3]) IN ({keys})) WHERE nth > 1"
    )
    return True

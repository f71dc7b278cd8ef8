"""What is known before the stream: therapies and the used time around them, births, weights, pairs, the numbers of subjects."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tocsin.engines.census import Census, starts
from tocsin.events.concepts import TherapyKinds
from tocsin.events.door import (
    USED,
    BolusRule,
    Pairs,
    Spans,
    Weights,
    empty_doored,
    no_pairs,
    no_weights,
    pass_rows,
)
from tocsin.events.pairs import pair_ends
from tocsin.knowledge.causes import causes
from tocsin.knowledge.products import products, window_d
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.sources.meds import pairs_sql
from tocsin.sources.source import SUBJECTS, Source, sql_text
from tocsin.timeline import Births, Therapies
from tocsin.timeline.layout import HOUR, NO_END

DAY = 24 * HOUR


@dataclass(frozen=True)
class Part:
    """One source with its census, the name of its join table, and the number of its first kind among all parts."""

    source: Source
    census: Census
    table: str
    first_kind: int
    rare: str  # SQL for the rows that are read before the stream, and maybe others


@dataclass(frozen=True)
class Plan:
    """All that the stream needs to know of the subjects before it starts."""

    therapies: Therapies
    kinds: tuple[tuple[str, str | None], ...]
    spans: Spans
    births: Births
    weights: Weights
    pairs: dict[str, tuple[Pairs, NDArray[np.int64]]]  # by join table: the pairs, and the row of each end
    subjects: pa.Table  # subject_id, source_id, birth_date, sex of the subjects with a therapy


def keys_match(part: Part) -> str:
    """Return the join condition of a part's rows (r) with its kinds (k)."""
    return " AND ".join(
        f"r.{name} IS NOT DISTINCT FROM k.{name}" if name != "code" else "r.code = k.code"
        for name in part.source.keys
    )


def clean_rows(part: Part, columns: str, where: str = "true", relation: str | None = None) -> str:
    """Return SQL for a part's mapped rows that stand as they should, with their subject's number `n.subject_id`."""
    flat = "r.fate IS NULL AND r.trouble IS NULL AND " if part.source.flat else ""
    number = "" if part.source.integer_subjects else " JOIN subject_numbers n ON n.source_id = r.subject"
    return (
        f"SELECT {columns} FROM ({relation or part.source.relation}) r JOIN {part.table} k ON {keys_match(part)}{number} "
        f"WHERE {flat}k.refused IS NULL AND r.subject IS NOT NULL AND r.time IS NOT NULL AND {where}"
    )


def subject_column(part: Part) -> str:
    """Return the SQL of a row's subject number."""
    return "r.subject" if part.source.integer_subjects else "n.subject_id"


def value_column() -> str:
    """Return the SQL of a row's value: NaN for none, infinity for a value that is not a number."""
    return (
        "CASE WHEN isnan(r.value) THEN 'infinity'::DOUBLE ELSE coalesce(r.value, 'nan'::DOUBLE) END AS value"
    )


def number_subjects(con: duckdb.DuckDBPyConnection, parts: Sequence[Source]) -> None:
    """Make `subject_numbers`: integer ids are kept, others are numbered in text order after them."""
    ids = " UNION ".join(
        f"SELECT DISTINCT subject::VARCHAR AS source_id FROM ({source.relation}) WHERE subject IS NOT NULL"
        for source in parts
    )
    # An integer id near the largest there is leaves no number after it.
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE subject_numbers AS WITH ids AS (SELECT source_id, CASE WHEN "
        f"try_cast(source_id AS BIGINT)::VARCHAR = source_id THEN try_cast(source_id AS BIGINT) END AS whole FROM ({ids})) "
        "SELECT source_id, coalesce(whole, "
        "(SELECT greatest(coalesce(max(whole) FILTER (whole < 1::BIGINT << 62), 0), 0) FROM ids) "
        "+ row_number() OVER (PARTITION BY whole IS NULL ORDER BY source_id)) AS subject_id FROM ids"
    )


def _columns(con: duckdb.DuckDBPyConnection, sql: str) -> list[NDArray[np.int64]]:
    """Return the columns of a query as arrays."""
    table = con.sql(sql).to_arrow_table()
    return [column.to_numpy() for column in table.columns]


def _therapy_rows(
    con: duckdb.DuckDBPyConnection, parts: Sequence[Part], as_known: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return subject and time of every therapy, sorted."""
    found: list[str] = []
    for part in parts:
        places = part.census.places("index_therapy", *therapy_signals())
        if places:
            listed = ", ".join(str(place) for place in places)
            columns = f"{subject_column(part)} AS subject_id, {time_column(part, as_known)} AS time"
            found.append(clean_rows(part, columns, f"k.concept IN ({listed})", part.rare))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    subject, time = _columns(con, f"SELECT * FROM ({' UNION ALL '.join(found)}) ORDER BY ALL")
    return subject, time


def time_column(part: Part, as_known: bool) -> str:
    """Return the SQL of the time at which a row enters the stream, in microseconds."""
    return "epoch_us(greatest(r.time, r.known))" if as_known and part.source.flat else "epoch_us(r.time)"


def spans_around(subject: NDArray[np.int64], time: NDArray[np.int64], numbers: Numbers) -> Spans:
    """Return the used time of each subject with a therapy."""
    # sorted by subject and time, so a subject's first and last row are its first and last therapy
    ids, first, counts = np.unique(subject, return_index=True, return_counts=True)
    last = first + counts - 1
    before, after = round(numbers.window_before_d * DAY), round(numbers.window_after_d * DAY)
    return Spans(ids, time[first] - before, time[last] + after)


def _two_subjects(con: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> list[int]:
    """Return the numbers of the ids under which the records of two people stand: none of them is graded."""
    names = [name for part in parts for name in part.source.two_subjects]
    if not names:
        return []
    if all(part.source.integer_subjects for part in parts):
        return [int(name) for name in names]
    listed = ", ".join(sql_text(name) for name in names)
    return [
        row[0]
        for row in con.sql(f"SELECT subject_id FROM subject_numbers WHERE source_id IN ({listed})").fetchall()
    ]


def without(spans: Spans, subjects: Sequence[int]) -> Spans:
    """Return the spans without those of some subjects."""
    kept = ~np.isin(spans.subject_id, np.array(subjects, np.int64))
    return Spans(spans.subject_id[kept], spans.start[kept], spans.end[kept])


def therapy_arrays(kinds: Sequence[tuple[str, str | None]]) -> Therapies:
    """Return the distinct therapies as arrays: window by cause (a product may override), and who wins at one instant."""
    by_id = {cause.id: cause for cause in causes()}
    days = [window_d(by_id[cause], product) for cause, product in kinds]
    order = sorted(range(len(kinds)), key=lambda i: (-days[i], by_id[kinds[i][0]].code, kinds[i][1] or ""))
    rank = np.zeros(len(kinds), np.int32)
    rank[order] = np.arange(len(kinds), dtype=np.int32)
    return Therapies(
        cause=np.array([by_id[cause].code for cause, _ in kinds], np.int8),
        window=np.array([round(day * DAY) for day in days], np.int64),
        rank=rank,
        unknown=np.array(
            [product is not None and product not in products() for _, product in kinds], np.bool_
        ),
    )


_ANY_TIME = (NO_END + 1, np.iinfo(np.int64).max)
_NO_BOLUS = BolusRule(0.0, 0.0, 0.0, 0)


def _weight_rows(con: duckdb.DuckDBPyConnection, part: Part, as_known: bool) -> Weights:
    """Return the weights of one part in kg, in no order."""
    places = part.census.places("weight")
    if not places:
        return no_weights()
    listed = ", ".join(str(place) for place in places)
    columns = f"{subject_column(part)} AS subject_id, {time_column(part, as_known)} AS time, {value_column()}, k.concept"
    subject, time, value, concept = _columns(
        con, clean_rows(part, columns, f"k.concept IN ({listed})", part.rare)
    )
    return weights_in_kg(part.census, subject, time, value.astype(np.float64), concept.astype(np.int32))


def weights_in_kg(
    census: Census,
    subject: NDArray[np.int64],
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    concept: NDArray[np.int32],
) -> Weights:
    """Return rows that tell a weight as weights in kg, in the same order, without those that cannot be one."""
    ids = np.unique(subject)
    always = Spans(ids, *(np.full(len(ids), when) for when in _ANY_TIME))
    out = empty_doored(len(time))
    pass_rows(census.conversions, census.concepts, always, no_weights(), no_pairs(), _NO_BOLUS,
              subject, time, np.full(len(time), NO_END), value, concept, out)  # fmt: skip
    good = (out.reason == USED) & ~np.isnan(out.value)
    return Weights(subject[good], time[good], out.value[good])


def _all_weights(con: duckdb.DuckDBPyConnection, parts: Sequence[Part], as_known: bool) -> Weights:
    """Return all weights in kg, sorted; of two at one instant the higher is read."""
    return in_order_of_time([_weight_rows(con, part, as_known) for part in parts])


def in_order_of_time(found: Sequence[Weights]) -> Weights:
    """Return weights sorted by subject, time and value."""
    subject, time, value = (np.concatenate([getattr(one, name) for one in found]) for name in Weights._fields)
    order = np.lexsort((value, time, subject))
    return Weights(subject[order], time[order], value[order])


def _pairs(con: duckdb.DuckDBPyConnection, part: Part) -> tuple[Pairs, NDArray[np.int64]]:
    """Return the starts of a part with their ends, and the row of each end."""
    opening = starts(part.census)
    if not opening:
        return no_pairs(), np.zeros(0, np.int64)
    subject, concept, time, is_start, value, row = _columns(con, pairs_sql(part.rare, opening))
    concept, value = concept.astype(np.int32), value.astype(np.float64)
    ends = pair_ends(subject, concept, time, is_start.astype(np.bool_))
    starts_at = np.flatnonzero(ends >= 0)
    end = ends[starts_at]
    return Pairs(subject[starts_at], concept[starts_at], time[starts_at], time[end], value[end]), row[end]


def _subjects(con: duckdb.DuckDBPyConnection, parts: Sequence[Part], spans: Spans) -> pa.Table:
    """Return number, source id, birth date and sex of the subjects with a therapy."""
    con.register("therapy_subjects", pa.table({"subject_id": pa.array(spans.subject_id)}))
    told = [part.source.subjects for part in parts if part.source.subjects.num_rows]
    con.register("told", pa.concat_tables(told) if told else SUBJECTS.empty_table())
    numbers = (
        "subject_numbers"
        if any(not part.source.integer_subjects for part in parts)
        else "(SELECT subject_id::VARCHAR AS source_id, subject_id FROM therapy_subjects)"
    )
    return con.sql(
        "SELECT t.subject_id, coalesce(any_value(n.source_id), t.subject_id::VARCHAR) AS source_id, "
        "min(told.birth_date) AS birth_date, "
        f"min(told.sex) AS sex FROM therapy_subjects t LEFT JOIN {numbers} n USING (subject_id) "
        "LEFT JOIN told ON told.source_id = coalesce(n.source_id, t.subject_id::VARCHAR) GROUP BY "
        "t.subject_id ORDER BY t.subject_id"
    ).to_arrow_table()


def births_of(subjects: pa.Table) -> Births:
    """Return the birth instants (00:00 UTC of the date) of the subjects that have one."""
    known = subjects.filter(pc.is_valid(subjects["birth_date"]))
    days = known["birth_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    return Births(known["subject_id"].to_numpy().astype(np.int64), days * DAY)


def build_plan(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[Part],
    kinds: TherapyKinds,
    numbers: Numbers,
    as_known: bool,
) -> Plan:
    """Read what the stream needs to know beforehand; the part tables must stand in DuckDB.

    Leaves `subject_numbers` and `therapy_subjects` there, by which the stream cuts.
    """
    if any(not part.source.integer_subjects for part in parts):
        number_subjects(con, [part.source for part in parts])
    spans = without(spans_around(*_therapy_rows(con, parts, as_known), numbers), _two_subjects(con, parts))
    subjects = _subjects(con, parts, spans)
    return Plan(
        therapies=therapy_arrays(kinds.kinds),
        kinds=tuple(kinds.kinds),
        spans=spans,
        births=births_of(subjects),
        weights=_all_weights(con, parts, as_known),
        pairs={part.table: _pairs(con, part) for part in parts},
        subjects=subjects,
    )

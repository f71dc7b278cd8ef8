"""The bedside engine: the flat rows of one Bundle graded in memory, without a database; the same rows come out.

What the local engine asks of SQL is a dozen lines over arrays when the rows fit in a hand; the census, the door, the timeline
and the sink are the same. `tests/functional/test_bedside.py` holds both engines together.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.engines.census import Census, Counts, Kind, account_for_kinds, census_of, is_refused, unmapped
from tocsin.engines.event_files import QUARANTINE, quarantine_table
from tocsin.engines.local import Outcome, Request, Stopwatch, conclude, open_sink
from tocsin.engines.plan import (
    Part,
    Plan,
    births_of,
    in_order_of_time,
    spans_around,
    therapy_arrays,
    weights_in_kg,
)
from tocsin.engines.queries import Lines
from tocsin.engines.sink import Sink, Writers
from tocsin.engines.stream import PartStream
from tocsin.engines.unplaced import quarantine_rows
from tocsin.episodes import as_table
from tocsin.events.concepts import Key, Resolver, TherapyKinds
from tocsin.events.door import no_pairs
from tocsin.knowledge.reading import therapy_signals
from tocsin.sources.source import SUBJECTS, Source
from tocsin.timeline import Timeline
from tocsin.timeline.layout import NO_END

Ints = NDArray[np.int64]
NUMBERED = SUBJECTS.insert(0, pa.field("subject_id", pa.int64()))
_NEEDED = 1 << 62  # an integer id at or over this leaves no number after it


@dataclass(frozen=True)
class _Rows:
    """Flat rows as arrays, with the kind and the subject's number of each; -1 where there is none."""

    table: pa.Table
    row: Ints
    subject: Ints
    time: Ints
    until: Ints
    value: NDArray[np.float64]
    kind: NDArray[np.int32]
    stands: NDArray[np.bool_]  # neither did not happen nor is in trouble
    timed: NDArray[np.bool_]


def grade_in_memory(
    table: pa.Table,
    source: Source,
    resolver: Resolver,
    therapy_kinds: TherapyKinds,
    request: Request,
    writers: Writers,
    query_lines: Callable[[], Lines],
) -> Outcome:
    """Grade the flat rows of a source (FLAT_SCHEMA; no pairs of start and end) into the writers.

    Returns the account and what else is not a table. Raises InternalError when the rows do not add up.
    """
    watch = Stopwatch()
    keys = _keys(table)
    census = census_of(_counted(table, keys), source, resolver)
    watch.lap("census")
    numbers = _number_subjects(table["subject"].to_pylist())
    rows = _rows(table, keys, census, numbers)
    plan = _plan(rows, census, numbers, source, therapy_kinds, request)
    watch.lap("plan")
    rules, sink = open_sink(plan, census.kinds, request, writers, query_lines)
    part = Part(source, census, "", 0, "")
    stream = PartStream(None, plan, part, request.numbers, request.as_known)
    timeline = Timeline(rules, plan.therapies, plan.births)
    chosen = _streamed(rows, census, plan)
    events, aside = stream.doored(
        rows.row[chosen],
        rows.subject[chosen],
        rows.time[chosen],
        rows.until[chosen],
        rows.value[chosen],
        rows.kind[chosen],
    )
    if len(aside.row):
        sink.quarantine(quarantine_table(aside, census.kinds, source))
    sink.take(events, timeline)
    sink.finish(timeline)
    watch.lap("stream")
    outcome = Outcome(plan.subjects, notes=list(source.notes))
    _account(rows, part, stream, sink, outcome)
    watch.lap("account")
    conclude(outcome, sink, watch)
    return outcome


def _keys(table: pa.Table) -> list[Key]:
    """Return the key of each row."""
    columns: list[list[Any]] = [
        table[name].to_pylist() for name in ("code", "unit", "route", "text", "comparator")
    ]
    code, unit, route, text, comparator = columns
    said = [word if word is not None else sign for word, sign in zip(text, comparator, strict=True)]
    parts: list[tuple[Any, ...]] = list(zip(code, unit, route, said, strict=True))
    distinct = {each: Key(*each) for each in set(parts)}
    return [distinct[each] for each in parts]


def _counted(table: pa.Table, keys: Sequence[Key]) -> Counts:
    """Return how often each key stands, by why it did not happen and whether it is in trouble; in the order of the keys."""
    fates, troubles = table["fate"].to_pylist(), table["trouble"].to_pylist()
    # Equal keys are one object here: to tell objects apart is quicker than to compare what is in them.
    objects = {id(key): key for key in keys}
    found = Counter(
        [
            (id(key), fate, trouble is not None)
            for key, fate, trouble in zip(keys, fates, troubles, strict=True)
        ]
    )
    counts: Counts = {}
    for (key, fate, troubled), rows in found.items():
        counts.setdefault(objects[key], {})[fate, troubled] = rows
    return dict(sorted(counts.items(), key=lambda item: _in_order(item[0])))


def _in_order(key: Key) -> tuple[Any, ...]:
    """Return by what DuckDB orders keys: text by text, nothing last."""
    return tuple((text is None, text or "") for text in (key.code, key.unit, key.route, key.text))


def _number_subjects(names: Sequence[str | None]) -> dict[str, int]:
    """Return the number of each subject: integer ids are kept, others are numbered in text order after them."""
    ids = sorted({name for name in names if name is not None})
    whole = {name: int(name) for name in ids if _is_whole(name)}
    first = max([number for number in whole.values() if 0 <= number < _NEEDED], default=0) + 1
    others = [name for name in ids if name not in whole]
    return whole | {name: first + place for place, name in enumerate(others)}


def _is_whole(name: str) -> bool:
    """Whether an id is an integer of 64 bits, written as one writes it."""
    digits = name.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
        return False
    return str(int(name)) == name and -(1 << 63) <= int(name) < 1 << 63


def _rows(table: pa.Table, keys: Sequence[Key], census: Census, numbers: dict[str, int]) -> _Rows:
    """Return the rows as arrays."""
    places = {kind.key: place for place, kind in enumerate(census.kinds)}
    nowhere = places.get(Key(""), -1)  # rows without a code
    place_of = {id(key): places.get(key, nowhere) for key in {id(key): key for key in keys}.values()}
    value = table["value"]
    raw = value.to_numpy(zero_copy_only=False).astype(np.float64)
    written = value.is_valid().to_numpy(zero_copy_only=False)
    return _Rows(
        table,
        table["row"].to_numpy(),
        np.array([numbers.get(name, -1) if name is not None else -1 for name in table["subject"].to_pylist()], np.int64),
        _micros(table["time"], NO_END),
        _micros(table["until"], NO_END),
        np.where(written, np.where(np.isnan(raw), np.inf, raw), np.nan),
        np.array([place_of[id(key)] for key in keys], np.int32),
        table["fate"].is_null().to_numpy(zero_copy_only=False)
        & table["trouble"].is_null().to_numpy(zero_copy_only=False),
        table["time"].is_valid().to_numpy(zero_copy_only=False),
    )  # fmt: skip


def _micros(times: Any, missing: int) -> Ints:
    """Return instants in microseconds."""
    return times.cast(pa.int64()).fill_null(missing).to_numpy(zero_copy_only=False)


def _placed(rows: _Rows, census: Census, places: Sequence[int]) -> NDArray[np.bool_]:
    """Return which rows are of some kinds and stand as they should, with a subject and a time."""
    wanted = np.zeros(len(census.kinds) + 1, np.bool_)  # the last for a row of no kind
    wanted[list(places)] = True
    named = rows.table["subject"].is_valid().to_numpy(zero_copy_only=False)
    return wanted[rows.kind] & rows.stands & rows.timed & named


def _plan(
    rows: _Rows,
    census: Census,
    numbers: dict[str, int],
    source: Source,
    therapy_kinds: TherapyKinds,
    request: Request,
) -> Plan:
    """Return what the stream needs to know beforehand."""
    mapped = set(census.mapped())
    therapies = _placed(
        rows,
        census,
        [place for place in census.places("index_therapy", *therapy_signals()) if place in mapped],
    )
    order = np.lexsort((rows.time[therapies], rows.subject[therapies]))
    spans = spans_around(rows.subject[therapies][order], rows.time[therapies][order], request.numbers)
    weighed = _placed(rows, census, census.places("weight"))
    weights = weights_in_kg(
        census, rows.subject[weighed], rows.time[weighed], rows.value[weighed], rows.kind[weighed]
    )
    subjects = _subjects(spans.subject_id.tolist(), numbers, source.subjects)
    return Plan(
        therapies=therapy_arrays(therapy_kinds.kinds),
        kinds=tuple(therapy_kinds.kinds),
        spans=spans,
        births=births_of(subjects),
        weights=in_order_of_time([weights]),
        pairs={"": (no_pairs(), np.zeros(0, np.int64))},
        subjects=subjects,
    )


def _subjects(chosen: Sequence[int], numbers: dict[str, int], told: pa.Table) -> pa.Table:
    """Return number, source id, birth date and sex of the subjects with a therapy."""
    names = {number: name for name, number in numbers.items()}
    known = {row["source_id"]: row for row in told.to_pylist()}
    lines = [known.get(names[number], {}) for number in chosen]
    columns: list[list[Any]] = [
        list(chosen),
        [names[number] for number in chosen],
        [line.get("birth_date") for line in lines],
        [line.get("sex") for line in lines],
    ]
    return as_table(columns, NUMBERED)


def _streamed(rows: _Rows, census: Census, plan: Plan) -> Ints:
    """Return the places of the mapped rows of subjects with a therapy, sorted by subject, time and row."""
    chosen = np.flatnonzero(
        _placed(rows, census, census.mapped()) & np.isin(rows.subject, plan.spans.subject_id)
    )
    return chosen[np.lexsort((rows.row[chosen], rows.time[chosen], rows.subject[chosen]))]


def _account(rows: _Rows, part: Part, stream: PartStream, sink: Sink, outcome: Outcome) -> None:
    """Account for every row that was read; close the quarantine."""
    accounting = outcome.accounting
    account_for_kinds(part.census, accounting)
    aside, counted = _unplaced(rows, part) if stream.may_lack() else (QUARANTINE.empty_table(), 0)
    stream.account(accounting, counted)
    sink.quarantine(aside)
    outcome.unmapped += unmapped(part.census)
    accounting.quarantined.update(sink.quarantined)
    accounting.check()
    sink.close()


def _unplaced(rows: _Rows, part: Part) -> tuple[pa.Table, int]:
    """Return the rows that cannot be placed as quarantine rows, and how many the census had counted as mapped."""
    names = ("row", "source", "trouble_column", "trouble_value", "fate", "trouble", "code", "subject", "time")
    columns: list[list[Any]] = [rows.table[name].to_pylist() for name in names]
    lines: list[tuple[Any, ...]] = list(zip(*columns, strict=True))
    kinds: tuple[Kind, ...] = part.census.kinds
    found: list[tuple[Any, ...]] = []
    for line, place in zip(lines, map(int, rows.kind), strict=True):
        row, source, column, value, fate, trouble, code, subject, time = line
        kind = kinds[place]
        refused = kind.concept.trouble if is_refused(kind) else None
        lacks = _lacks(code, subject, time)
        reason = trouble or lacks or refused
        if fate is None and (code is None or kind.concept.signal >= 0) and reason is not None:
            clean = code is not None and trouble is None and refused is None
            found.append((row, source, column, value, reason, clean))
    listed: list[list[Any]] = [list(column) for column in zip(*found, strict=True)] or [[] for _ in range(6)]
    return quarantine_rows(part.source, *listed[:5]), sum(listed[5])


def _lacks(code: str | None, subject: str | None, time: object) -> str | None:
    """Return what a row lacks to be placed."""
    if code is None:
        return "no_code"
    if subject is None:
        return "no_subject"
    return "no_time" if time is None else None

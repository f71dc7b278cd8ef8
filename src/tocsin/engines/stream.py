"""The stream: a source's mapped rows, batch by batch, through the door and the timeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.engines.census import NO_CODE, is_refused
from tocsin.engines.plan import Part, Plan, clean_rows, subject_column, time_column, value_column
from tocsin.errors import InternalError
from tocsin.events.accounting import Accounting
from tocsin.events.door import (
    ASIDE,
    NO_INTEREST,
    REASONS,
    USED,
    BolusRule,
    Doored,
    empty_doored,
    pass_rows,
)
from tocsin.events.order import in_order, merge_order
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.sources.meds import END_FATE, stream_as_it_stands
from tocsin.timeline import Batch
from tocsin.timeline.layout import NEVER, NO_END

BATCH_ROWS = 500_000


class NotSorted(Exception):
    """A source that was taken as sorted by subject and time is not: it must be sorted first."""


@dataclass(frozen=True)
class Events:
    """Used events of one batch, sorted; `kind` is the number of each event's kind among all parts."""

    batch: Batch
    kind: NDArray[np.int32]

    def take(self, chosen: Any) -> "Events":
        """Return the chosen events: by slice, mask or places."""
        return Events(self.batch.take(chosen), self.kind[chosen])


@dataclass(frozen=True)
class SetAside:
    """Rows of one batch that the door refused."""

    row: NDArray[np.int64]
    raw: NDArray[np.float64]
    kind: NDArray[np.int32]
    reason: NDArray[np.int8]


def bolus_rule(numbers: Numbers) -> BolusRule:
    """Return when a fluid record is a bolus."""
    return BolusRule(
        numbers.bolus_min_ml,
        numbers.bolus_min_ml_per_kg,
        numbers.bolus_small_weight_kg,
        round(numbers.bolus_max_min * 60e6),
    )


def _until(part: Part, as_known: bool) -> str:
    """Return the SQL of a row's end; what is known only after it ended enters the stream and is over at once."""
    if not part.source.flat and not part.source.has_ends:
        return f"{NO_END + 1} - 1 AS until"
    end = "epoch_us(r.until)"
    if as_known:
        enters = time_column(part, as_known)
        end = f"CASE WHEN r.until < r.time THEN {enters} - 1 ELSE greatest({end}, {enters}) END"
    return f"CASE WHEN r.until IS NULL THEN {NO_END + 1} - 1 ELSE {end} END AS until"


def _sql(part: Part, as_known: bool) -> str:
    """Return the SQL of a part's mapped rows of subjects with a therapy, sorted."""
    until = _until(part, as_known)
    subject = subject_column(part)
    columns = f"r.row, {subject} AS subject_id, {time_column(part, as_known)} AS time, {until}, {value_column()}, k.concept"
    rows = clean_rows(part, columns, f"{subject} IN (SELECT subject_id FROM therapy_subjects)")
    return f"SELECT * FROM ({rows}) ORDER BY subject_id, time, row"


def _arrays(batch: pa.RecordBatch) -> list[NDArray[np.int64]]:
    """Return the columns of a record batch as arrays."""
    columns: Any = batch
    return [column.to_numpy(zero_copy_only=False) for column in columns.columns]


class PartStream:
    """Streams one part: yields the used events of each batch, keeps the account, hands on what is set aside."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection | None, plan: Plan, part: Part, numbers: Numbers, as_known: bool
    ) -> None:
        self._con, self._plan, self.part, self._as_known = con, plan, part, as_known
        self._bolus = bolus_rule(numbers)
        self._counts = np.zeros(len(REASONS), np.int64)
        self._ends: list[NDArray[np.int32]] = []
        self._streamed = 0
        self._lost = 0
        self._saw_all = False
        kinds = part.census.kinds
        self._is_assumed = np.array(
            [kind.concept.conversion is not None and kind.concept.conversion.assumed for kind in kinds],
            np.bool_,
        )
        self._assumed = np.zeros(len(kinds), np.int64)

    def batches(self, ordered: bool) -> Iterator[tuple[Events, SetAside]]:
        """Yield events and refused rows, batch by batch. Raises NotSorted when `ordered` is false and the rows are not."""
        yield from self._sorted_batches() if ordered else self._batches_as_they_stand()

    def _sorted_batches(self) -> Iterator[tuple[Events, SetAside]]:
        """Yield batches that DuckDB has sorted."""
        if self._con is None:
            raise InternalError("a stream without a database has no batches of its own")
        reader = self._con.sql(_sql(self.part, self._as_known)).to_arrow_reader(BATCH_ROWS)
        try:
            for batch in reader:
                if batch.num_rows:
                    row, subject, time, until, raw, concept = _arrays(batch)
                    yield self.doored(
                        row, subject, time, until, raw.astype(np.float64), concept.astype(np.int32)
                    )
        finally:
            reader.close()  # a half-read result would keep the connection busy

    def _batches_as_they_stand(self) -> Iterator[tuple[Events, SetAside]]:
        """Yield batches in the order of the files, as long as that is by subject and time."""
        kinds = self.part.census.kinds
        places = {
            (kinds[place].key.code, kinds[place].key.text): place for place in self.part.census.mapped()
        }
        last_subject, last_time = NEVER, NEVER
        for row, subject, time, raw, concept in stream_as_it_stands(
            self.part.source, places, BATCH_ROWS, self._lose
        ):
            if not len(time):
                continue
            if not in_order(subject, time, last_subject, last_time):
                raise NotSorted
            last_subject, last_time = int(subject[-1]), int(time[-1])
            yield self.doored(row, subject, time, np.full(len(time), NO_END), raw, concept)
        self._saw_all = True

    def doored(self, row: NDArray[np.int64], subject: NDArray[np.int64], time: NDArray[np.int64], until: NDArray[np.int64],
                raw: NDArray[np.float64], concept: NDArray[np.int32]) -> tuple[Events, SetAside]:  # fmt: skip
        """Pass a batch through the door and part used from refused."""
        pairs, _ = self._plan.pairs[self.part.table]
        census, out = self.part.census, empty_doored(len(time))
        pass_rows(census.conversions, census.concepts, self._plan.spans, self._plan.weights, pairs, self._bolus,
                  subject, time, until, raw, concept, out)  # fmt: skip
        self._streamed += len(time)
        self._counts += np.bincount(out.reason, minlength=len(REASONS))
        used = out.reason == USED
        if len(pairs.time):
            self._ends.append(np.unique(out.pair[used & (out.pair >= 0)]))
        if self._is_assumed.any():
            valued = used & ~np.isnan(out.value) & self._is_assumed[concept]
            self._assumed += np.bincount(concept[valued], minlength=len(self._assumed))
        kind = concept + np.int32(self.part.first_kind)
        return _events(used, row, subject, time, kind, out), _refused(row, kind, out)

    def _lose(self, rows: int) -> None:
        """Note mapped rows that the reader left out: they have no subject or no time."""
        self._lost += rows

    def may_lack(self) -> bool:
        """Return whether some row may be unplaced, by the census and by what the stream saw."""
        source, kinds = self.part.source, self.part.census.kinds
        troubled = any(kind.troubled or kind.concept.fate == NO_CODE or is_refused(kind) for kind in kinds)
        unseen = not source.flat and not self._saw_all  # DuckDB leaves such rows out without a word
        return troubled or unseen or self._lost > 0 or bool(source.two_subjects)

    def done(self) -> float:
        """Return how much of the mapped rows has been streamed, 0 to 1."""
        return min(1.0, self._streamed / max(1, self._mapped()))

    def _mapped(self) -> int:
        """Return how many rows of the source can become events, by the census."""
        return sum(self.part.census.kinds[place].rows for place in self.part.census.mapped())

    def account(self, accounting: Accounting, unplaced: int) -> None:
        """Count the streamed rows, and those that the cut left out before they were streamed.

        `unplaced` is how many rows could not be placed though the census had counted them as mapped.
        """
        accounting.events += int(self._counts[USED])
        accounting.rows_used += int(self._counts[USED] + self._counts[ASIDE])
        for reason in NO_INTEREST:
            accounting.no_interest(REASONS[reason], int(self._counts[reason]))
        for place in np.flatnonzero(self._assumed).tolist():
            accounting.assumed_units[self.part.census.kinds[place].name] += int(self._assumed[place])
        left_out = self._mapped() - self._streamed - unplaced
        accounting.no_interest("no_therapy", left_out)
        self._account_for_ends(accounting)

    def _account_for_ends(self, accounting: Accounting) -> None:
        """Count the end rows: used with their start, else of no interest."""
        _, end_rows = self._plan.pairs[self.part.table]
        total = sum(kind.rows for kind in self.part.census.kinds if kind.concept.fate == END_FATE)
        used = len(np.unique(end_rows[np.unique(np.concatenate(self._ends))])) if self._ends else 0
        accounting.rows_used += used
        accounting.no_interest("end_without_used_start", total - used)


def _events(used: NDArray[np.bool_], row: NDArray[np.int64], subject: NDArray[np.int64], time: NDArray[np.int64],
            kind: NDArray[np.int32], out: Doored) -> Events:  # fmt: skip
    """Return the used rows as events."""
    events = Events(Batch(subject, time, out.signal, out.value, out.category, out.end, row), kind)
    return events if used.all() else events.take(used)


def _refused(row: NDArray[np.int64], kind: NDArray[np.int32], out: Doored) -> SetAside:
    """Return the rows that go to quarantine."""
    refused = ~np.isin(out.reason, (USED, ASIDE, *NO_INTEREST))
    return SetAside(row[refused], out.value[refused], kind[refused], out.reason[refused])


def no_events() -> Events:
    """Return no events."""
    whole, none = np.zeros(0, np.int64), np.zeros(0, np.int32)
    return Events(Batch(whole, whole, np.zeros(0, np.int16), np.zeros(0), none, whole, whole), none)


def merge(one: Events, other: Events) -> Events:
    """Return two sorted sets of events as one, sorted."""
    if not len(other.kind):
        return one
    order = merge_order(one.batch.subject_id, one.batch.time, other.batch.subject_id, other.batch.time)
    columns: list[Any] = [np.concatenate(pair) for pair in zip(one.batch, other.batch, strict=True)]
    return Events(Batch(*columns), np.concatenate((one.kind, other.kind))).take(order)


def cut_until(events: Events, subject: int, time: int) -> tuple[Events, Events]:
    """Cut sorted events in two: those up to a subject's instant, and the rest."""
    first = int(np.searchsorted(events.batch.subject_id, subject))
    last = int(np.searchsorted(events.batch.subject_id, subject, side="right"))
    place = first + int(np.searchsorted(events.batch.time[first:last], time, side="right"))
    return events.take(slice(None, place)), events.take(slice(place, None))

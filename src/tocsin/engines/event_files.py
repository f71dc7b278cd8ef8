"""Canonical events and quarantined rows as tables, and the writer that keeps only subjects with an episode."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.engines.census import Kind
from tocsin.engines.output import Writer
from tocsin.engines.stream import Events, SetAside
from tocsin.episodes import TIME, Column, as_table, encoded
from tocsin.events.door import OF_KIND, REASONS
from tocsin.knowledge.signals import signals
from tocsin.sources.source import Source
from tocsin.timeline.layout import NO_END

Kept = Literal["all", "episodes", "none"]
SIGNAL = pa.dictionary(pa.int16(), pa.string())
WORD = pa.dictionary(pa.int32(), pa.string())
EVENTS = pa.schema(
    [("subject_id", pa.int64()), ("time", TIME), ("code", WORD), ("numeric_value", pa.float64()), ("text_value", WORD),
     ("signal", SIGNAL), ("end", TIME), ("event_id", pa.int64())]
)  # fmt: skip
QUARANTINE = pa.schema(
    [
        ("source", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
    ]
)
_COLUMN = {
    "end_before_start": "end",
    "unknown_unit": "unit",
    "ambiguous_unit": "unit",
}


class EventTables:
    """Turns events into tables: codes and words come from the kinds, so a row carries only numbers until it is written."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._codes, self._code_of = _distinct([kind.key.code.split("\t")[0] for kind in kinds])
        self._words, self._word_of = _distinct([kind.concept.text or "" for kind in kinds])
        self._has_word = np.array([kind.concept.text is not None for kind in kinds], np.bool_)
        self._signals = pa.array([signal.name for signal in signals()], pa.string())

    def table(self, events: Events) -> pa.Table:
        """Return events as the table of `events.parquet`."""
        batch = events.batch
        columns: list[Column] = [
            pa.array(batch.subject_id),
            pa.array(batch.time, pa.int64()).cast(TIME),
            encoded(self._code_of[events.kind], self._codes),
            pa.array(batch.value, mask=np.isnan(batch.value)),
            encoded(self._word_of[events.kind], self._words, ~self._has_word[events.kind]),
            encoded(batch.signal, self._signals),
            pa.array(batch.end, pa.int64(), mask=batch.end == NO_END).cast(TIME),
            pa.array(batch.event_id),
        ]
        return pa.Table.from_arrays(columns, schema=EVENTS)


def _distinct(words: list[str]) -> tuple[Column, NDArray[np.int32]]:
    """Return the distinct words and the place of each one: a dictionary with repeats is written with stray bytes."""
    distinct, places = np.unique(np.array(words, dtype=object), return_inverse=True)
    return pa.array(distinct.tolist(), pa.string()), places.astype(np.int32)


class EventWriter:
    """Writes the events of all subjects, of those with an episode, or of none; a subject is held until it is whole."""

    def __init__(self, writer: Writer, kinds: Sequence[Kind], kept: Kept) -> None:
        self._tables, self._kept, self._writer = EventTables(kinds), kept, writer
        self._held: list[Events] = []
        self._graded: NDArray[np.int64] = np.zeros(
            0, np.int64
        )  # those of the held subjects that have an episode

    def add(self, events: Events, graded: NDArray[np.int64]) -> None:
        """Take a batch, and the subjects of the grade rows that it made; only the last subject may go on."""
        if self._kept == "none":
            return
        if self._kept == "all":
            self._writer.write(self._tables.table(events))
            return
        self._held.append(events)
        self._graded = np.union1d(self._graded, graded)
        last = int(events.batch.subject_id[-1])
        if int(self._held[0].batch.subject_id[0]) != last:
            self._release(int(np.searchsorted(events.batch.subject_id, last)))
            self._graded = self._graded[self._graded >= last]

    def _release(self, place: int) -> None:
        """Write the held events and those before `place` of the last batch; hold the rest."""
        last = self._held.pop()
        for events in (*self._held, last.take(slice(0, place))):
            chosen = np.isin(events.batch.subject_id, self._graded)
            if chosen.any():
                self._writer.write(self._tables.table(events.take(chosen)))
        self._held = [last.take(slice(place, None))]

    def close(self, graded: NDArray[np.int64]) -> None:
        """Write what is held of the last subject; `graded` as in `add`, of the rows that its end made."""
        self._graded = np.union1d(self._graded, graded)
        if self._held:
            self._release(len(self._held[-1].kind))
        self._writer.close()


def quarantine_table(aside: SetAside, kinds: Sequence[Kind], source: Source) -> pa.Table:
    """Return rows that the door refused as the table of `quarantine.parquet`."""
    kind_of = [kinds[int(kind)] for kind in aside.kind]
    reasons = [
        (kind.concept.trouble or "") if reason == OF_KIND else REASONS[int(reason)]
        for kind, reason in zip(kind_of, aside.reason, strict=True)
    ]
    columns: list[list[Any]] = [
        [source.file_of(int(row)) for row in aside.row],
        [source.key_of(int(row)) for row in aside.row],
        [_COLUMN.get(reason, "value") for reason in reasons],
        [_shown(float(raw), kind) for raw, kind in zip(aside.raw, kind_of, strict=True)],
        reasons,
    ]
    return as_table(columns, QUARANTINE)


def _shown(raw: float, kind: Kind) -> str | None:
    """Return what stood in the row: number and unit, or word."""
    said = "" if np.isnan(raw) else "not a number" if np.isinf(raw) else f"{raw:g}"
    return f"{said} {kind.key.unit or kind.key.text or ''}".strip() or None

"""The timeline: sorted events in, grade rows and episodes out; one pass, state carried from batch to batch."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin import jit
from tocsin.timeline import layout
from tocsin.timeline.layout import EPISODE, ROW, Batch, Births, Rules, Therapies, Written, subject_dtype
from tocsin.timeline.machine import DONE, NEEDS_INFUSIONS, NEEDS_ROWS, NEEDS_THERAPIES, advance, finish
from tocsin.timeline.rules import rules_record

__all__ = ["Batch", "Births", "Rules", "Therapies", "Timeline", "is_compiled"]

_ROWS_AT_ONCE = 16_384


def is_compiled() -> bool:
    """Return whether the compiled timeline is in the cache; if not, the first call takes about 15 s."""
    return jit.is_compiled(Path(__file__).parent)


def _wider(old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
    """Return the new record with all that the old one holds; some of its lists are longer."""
    for name in old.dtype.names or ():
        value = old[name][0]
        new[name][(0, *(slice(size) for size in np.shape(value)))] = value
    return new


class Timeline:
    """Grades events that arrive in batches, sorted by subject and time.

    >>> from tocsin.timeline import Timeline
    >>> Timeline.__doc__.splitlines()[0]
    'Grades events that arrive in batches, sorted by subject and time.'
    """

    def __init__(self, rules: Rules, therapies: Therapies, births: Births) -> None:
        self._rules, self._births = rules_record(rules, therapies), births
        self._infusions, self._therapies = 16, 256
        self._subject = self._new_subject()
        self._episode = np.zeros(1, EPISODE).view(np.recarray)
        self._rows: list[NDArray[Any]] = []
        self._episodes: list[NDArray[Any]] = []
        self._make_room(_ROWS_AT_ONCE)

    def feed(self, batch: Batch) -> None:
        """Take a batch of events; a subject may be cut between two batches."""
        place, lacks = 0, NEEDS_ROWS
        while lacks != DONE:
            place, lacks = advance(
                batch, place, self._rules, self._births, self._subject, self._episode, self._written
            )
            if lacks == NEEDS_ROWS:
                self._flush()
            elif lacks != DONE:
                self._grow(lacks)

    def finish(self) -> None:
        """End the last subject; nothing is derived after its last event."""
        self._flush()
        finish(self._rules, self._subject, self._episode, self._written)
        self._flush()

    def take(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the rows (dtype ROW) and episodes (dtype EPISODE) written since the last call."""
        self._flush()
        rows = np.concatenate(self._rows) if self._rows else np.zeros(0, ROW)
        episodes = np.concatenate(self._episodes) if self._episodes else np.zeros(0, EPISODE)
        self._rows, self._episodes = [], []
        return rows, episodes

    def _new_subject(self) -> NDArray[Any]:
        """Return the record of a subject, with room for so many infusions and therapies."""
        return np.zeros(1, subject_dtype(self._infusions, self._therapies)).view(np.recarray)

    def _grow(self, lacks: int) -> None:
        """Make a list of the subject longer; a record of another size is compiled anew, so this is a rare last resort."""
        self._infusions *= 4 if lacks == NEEDS_INFUSIONS else 1
        self._therapies *= 4 if lacks == NEEDS_THERAPIES else 1
        self._subject = _wider(self._subject, self._new_subject())

    def _make_room(self, size: int) -> None:
        """Make the output arrays."""
        rows, episodes = np.zeros(size, ROW), np.zeros(size // 4, EPISODE)
        self._written = Written(rows.view(np.recarray), episodes.view(np.recarray))

    def _flush(self) -> None:
        """Set aside what was written; make more room when one event's rows might not fit."""
        subject: Any = self._subject[0]
        needed = 2 * int(subject.infusions.sum()) + 2 * layout.ROWS_A_STEP
        if subject.rows_written:
            self._rows.append(self._written.rows[: subject.rows_written].copy())
        if subject.episodes_written:
            self._episodes.append(self._written.episodes[: subject.episodes_written].copy())
        subject.rows_written = subject.episodes_written = 0
        if needed > len(self._written.rows):
            self._make_room(2 * needed)

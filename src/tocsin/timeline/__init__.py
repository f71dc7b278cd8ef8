"""The timeline: sorted events in, grade rows and episodes out; one pass, state carried from batch to batch."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin import jit
from tocsin.timeline import layout
from tocsin.timeline.layout import EPISODE, ROW, SUBJECT, Batch, Births, Kept, Rules, Therapies, Written
from tocsin.timeline.machine import DONE, NEEDS_INFUSIONS, NEEDS_ROWS, NEEDS_THERAPIES, advance, finish

__all__ = ["Batch", "Births", "Rules", "Therapies", "Timeline", "is_compiled"]

_ROWS_AT_ONCE = 16_384


def is_compiled() -> bool:
    """Return whether the compiled timeline is in the cache; if not, the first call takes about 15 s."""
    return jit.is_compiled(Path(__file__).parent)


def _wider(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array with twice the places along its last axis."""
    wider = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wider[..., : array.shape[-1]] = array
    return wider


class Timeline:
    """Grades events that arrive in batches, sorted by subject and time.

    >>> from tocsin.timeline import Timeline
    >>> Timeline.__doc__.splitlines()[0]
    'Grades events that arrive in batches, sorted by subject and time.'
    """

    def __init__(self, rules: Rules, therapies: Therapies, births: Births) -> None:
        self._rules, self._therapies, self._births = rules, therapies, births
        infusions = (6, 8)
        self._kept = Kept(
            subject=np.zeros(1, SUBJECT).view(np.recarray),
            episode=np.zeros(1, EPISODE).view(np.recarray),
            infusion_start=np.zeros(infusions, np.int64),
            infusion_end=np.zeros(infusions, np.int64),
            infusion_rate=np.zeros(infusions, np.float64),
            infusion_id=np.zeros(infusions, np.int64),
            infusion_open=np.zeros(infusions, np.bool_),
            therapy_time=np.zeros(8, np.int64),
            therapy=np.zeros(8, np.int32),
        )
        self._rows: list[NDArray[Any]] = []
        self._episodes: list[NDArray[Any]] = []
        self._make_room(_ROWS_AT_ONCE)

    def feed(self, batch: Batch) -> None:
        """Take a batch of events; a subject may be cut between two batches."""
        place, lacks = 0, NEEDS_ROWS
        while lacks != DONE:
            place, lacks = advance(
                batch, place, self._rules, self._therapies, self._births, self._kept, self._written
            )
            if lacks == NEEDS_ROWS:
                self._flush()
            elif lacks == NEEDS_INFUSIONS:
                grown = {
                    name: _wider(getattr(self._kept, name))
                    for name in Kept._fields
                    if name.startswith("infusion")
                }
                self._kept = self._kept._replace(**grown)
            elif lacks == NEEDS_THERAPIES:
                therapy_time, therapy = _wider(self._kept.therapy_time), _wider(self._kept.therapy)
                self._kept = self._kept._replace(therapy_time=therapy_time, therapy=therapy)

    def finish(self) -> None:
        """End the last subject; nothing is derived after its last event."""
        self._flush()
        finish(self._rules, self._therapies, self._kept, self._written)
        self._flush()

    def take(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the rows (dtype ROW) and episodes (dtype EPISODE) written since the last call."""
        self._flush()
        rows = np.concatenate(self._rows) if self._rows else np.zeros(0, ROW)
        episodes = np.concatenate(self._episodes) if self._episodes else np.zeros(0, EPISODE)
        self._rows, self._episodes = [], []
        return rows, episodes

    def _make_room(self, size: int) -> None:
        """Make the output arrays; twice as large when one event's rows did not fit."""
        self._written = Written(
            rows=np.zeros(size, ROW).view(np.recarray),
            episodes=np.zeros(size // 4, EPISODE).view(np.recarray),
            used=np.zeros(2, np.int64),
        )

    def _flush(self) -> None:
        """Set aside what was written."""
        rows, episodes = (int(count) for count in self._written.used)
        needed = 2 * int(self._kept.subject["infusions"].sum()) + 2 * layout.ROWS_A_STEP
        if rows:
            self._rows.append(self._written.rows[:rows].copy())
        if episodes:
            self._episodes.append(self._written.episodes[:episodes].copy())
        self._written.used[:] = 0
        if needed > len(self._written.rows):
            self._make_room(2 * needed)

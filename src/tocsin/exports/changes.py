"""The changes of grade of a result: per episode and scale a row where the set changes, with how long it stood."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.episodes import TIME, encoded
from tocsin.errors import InternalError
from tocsin.knowledge.scales import grades_of
from tocsin.knowledge.vocabulary import SCALES
from tocsin.records import scale_of_record
from tocsin.results import Result

CHANGES = pa.schema(
    [
        ("number", pa.int64()),  # of the change, from 1
        ("place", pa.int64()),  # of its episode in the table of episodes
        ("subject_id", pa.int64()),
        ("episode", pa.int32()),
        ("scale", pa.dictionary(pa.int8(), pa.string())),
        ("time", TIME),
        ("until", TIME),  # the next change, else the closing row; null while the episode goes on
        ("set", pa.uint8()),
        ("low", pa.int8()),
        ("high", pa.int8()),
        ("of_record", pa.bool_()),  # the scale is that of record
        ("peak", pa.bool_()),  # the first row at the peak of the episode on this scale
    ]
)
_LOW = np.array([min(grades_of(bits), default=0) for bits in range(64)], np.int8)
_HIGH = np.array([max(grades_of(bits), default=0) for bits in range(64)], np.int8)
_NONE = np.iinfo(np.int64).min


def grade_changes(result: Result) -> pa.Table:
    """Return the changes of grade, in order of subject, episode and time; at one time in the order of the scales."""
    if not result.grades.num_rows:
        return CHANGES.empty_table()
    rows = _Rows(result)
    parts = [rows.changes(code) for code in range(len(SCALES))]
    at, until = (np.concatenate([part[place] for part in parts]) for place in range(2))
    scale = np.repeat(np.arange(len(SCALES), dtype=np.int8), [len(part[0]) for part in parts])
    order = np.lexsort((scale, at))
    return rows.table(at[order], scale[order], until[order])


class _Rows:
    """The rows of `grades`, cut into episodes."""

    def __init__(self, result: Result) -> None:
        grades, episodes = result.grades, result.episodes
        self._subject, self._number = _numbers(grades, "subject_id"), _numbers(grades, "episode")
        self._time = _times(grades, "time")
        self._first: NDArray[np.bool_] = np.ones(len(self._time), np.bool_)
        self._first[1:] = (self._subject[1:] != self._subject[:-1]) | (self._number[1:] != self._number[:-1])
        self._place = np.cumsum(self._first) - 1
        starts = np.flatnonzero(self._first)
        same = len(starts) == episodes.num_rows and all(
            np.array_equal(_numbers(grades, name)[starts], _numbers(episodes, name))
            for name in ("subject_id", "episode")
        )
        if not same:
            raise InternalError("grades and episodes of the result do not stand in one order")
        ends = np.append(starts[1:], len(self._time))[: len(starts)] - 1
        closed: NDArray[np.bool_] = grades["closing"].to_numpy()[ends]
        self._end = np.where(closed, self._time[ends], _NONE)
        self._sets = np.stack([_numbers(grades, f"{scale}_set") for scale in SCALES])
        self._peak_low = np.stack([_numbers(episodes, f"{scale}_peak_low") for scale in SCALES])
        self._peak_high = np.stack([_numbers(episodes, f"{scale}_peak_high") for scale in SCALES])
        record = [
            SCALES.index(scale_of_record(result.run, str(cause))) for cause in episodes["cause"].to_pylist()
        ]
        self._record: NDArray[np.int64] = np.array(record, np.int64)

    def changes(self, code: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows where the set of a scale changes, and until when each stands."""
        sets = self._sets[code]
        changed = self._first.copy()
        changed[1:] |= sets[1:] != sets[:-1]
        at = np.flatnonzero(changed)
        until = self._end[self._place[at]]
        goes_on = self._place[at[1:]] == self._place[at[:-1]]
        until[:-1] = np.where(goes_on, self._time[at[1:]], until[:-1])
        return at, until

    def table(self, at: NDArray[np.int64], scale: NDArray[np.int8], until: NDArray[np.int64]) -> pa.Table:
        """Return rows and scales as a table."""
        place, time = self._place[at], self._time[at]
        sets = self._sets[scale, at]
        low, high = _LOW[sets], _HIGH[sets]
        columns: list[Any] = [
            pa.array(np.arange(1, len(at) + 1)), pa.array(place),
            pa.array(self._subject[at]), pa.array(self._number[at], pa.int32()),
            encoded(scale, pa.array(SCALES, pa.string())), pa.array(time).cast(TIME),
            pa.array(until, mask=until == _NONE).cast(TIME), pa.array(sets, pa.uint8()),
            pa.array(low), pa.array(high), pa.array(self._record[place] == scale),
            pa.array(self._peaks(place, scale, low, high)),
        ]  # fmt: skip
        return pa.Table.from_arrays(columns, schema=CHANGES)

    def _peaks(
        self, place: NDArray[np.int64], scale: NDArray[np.int8], low: NDArray[np.int8], high: NDArray[np.int8]
    ) -> NDArray[np.bool_]:
        """Return which rows are the first at the peak of their episode and scale.

        Where the peak is decided, an open row that only may reach it is passed over: the row has the grade as a number.
        """
        lowest, highest = self._peak_low[scale, place], self._peak_high[scale, place]
        reached = np.flatnonzero((high == highest) & ((lowest != highest) | (low == high)))
        _, first = np.unique(place[reached] * len(SCALES) + scale[reached], return_index=True)
        found = np.zeros(len(place), np.bool_)
        found[reached[first]] = True
        return found


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    return table[name].to_numpy()


def _times(table: pa.Table, name: str) -> NDArray[np.int64]:
    return table[name].cast(pa.int64()).to_numpy()

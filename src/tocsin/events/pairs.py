"""Pairs the start and end rows of infusions and procedures: each end closes the oldest start that is still open."""

import numpy as np
from numpy.typing import NDArray

from tocsin.jit import compiled


@compiled
def pair_ends(
    subject_id: NDArray[np.int64],
    concept: NDArray[np.int32],
    time: NDArray[np.int64],
    is_start: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return the place of each start's end, -1 where it has none; -1 for ends.

    Rows are sorted by subject, concept and time, ends before starts at one instant: an end closes a start before it.
    """
    ends = np.full(len(time), -1, np.int64)
    waiting = np.empty(len(time), np.int64)
    first, last = 0, 0
    for row in range(len(time)):
        if row == 0 or subject_id[row] != subject_id[row - 1] or concept[row] != concept[row - 1]:
            first, last = 0, 0
        if is_start[row]:
            waiting[last] = row
            last += 1
        elif first < last:
            ends[waiting[first]] = row
            first += 1
    return ends

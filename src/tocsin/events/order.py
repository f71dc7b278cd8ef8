"""Order: whether rows are sorted, and merging two sorted sets of rows into one."""

import numpy as np
from numpy.typing import NDArray

from tocsin.jit import compiled


@compiled
def in_order(
    subject_id: NDArray[np.int64], time: NDArray[np.int64], last_subject: int, last_time: int
) -> bool:
    """Return whether rows are sorted by subject and time, after the last one before them."""
    for row in range(len(time)):
        if subject_id[row] < last_subject or (subject_id[row] == last_subject and time[row] < last_time):
            return False
        last_subject, last_time = subject_id[row], time[row]
    return True


@compiled
def merge_order(
    subject: NDArray[np.int64],
    time: NDArray[np.int64],
    other_subject: NDArray[np.int64],
    other_time: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the order that makes the two sorted sets, one after the other, a single sorted one (ties: the first set's)."""
    order = np.empty(len(time) + len(other_time), np.int64)
    mine, others = 0, 0
    for place in range(len(order)):
        take_other = mine == len(time)
        if not take_other and others < len(other_time):
            if other_subject[others] == subject[mine]:
                take_other = other_time[others] < time[mine]
            else:
                take_other = other_subject[others] < subject[mine]
        if take_other:
            order[place] = len(time) + others
            others += 1
        else:
            order[place] = mine
            mine += 1
    return order

"""Order: sortedness across batches, and merging two sorted sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.events.order import in_order, merge_order

BEFORE_ALL = -(1 << 62)
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12)


def columns(pairs: list[tuple[int, int]]) -> list[np.ndarray]:
    """Subjects and times."""
    return [np.array([pair[place] for pair in pairs], np.int64) for place in (0, 1)]


@pytest.mark.parametrize(
    ("pairs", "after", "expected"),
    [
        ([], (1, 5), True),
        ([(1, 5)], (1, 5), True),
        ([(1, 4)], (1, 5), False),
        ([(2, 0)], (1, 5), True),
        ([(0, 9)], (1, 5), False),
        ([(1, 6), (2, 1), (2, 1), (3, 0)], (1, 5), True),
        ([(1, 6), (2, 1), (1, 7)], (1, 5), False),
    ],
)
def test_rows_are_sorted_also_after_those_of_the_batch_before(
    pairs: list[tuple[int, int]], after: tuple[int, int], expected: bool
) -> None:
    assert in_order(*columns(pairs), *after) is expected


@given(PAIRS)
def test_sorted_means_sorted(pairs: list[tuple[int, int]]) -> None:
    assert in_order(*columns(pairs), BEFORE_ALL, BEFORE_ALL) == (pairs == sorted(pairs))


@given(PAIRS, PAIRS)
def test_a_merge_is_a_stable_sort(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    one, other = sorted(one), sorted(other)
    both = one + other
    expected = sorted(range(len(both)), key=lambda place: both[place])
    assert merge_order(*columns(one), *columns(other)).tolist() == expected

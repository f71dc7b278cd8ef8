"""The rules on sets of grades, and that the timeline's compiled ones are the same."""

from itertools import product

import pytest

from tocsin.grading import sets
from tocsin.timeline.rows import grade_set, worse_of

ALL_SETS = range(1, 32)


def bits(*grades: int) -> int:
    return sum(1 << grade for grade in grades)


@pytest.mark.parametrize(
    ("one", "other", "worse"),
    [
        ((0,), (0,), (0,)),
        ((2,), (2,), (2,)),
        ((3,), (2,), (3,)),
        ((2, 3), (2,), (2, 3)),
        ((0, 2), (2, 3), (2, 3)),
        ((0, 4), (2, 3), (2, 3, 4)),
        ((2, 4), (3,), (3, 4)),
    ],
)
def test_worse_of(one: tuple[int, ...], other: tuple[int, ...], worse: tuple[int, ...]) -> None:
    assert sets.members(sets.worse_of(bits(*one), bits(*other))) == worse


@pytest.mark.parametrize(
    ("grades", "fever", "waived", "gate", "result"),
    [
        ((0,), True, False, True, (1,)),
        ((0, 2), True, False, False, (1, 2)),
        ((2, 3), True, True, True, (2, 3)),
        ((0,), False, True, True, (0, 1)),
        ((0,), False, False, True, (0, 1)),
        ((2,), False, False, True, (0, 2)),
        ((2,), False, True, True, (2,)),
        ((2,), False, False, False, (2,)),
        ((0, 2), False, False, False, (0, 1, 2)),
    ],
)
def test_in_episode(
    grades: tuple[int, ...], fever: bool, waived: bool, gate: bool, result: tuple[int, ...]
) -> None:
    assert sets.members(sets.in_episode(bits(*grades), fever=fever, waived=waived, gate=gate)) == result


@pytest.mark.parametrize(
    ("grades", "gate", "without_fever", "result"),
    [
        ((3,), True, False, (0,)),
        ((0,), False, False, (0,)),
        ((0,), False, True, (0, 1)),
        ((3,), False, False, (0, 3)),
        ((3,), False, True, (0, 3)),
        ((0, 2), False, True, (0, 2)),
    ],
)
def test_not_attributed(
    grades: tuple[int, ...], gate: bool, without_fever: bool, result: tuple[int, ...]
) -> None:
    found = sets.not_attributed(bits(*grades), gate=gate, one_without_fever=without_fever)
    assert sets.members(found) == result


@pytest.mark.parametrize(
    ("grades", "words"), [((3,), "3"), ((2, 3), "2 or 3"), ((2, 3, 4), "2, 3 or 4"), ((0, 1), "0 or 1")]
)
def test_in_words(grades: tuple[int, ...], words: str) -> None:
    assert sets.in_words(bits(*grades)) == words


@pytest.mark.parametrize(
    ("one", "other", "counts"),
    [
        ((0,), (0,), False),
        ((2,), (0,), True),
        ((2,), (3,), False),
        ((3,), (3,), True),
        ((3,), (2, 4), True),
        ((2,), (2, 3), False),
    ],
)
def test_an_axis_counts_if_it_changes_the_set_or_is_as_bad(
    one: tuple[int, ...], other: tuple[int, ...], counts: bool
) -> None:
    assert sets.counts(bits(*one), bits(*other)) is counts


def test_the_timeline_joins_two_axes_in_the_same_way() -> None:
    for one, other in product(ALL_SETS, ALL_SETS):
        assert sets.worse_of(one, other) == worse_of(one, other), (one, other)


def test_the_timeline_reads_fever_in_the_same_way() -> None:
    for grades, fever, waived, gate in product(ALL_SETS, (False, True), (False, True), (False, True)):
        here = sets.in_episode(grades, fever=fever, waived=waived, gate=gate)
        assert here == grade_set(grades, 1, fever, waived, gate), (grades, fever, waived, gate)

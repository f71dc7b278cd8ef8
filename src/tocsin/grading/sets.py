"""Sets of grades as bits (bit g stands for grade g), and the rules that join two axes and fever into one."""

from collections.abc import Iterable
from functools import cache

from tocsin.knowledge.scales import grades_of

ZERO = 1 << 0
ONE = 1 << 1
DEATH = 1 << 5


def union(sets: Iterable[int]) -> int:
    """Every grade that is in some of the sets."""
    bits = 0
    for each in sets:
        bits |= each
    return bits


def members(bits: int) -> tuple[int, ...]:
    """The grades of a set, smallest first."""
    return tuple(grades_of(bits))


def decided(bits: int) -> int | None:
    """The only grade of a set, or None if it has several."""
    grades = grades_of(bits)
    return grades[0] if len(grades) == 1 else None


def largest(bits: int) -> int:
    """The largest grade of a set; -1 if it is empty."""
    return bits.bit_length() - 1


@cache
def worse_of(one: int, other: int) -> int:
    """{max(a, b) for a in one for b in other}."""
    return union(1 << max(a, b) for a in grades_of(one) for b in grades_of(other))


def in_episode(grades: int, *, fever: bool, waived: bool, gate: bool) -> int:
    """The set of an episode: `grades` is the worse of the two axes (timeline.md, section 4)."""
    if fever:
        return worse_of(grades, ONE)
    if grades & ZERO:  # masked or resolving: the texts do not tell 0 from 1
        grades |= ONE
    if gate and not waived:  # fever left by itself
        grades |= ZERO
    return grades


def not_attributed(grades: int, *, gate: bool, one_without_fever: bool) -> int:
    """The set where the fever is not laid to CRS: no CRS where fever is asked for, else nobody knows."""
    if gate:
        return ZERO
    if grades == ZERO:
        return ZERO | ONE if one_without_fever else ZERO
    return grades | ZERO


def in_words(bits: int) -> str:
    """A set as people say it: "3", "2 or 3", "2, 3 or 4"."""
    words = [str(grade) for grade in grades_of(bits)]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def counts(one: int, other: int) -> bool:
    """Whether an axis bears on the grade beside the other: it changes the set, or it is as bad."""
    return one != ZERO and (worse_of(one, other) != other or largest(one) == largest(other))

"""The CTCAE grade of one laboratory value, as the set of grades that what is known of it allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from tocsin.grading.sets import ZERO, union, worse_of
from tocsin.knowledge.laboratory import Clause, Limits, Term


@dataclass(frozen=True, slots=True)
class _Value:
    """A value with all that a clause may ask."""

    term: Term
    value: float
    limits: Limits
    baseline: float | None

    @property
    def limit(self) -> float | None:
        """The limit on the side that is graded."""
        return self.limits.low if self.term.falls else self.limits.high

    def passes(self, figure: float, reached: bool = False) -> bool:
        """Whether the value lies beyond a figure, or at it where that counts."""
        bound = float(f"{figure:.12g}")  # 1.5 times 0.6 is 0.9, not 0.8999999999999999
        if self.value == bound:
            return reached
        return self.value < bound if self.term.falls else self.value > bound

    def baseline_is_abnormal(self) -> bool | None:
        """Whether the baseline lies beyond the limit; None when one of them is not known."""
        if self.baseline is None or self.limit is None:
            return None
        return self.baseline < self.limit if self.term.falls else self.baseline > self.limit


def laboratory_grade(
    term: Term, version: int, value: float, limits: Limits | None = None, baseline: float | None = None
) -> int:
    """Return the grades (bits) that a value may have by one version of CTCAE.

    `value` and `baseline` (the last value before the therapy) are in the signal's canonical unit. What a clause asks and nobody
    knows widens the set: a limit of normal, a baseline that is not on record.
    """
    asked = _Value(term, value, limits or Limits(), baseline)
    clauses = term.of_version(version)
    return union(_in_world(asked, clauses, world) for world in _worlds(asked, clauses))


def _worlds(asked: _Value, clauses: tuple[Clause, ...]) -> Iterator[frozenset[str]]:
    """Yield what may hold: for each condition that the clauses name, yes, no, or one after the other."""
    named = {clause.when for clause in clauses}
    low = asked.limits.low
    abnormal = _known(asked.baseline_is_abnormal())
    beyond = _known(None if asked.limit is None else asked.passes(asked.limit))
    below = _known(None if low is None or asked.baseline is None else asked.baseline < low)
    # What no record tells is weighed only where its figure is known: else no value at all could be graded.
    perhaps = _known(False if asked.baseline is None else None)
    answers = (
        _if_named("baseline_normal", abnormal, named),
        _if_named("value_abnormal", beyond, named),
        _if_named("baseline_low", below, named),
        _if_named("perhaps", perhaps, named),
    )
    for is_abnormal, is_beyond, is_below, applies in product(*answers):
        yield frozenset(
            word
            for word, holds in (
                ("always", True),
                ("baseline_abnormal", is_abnormal),
                ("baseline_normal", not is_abnormal),
                ("value_abnormal", is_beyond),
                ("baseline_low", is_below),
                ("perhaps", applies),
            )
            if holds
        )


def _known(answer: bool | None) -> tuple[bool, ...]:
    return (False, True) if answer is None else (answer,)


def _if_named(word: str, answers: tuple[bool, ...], named: set[str]) -> tuple[bool, ...]:
    """Return the answers to a condition, one of them where no clause asks it."""
    return answers if word in named else answers[:1]


def _in_world(asked: _Value, clauses: tuple[Clause, ...], world: frozenset[str]) -> int:
    """Return the grades that the clauses which hold give together: any one of them is enough."""
    total = ZERO
    for clause in clauses:
        if clause.when in world:
            total = worse_of(total, _by_clause(asked, clause))
    return total


def _by_clause(asked: _Value, clause: Clause) -> int:
    """Return the grades that one clause gives; without what it is measured against, any that it can give."""
    unit = {"limit": asked.limit, "baseline": asked.baseline, "figure": 1.0}[clause.against]
    if unit is not None:
        return 1 << _grade(asked, clause, unit)
    if clause.when == "baseline_abnormal" and asked.limit is not None:
        # A baseline beyond the limit: the grade is at most the one that the limit itself would give.
        return (2 << _grade(asked, clause, asked.limit)) - 1
    return ZERO | union(1 << grade for grade, _ in clause.figures)


def _grade(asked: _Value, clause: Clause, unit: float) -> int:
    return max(
        (grade for grade, figure in clause.figures if asked.passes(figure * unit, grade in clause.reached)),
        default=0,
    )

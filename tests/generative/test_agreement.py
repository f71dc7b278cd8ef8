"""Product and reference engine agree row for row and episode for episode: every column, flags, evidence and driver too."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.generative.strategies import random_subject, subjects
from tests.reference.test_vectors_reference import VECTORS, births, collapsed, events, expected
from tests.support.charts import differences, show
from tests.support.timeline_runs import Subject, run_product, run_reference
from tocsin.knowledge.products import products

KNOWN = frozenset(products())
Rows = list[dict[str, Any]]
in_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="../shared is absent")


def by_subject(rows: Rows) -> dict[int, Rows]:
    """Rows of each subject."""
    found: dict[int, Rows] = defaultdict(list)
    for row in rows:
        found[row["subject_id"]].append(row)
    return found


def disagreement(subject: Subject, product: tuple[Rows, Rows], reference: tuple[Rows, Rows]) -> str:
    """Where the two answers on one subject differ, with the subject as a chart; "" if they do not."""
    said = [
        f"{what}: {differences(mine, other)}"
        for what, mine, other in zip(("rows", "episodes"), product, reference, strict=True)
        if mine != other
    ]
    return "\n".join([*said, show(subject)]) if said else ""


def first_disagreement(made_up: Sequence[Subject], pieces: int = 1) -> str:
    """The first of many subjects on which the two engines differ; "" if they agree on all."""
    answers = [
        [by_subject(table) for table in answer]
        for answer in (run_product(made_up, pieces=pieces), run_reference(made_up, KNOWN))
    ]
    for subject in made_up:
        place = subject[1][0].subject_id
        mine, other = ((rows[place], episodes[place]) for rows, episodes in answers)
        if said := disagreement(subject, mine, other):
            return said
    return ""


def fail_with(said: str) -> None:
    """Fail with a text that is shown as it stands."""
    if said:
        raise AssertionError(said)


@settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
@given(subjects())
def test_they_agree_on_2000_drawn_subjects(subject: Subject) -> None:
    fail_with(disagreement(subject, run_product([subject]), run_reference([subject], KNOWN)))


def test_they_agree_on_5000_subjects_in_one_call() -> None:
    rng = random.Random(2025)
    fail_with(first_disagreement([random_subject(rng, place) for place in range(1, 5001)], pieces=40))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_they_agree_on_50000_subjects(seed: int) -> None:
    rng = random.Random(f"slow {seed}")
    fail_with(first_disagreement([random_subject(rng, place) for place in range(1, 5001)]))


@in_vectors
def test_they_agree_on_the_vectors_in_every_column() -> None:
    fail_with(first_disagreement([(births()[subject], events()[subject]) for subject in sorted(births())]))


@in_vectors
def test_the_product_gives_the_expected_rows_of_the_vectors() -> None:
    """At the level of the timeline, that is before the door refuses values outside the hard bounds."""
    rows, _ = run_product([(births()[subject], events()[subject]) for subject in sorted(births())])
    found = by_subject(rows)
    assert {subject: as_vector(mine) for subject, mine in found.items()} == expected()


def as_vector(rows: Rows) -> list[tuple[str, ...]]:
    """Product rows in the columns of the vectors."""
    return collapsed([_VectorRow(row) for row in rows])  # type: ignore[list-item]


class _VectorRow:
    """A product row with the attributes that `collapsed` reads."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)
        self.sets = {name.removesuffix("_set"): bits for name, bits in row.items() if name.endswith("_set")}
        self.time = round(row["time"].timestamp() * 1_000_000)

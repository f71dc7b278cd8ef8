"""The OMOP concepts that are read by number: each says something that the rest of the knowledge understands."""

import pytest

from tocsin.events.conversions import conversion_of
from tocsin.knowledge.codes import routes
from tocsin.knowledge.omop import omop_concepts, omop_values
from tocsin.knowledge.reading import unreadable_units
from tocsin.knowledge.signals import signal, units


def test_no_concept_says_two_things() -> None:
    numbers = [(row.kind, row.concept_id) for row in omop_concepts()]
    assert len(numbers) == len(set(numbers))


def test_kinds_of_drug_records() -> None:
    assert set(omop_values("type").values()) == {"order", "dispensed", "not_given", "given"}


def test_units_are_known() -> None:
    known = {unit.spelling for unit in units()}
    assert [
        unit
        for unit in omop_values("unit").values()
        if unit not in known and unit.casefold() not in unreadable_units()
    ] == []


def test_routes_are_known() -> None:
    assert set(omop_values("route").values()) <= routes().keys()


@pytest.mark.parametrize(
    ("concept", "of", "factor"),
    [
        (9688, "norepinephrine", 1),
        (8774, "norepinephrine", 1),
        (8739, "weight", 0.45359237),
        (8645, "alt", 1),
        (9557, "sodium", 1),
    ],
)
def test_units_convert(concept: int, of: str, factor: float) -> None:
    conversion = conversion_of(signal(of), omop_values("unit")[concept], unreadable_units())
    assert conversion is not None
    assert conversion.factor == pytest.approx(factor)


def test_signs_and_sexes() -> None:
    assert set(omop_values("operator").values()) == {"<", "<=", "=", ">=", ">"}
    assert dict(omop_values("sex")) == {8507: "male", 8532: "female"}

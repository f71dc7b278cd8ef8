"""The cells of the scales against the texts: the open cells, and one patient on seven scales."""

from typing import NamedTuple

import pytest

from tocsin.knowledge.scales import grades_of, scale


class Patient(NamedTuple):
    """A febrile patient: hypotension, dose band, run of 24 h, oxygen, FiO2 band."""

    hypotension: str = "none"
    dose: str | None = None
    run_24h: bool = False
    oxygen: str = "none"
    fio2: str | None = None


def febrile(id: str, patient: Patient) -> list[int]:
    """The set of a patient with fever: the worse axis, and at least 1."""
    low = scale(id).hypotension_grades(patient.hypotension, patient.dose, patient.run_24h)
    air = scale(id).oxygen_grades(patient.oxygen, patient.fio2)
    return sorted({max(h, o, 1) for h in grades_of(low) for o in grades_of(air)})


LOW, HIGH = "below_40", "at_least_40"
NAMES = ("astct", "ctcae5", "ctcae6", "lee2014", "penn", "cartox", "mskcc")
# One patient on seven scales: a grade where the texts decide, None where they do not.
SEVEN: list[tuple[str, Patient, tuple[int | None, ...]]] = [
    ("fever only", Patient(), (1, 1, 1, 1, 1, 1, 1)),
    ("several boluses", Patient("fluids_repeated"), (2, 2, 2, 2, 3, 2, None)),
    ("cannula 2 L/min, FiO2 28", Patient(oxygen="low_flow", fio2=LOW), (2, 2, 2, 2, 3, 2, 2)),
    ("cannula 6 L/min, FiO2 44", Patient(oxygen="low_flow", fio2=HIGH), (2, 3, 2, 3, 3, 3, 3)),
    ("face mask, FiO2 35", Patient(oxygen="mask", fio2=LOW), (3, 2, 3, 2, 3, 2, 2)),
    ("high-flow cannula, FiO2 30", Patient(oxygen="high_flow", fio2=LOW), (3, 2, 3, 2, 3, 2, 2)),
    ("BiPAP, FiO2 50", Patient(oxygen="positive_pressure", fio2=HIGH), (4, None, None, None, 3, None, None)),
    ("ventilated", Patient(oxygen="ventilator", fio2=LOW), (4, 4, 4, 4, 4, 4, 4)),
    ("one low dose, under 24 h", Patient("one", "low"), (3, 3, 3, 2, 3, 2, 2)),
    ("one low dose, 24 h", Patient("one", "low", True), (3, 3, 3, 2, 3, 2, 3)),
    # 2 on MSKCC if it responds, which a record does not say.
    ("one high dose, under 24 h", Patient("one", "high"), (3, 3, 3, 3, 4, 3, None)),
    ("two low doses, under 24 h", Patient("multiple", "low"), (4, 4, 4, 3, None, 3, 2)),
]


@pytest.mark.parametrize(("patient", "grades"), [row[1:] for row in SEVEN], ids=[row[0] for row in SEVEN])
def test_same_patient_on_seven_scales(patient: Patient, grades: tuple[int | None, ...]) -> None:
    for id, grade in zip(NAMES, grades, strict=True):
        found = febrile(id, patient)
        assert (found[0] if len(found) == 1 else None) == grade, (id, found)


OPEN_HYPOTENSION = [  # category, dose, then ASTCT, CTCAE v5, Lee 2014
    ("untreated", None, {2}, {0, 2}, {0, 2}),
    ("vasopressin_alone", None, {2, 3}, {3}, {2, 3}),
    ("one_plus_vasopressin", "low", {3}, {3, 4}, {2, 3}),
    ("one_plus_vasopressin", "high", {3}, {3, 4}, {3}),
    ("multiple", "low", {4}, {4}, {3}),
    ("multiple", "high", {4}, {4}, {3}),
]
OPEN_OXYGEN = [  # category, FiO2, then ASTCT, CTCAE v5, Lee 2014
    ("cannula_flow_unknown", LOW, {2, 3}, {2}, {2}),
    ("cannula_flow_unknown", HIGH, {2, 3}, {3}, {3}),
    ("high_flow_at_low_flow", LOW, {2, 3}, {2}, {2}),
    ("high_flow_at_low_flow", HIGH, {2, 3}, {3}, {3}),
    ("positive_pressure", LOW, {4}, {2, 3, 4}, {2, 4}),
    ("positive_pressure", HIGH, {4}, {3, 4}, {3, 4}),
    ("device_unknown", LOW, {2, 3, 4}, {2, 3, 4}, {2, 4}),
    ("device_unknown", HIGH, {2, 3, 4}, {3, 4}, {3, 4}),
]


@pytest.mark.parametrize(("category", "dose", "astct", "ctcae5", "lee2014"), OPEN_HYPOTENSION)
def test_open_cells_of_hypotension(
    category: str, dose: str | None, astct: set[int], ctcae5: set[int], lee2014: set[int]
) -> None:
    for id, expected in zip(("astct", "ctcae5", "lee2014"), (astct, ctcae5, lee2014), strict=True):
        assert set(grades_of(scale(id).hypotension_grades(category, dose, False))) == expected, id


@pytest.mark.parametrize(("category", "fio2", "astct", "ctcae5", "lee2014"), OPEN_OXYGEN)
def test_open_cells_of_oxygen(
    category: str, fio2: str, astct: set[int], ctcae5: set[int], lee2014: set[int]
) -> None:
    for id, expected in zip(("astct", "ctcae5", "lee2014"), (astct, ctcae5, lee2014), strict=True):
        assert set(grades_of(scale(id).oxygen_grades(category, fio2))) == expected, id


@pytest.mark.parametrize(
    ("id", "expected"), [("astct", [1]), ("ctcae5", [1, 4]), ("lee2014", [1, 4]), ("penn", [1, 4])]
)
def test_a_tube_for_the_airway_alone(id: str, expected: list[int]) -> None:
    bits = scale(id).oxygen_grades("none", None, airway_tube=True)
    assert sorted({max(1, grade) for grade in grades_of(bits)}) == expected


TRAPS = [  # bugs that other people's code has
    ("a second vasopressor alone makes 4 on ASTCT", "astct", Patient("multiple", "low"), [4]),
    ("no ventilator is needed for it", "astct", Patient("multiple", "low", False, "none"), [4]),
    ("vasopressin is no second vasopressor on ASTCT", "astct", Patient("one_plus_vasopressin", "low"), [3]),
    ("hypotension without a vasopressor is 2", "astct", Patient("untreated"), [2]),
    ("BiPAP is 4 on ASTCT", "astct", Patient(oxygen="positive_pressure", fio2=LOW), [4]),
    ("three high doses stay 3 on Lee 2014", "lee2014", Patient("multiple", "high"), [3]),
    ("two grade 2 axes do not add up", "astct", Patient("fluids", oxygen="low_flow", fio2=LOW), [2]),
    ("any vasopressor is 4 on CTCAE v4.03", "ctcae4", Patient("one", "low"), [4]),
    ("fever alone is open on CTCAE v4.03", "ctcae4", Patient(), [1, 2, 3]),
]


@pytest.mark.parametrize(
    ("id", "patient", "expected"), [row[1:] for row in TRAPS], ids=[row[0] for row in TRAPS]
)
def test_traps(id: str, patient: Patient, expected: list[int]) -> None:
    assert febrile(id, patient) == expected

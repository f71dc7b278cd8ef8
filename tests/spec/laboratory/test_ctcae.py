"""CTCAE grades of laboratory values: every figure at, just under and just over; what is not known widens the set."""

import pytest

from tocsin.grading.laboratory import laboratory_grade
from tocsin.grading.sets import in_episode, worse_of
from tocsin.knowledge.laboratory import GROUPS, Limits, term_of, terms
from tocsin.knowledge.scales import grades_of, scale
from tocsin.knowledge.signals import signal
from tocsin.knowledge.vocabulary import SCALES

VERSIONS = (4, 5, 6)  # CTCAE v4.03, v5.0, v6.0

# signal, version, limits (low, high), baseline, value, grades
DECIDED = """
alt         4 - 40    -    40     0
alt         4 - 40    -    40.1   1
alt         4 - 40    -    120    1
alt         4 - 40    -    120.1  2
alt         4 - 40    -    200    2
alt         4 - 40    -    200.1  3
alt         4 - 40    -    800    3
alt         4 - 40    -    800.1  4
alt         5 - 40    40   120    1
alt         5 - 40    40   120.1  2
alt         5 - 40    40.1 60.1   0
alt         5 - 40    60   89.9   0
alt         5 - 40    60   90     1
alt         5 - 40    60   180    1
alt         5 - 40    60   180.1  2
alt         5 - 40    60   1200   3
alt         5 - 40    60   1200.1 4
alt         6 - 40    40   800.1  4
alt         6 - 40    60   59.9   0
alt         6 - 40    60   60     1
alt         6 - 40    60   90     1
alt         6 - 40    60   90.1   2
alt         6 - 40    60   120.1  3
alt         6 - 40    60   240    3
alt         6 - 40    60   240.1  4
ast         5 - 40    20   200.1  3
ast         6 - 40    80   160.1  3
bilirubin   4 - 1.0   -    1.0    0
bilirubin   4 - 1.0   -    1.5    1
bilirubin   4 - 1.0   -    1.6    2
bilirubin   4 - 1.0   -    3.0    2
bilirubin   4 - 1.0   -    3.1    3
bilirubin   4 - 1.0   -    10.0   3
bilirubin   4 - 1.0   -    10.1   4
bilirubin   5 - 1.0   2.0  2.0    0
bilirubin   5 - 1.0   2.0  6.0    2
bilirubin   5 - 1.0   2.0  6.1    3
bilirubin   6 - 1.0   2.0  2.0    1
bilirubin   6 - 1.0   2.0  5.0    2
bilirubin   6 - 1.0   2.0  5.1    3
creatinine  4 - 1.2   0.6  0.7    1
creatinine  5 - 1.2   0.6  0.7    0
creatinine  5 - 1.2   0.6  0.9    0
creatinine  5 - 1.2   0.6  0.91   2
creatinine  5 - 1.2   0.6  1.81   3
creatinine  5 - 1.0   1.0  1.5    1
creatinine  5 - 1.0   1.0  1.51   2
creatinine  5 - 1.0   1.0  3.0    2
creatinine  5 - 1.0   1.0  3.01   3
creatinine  5 - 1.0   1.0  6.0    3
creatinine  5 - 1.0   1.0  6.01   4
creatinine  6 0.5 1.2 0.6  1.0    0
creatinine  6 0.5 1.2 0.4  0.61   2
creatinine  6 0.5 1.2 0.4  1.21   3
creatinine  6 0.5 1.2 0.5  0.8    0
ptt         5 - 40    -    40     0
ptt         5 - 40    -    60     1
ptt         5 - 40    -    60.1   2
ptt         5 - 40    -    100    2
ptt         5 - 40    -    100.1  3
inr         4 - 1.1   -    1.1    0
inr         4 - 1.0   -    1.51   2
inr         5 - -     -    1.2    0
inr         5 - -     -    1.21   1
inr         5 - -     -    1.5    1
inr         5 - -     -    1.51   2
inr         5 - -     -    2.5    2
inr         5 - -     -    2.51   3
inr         6 - -     1.3  1.3    1
fibrinogen  4 200 -   300  225    2
fibrinogen  4 200 -   300  225.1  1
fibrinogen  5 200 -   200  200    0
fibrinogen  5 200 -   200  199.9  1
fibrinogen  5 200 -   200  150    2
fibrinogen  5 200 -   190  150    1
fibrinogen  5 200 -   190  149.9  2
fibrinogen  5 200 -   190  99.9   3
fibrinogen  5 200 -   400  201    0
fibrinogen  5 200 -   400  199    3
fibrinogen  5 200 -   400  100    4
fibrinogen  5 200 -   100  50     3
fibrinogen  5 200 -   100  49.9   4
"""
UNDECIDED = """
alt         4 - -     -    500    0,1,2,3,4
alt         5 - 40    -    100    0,1
alt         5 - 40    -    900    0,1,2,3,4
alt         6 - 40    -    30     0
creatinine  5 - 1.0   -    0.9    0,2,3
creatinine  5 - 1.0   -    6.1    4
creatinine  5 - -     1.0  2.0    2,3,4
inr         5 - -     1.0  1.3    1
inr         5 - -     0.8  1.3    1,2
fibrinogen  5 - -     -    49.9   4
fibrinogen  5 - -     -    50     0,1,2,3,4
"""


def _cases(table: str) -> list[tuple[str, int, Limits, float | None, float, list[int]]]:
    found: list[tuple[str, int, Limits, float | None, float, list[int]]] = []
    for line in table.strip().splitlines():
        name, version, low, high, baseline, value, grades = line.split()
        number = {word: None if word == "-" else float(word) for word in (low, high, baseline)}
        limits = Limits(number[low], number[high])
        found.append(
            (name, int(version), limits, number[baseline], float(value), [int(g) for g in grades.split(",")])
        )
    return found


@pytest.mark.parametrize(
    ("name", "version", "limits", "baseline", "value", "grades"), _cases(DECIDED) + _cases(UNDECIDED)
)
def test_grade(
    name: str, version: int, limits: Limits, baseline: float | None, value: float, grades: list[int]
) -> None:
    term = term_of(name)
    assert term is not None
    assert grades_of(laboratory_grade(term, version, value, limits, baseline)) == grades


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.id)
def test_every_term_stands_in_every_version_and_measures_a_signal_of_ours(term: object) -> None:
    from tocsin.knowledge.laboratory import Term

    assert isinstance(term, Term)
    assert signal(term.signal).numeric
    assert term.group in GROUPS
    for version in VERSIONS:
        assert term.of_version(version)


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.id)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_worse_value_never_has_a_lower_grade(term: object, version: int) -> None:
    from tocsin.knowledge.laboratory import Term

    assert isinstance(term, Term)
    limits, baseline = Limits(10.0, 20.0), 15.0
    values = [step / 2 for step in range(2, 1000)]
    grades = [
        max(grades_of(laboratory_grade(term, version, value, limits, baseline)))
        for value in (reversed(values) if term.falls else values)
    ]
    assert grades == sorted(grades)
    assert grades[-1] >= 3


# What each scale makes of the CTCAE grades 0 to 4: the sets, a group of organs in each line.
ORGANS = {
    "lee2014": {
        "liver_enzymes": "0 0 2 3 3",
        "liver": "0 0 2 3 4",
        "kidney": "0 0 2 3 4",
        "coagulation": "0 0 2 3 4",
    },
    "cartox": {
        "liver_enzymes": "0 1 2 3 3",
        "liver": "0 1 2 3 4",
        "kidney": "0 1 2 3 4",
        "coagulation": "0 1 2 3 4",
    },
    "penn": {
        "liver_enzymes": "0 0 0,2 2 3",
        "liver": "0 0 0,2 2,3 3,4",
        "kidney": "0 0 2 3 3,4",
        "coagulation": "0 0 0,2,3 0,2,3 0,2,3",
    },
}


@pytest.mark.parametrize("id", SCALES)
@pytest.mark.parametrize("group", GROUPS)
def test_what_a_scale_makes_of_an_organ(id: str, group: str) -> None:
    expected = ORGANS.get(id, {}).get(group, "0 0 0 0 0").split()
    found = [
        ",".join(str(grade) for grade in grades_of(scale(id).organ_grades(group, 1 << grade)))
        for grade in range(5)
    ]
    assert found == expected


def test_a_set_of_ctcae_grades_makes_the_union() -> None:
    assert grades_of(scale("lee2014").organ_grades("kidney", 0b11100)) == [2, 3, 4]


def test_joining_organs_to_a_finished_set_is_the_same_as_three_axes_and_fever_together() -> None:
    for axes in range(1, 32):
        for organs in range(1, 32):
            for fever, waived, gate in ((True, False, False), (False, False, False), (False, True, False)):
                joined = worse_of(in_episode(axes, fever=fever, waived=waived, gate=gate), organs)
                together = in_episode(worse_of(axes, organs), fever=fever, waived=waived, gate=gate)
                assert joined == together

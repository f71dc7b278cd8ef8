"""Better or worse since the last step of treatment: each axis, all together, and a clinician's word."""

import pytest

from tests.support.situations import fact, situation
from tocsin.guidance.course import response
from tocsin.knowledge.conditions import Value

START = (
    "-1h weight 80; 0h car_t; 48h temp 39.5; 50h sbp 80; 50h norepinephrine 6 until 60h; 52h tocilizumab 640"
)
YES, NO, OPEN = True, False, None


@pytest.mark.parametrize(
    ("later", "changes", "improving"),
    [
        ("60h norepinephrine 3 until 70h; 60h temp 37.5", ("better", "better", "absent"), YES),
        ("60h sbp 110; 61h temp 37.5", ("better", "better", "absent"), YES),
        ("60h norepinephrine 6 until 70h; 60h temp 37.5", ("better", "same", "absent"), OPEN),
        ("60h norepinephrine 6 until 70h; 60h temp 39.3", ("same", "same", "absent"), NO),
        ("60h norepinephrine 6 until 70h; 60h temp 39.0", ("same", "same", "absent"), NO),
        ("60h norepinephrine 3 until 70h; 60h temp 38.9", ("better", "better", "absent"), YES),
        ("60h norepinephrine 9 until 70h; 60h temp 37", ("better", "worse", "absent"), NO),
        (
            "60h norepinephrine 3 until 70h; 60h epinephrine 2 until 70h; 60h temp 37",
            ("better", "worse", "absent"),
            NO,
        ),
        (
            "60h norepinephrine 3 until 70h; 60h temp 37; 61h nasal_cannula; 61h flow 2",
            ("better", "better", "worse"),
            NO,
        ),
        ("60h norepinephrine 3 until 70h", ("unknown", "better", "absent"), OPEN),
        (
            "54h norepinephrine 12 until 60h; 60h norepinephrine 8 until 70h; 60h temp 37",
            ("better", "unknown", "absent"),
            OPEN,
        ),
        (
            "54h norepinephrine 12 until 60h; 60h norepinephrine 5 until 70h; 60h temp 37",
            ("better", "better", "absent"),
            YES,
        ),
        ("60h temp 37", ("better", "unknown", "absent"), OPEN),
    ],
)
def test_each_axis_and_all_together(later: str, changes: tuple[str, ...], improving: Value) -> None:
    found = situation(f"{START}; {later}", "61h")
    seen = response(found.chart, found.treatment)
    assert seen is not None
    assert (seen.fever, seen.pressure, seen.oxygen) == changes
    assert found.facts["improving"] is improving


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("nasal_cannula; 51h flow 4", "nasal_cannula; 60h flow 2", "better"),
        ("nasal_cannula; 51h flow 2", "nasal_cannula; 60h flow 4", "worse"),
        ("nasal_cannula; 51h flow 2", "nasal_cannula; 60h flow 2", "same"),
        ("nasal_cannula; 51h flow 2", "venturi_mask; 60h fio2 40", "worse"),
        ("venturi_mask; 51h fio2 50", "venturi_mask; 60h fio2 35", "better"),
        ("venturi_mask; 51h fio2 50", "room_air", "better"),
        ("nasal_cannula; 51h flow 2", "nasal_cannula; 60h spo2 95", "same"),
        ("nasal_cannula", "venturi_mask; 60h fio2 40", "unknown"),
        ("nasal_cannula until 55h; 51h flow 2", "seen", "unknown"),
    ],
)
def test_oxygen(before: str, after: str, change: str) -> None:
    chart = f"0h car_t; 48h temp 39; 51h {before}; 52h tocilizumab 640; 60h {after}"
    found = situation(chart)
    seen = response(found.chart, found.treatment)
    assert seen is not None
    assert seen.oxygen == change


def test_the_last_step_is_what_it_is_compared_with() -> None:
    """A glucocorticoid that goes on is no new step; the second dose of tocilizumab is."""
    worse = f"{START}; 52h dexamethasone 10; 60h norepinephrine 9 until 70h; 60h temp 39.5"
    better = "66h norepinephrine 7 until 80h; 66h temp 37"
    # 7 is more than the 6 at the first dose, though past the worst; and less than the 9 at the second.
    assert fact("improving", f"{worse}; 62h dexamethasone 10; {better}") is None
    assert fact("improving", f"{worse}; 62h tocilizumab 640; {better}") is True


@pytest.mark.parametrize(
    ("word", "improving"),
    [
        ("", NO),
        ("61h said response:improving", YES),
        ("61h said response:not_improving", NO),
        ("61h said response:improving; 62h norepinephrine 12 until 80h", NO),  # it got worse after the word
        ("51h said response:improving", NO),  # said before the last dose
        ("61h said response:improving; 62h said response:not_improving", NO),
    ],
)
def test_a_word_wins_until_it_gets_worse(word: str, improving: Value) -> None:
    chart = f"{START}; 60h norepinephrine 6 until 80h; 60h temp 39.4; 60h sbp 92; {word}"
    assert fact("improving", chart, "63h") is improving


def test_before_any_treatment_there_is_no_response() -> None:
    assert fact("improving", "0h car_t; 48h temp 39; 50h temp 38.5") is None


MILD = "0h haplo_hct; 30h temp 39; 31h acetaminophen 1000"


@pytest.mark.parametrize(
    ("later", "worse"),
    [
        ("36h temp 39.1", NO),
        ("36h temp 39.8", YES),  # the same state, a higher fever
        ("36h sbp 82; 36h bolus 500; 36h temp 39", OPEN),  # a step up: open to judgement
        ("36h nasal_cannula; 36h flow 2; 36h temp 39; 40h flow 4", YES),
        ("36h sbp 82; 36h bolus 500; 36h temp 39; 37h said severity:mild", NO),
        ("36h temp 39; 37h said response:not_improving", YES),
        ("36h temp 39; 37h said response:improving", NO),
        ("36h sbp 78; 36h norepinephrine 4 until 50h", NO),  # severe, no longer mild
        ("36h temp 39.9; 37h dexamethasone 8", NO),  # treated
    ],
)
def test_mild_and_getting_worse_on_symptomatic_care(later: str, worse: Value) -> None:
    """MGT-010."""
    assert fact("deteriorating_on_symptomatic_care", f"{MILD}; {later}") is worse

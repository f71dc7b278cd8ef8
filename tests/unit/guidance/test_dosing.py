"""Doses at, under and over each bound; caps; refusals; orders that must not be given."""

import datetime as dt

import pytest

from tests.support.situations import advised, situation
from tocsin.guidance.dosing import Refusal, WorkedDose, choose, refuse_order, taper_calendar, work_out
from tocsin.guidance.person import Person, body_surface, implausible_weight
from tocsin.knowledge.dosing import doses

TOCILIZUMAB = ("tocilizumab_under_30", "tocilizumab_from_30")
DEXAMETHASONE = ("dexamethasone_engager_from_45", "dexamethasone_engager_under_45")


def worked(ids: tuple[str, ...], who: Person) -> WorkedDose:
    """The one dose that fits a person."""
    (one,) = choose(ids, who)
    found = work_out(one.id, who)
    assert isinstance(found, WorkedDose)
    return found


@pytest.mark.parametrize(
    ("kg", "mg", "says"),
    [
        (10, 120, "12 mg/kg x 10 kg = 120 mg"),
        (29.9, 358.8, "12 mg/kg x 29.9 kg = 358.8 mg"),
        (30, 240, "8 mg/kg x 30 kg = 240 mg"),
        (30.1, 240.8, "8 mg/kg x 30.1 kg = 240.8 mg"),
        (99, 792, "8 mg/kg x 99 kg = 792 mg"),
        (100, 800, "8 mg/kg x 100 kg = 800 mg"),
        (101, 800, "8 mg/kg x 101 kg = 808 mg, capped at 800 mg"),
        (250, 800, "8 mg/kg x 250 kg = 2000 mg, capped at 800 mg"),
    ],
)
def test_tocilizumab_by_weight(kg: float, mg: float, says: str) -> None:
    """TOC-001, TOC-002, TOC-003."""
    found = worked(TOCILIZUMAB, Person(weight_kg=kg))
    assert (found.amount, found.unit, found.route, found.interval_h) == (mg, "mg", "IV", 8)
    assert found.arithmetic.startswith(says)
    assert found.arithmetic.endswith("not rounded")


@pytest.mark.parametrize(
    ("id", "amount", "interval", "day"),
    [
        ("hydrocortisone_car_t", 100, 8, 300),  # STE-001
        ("dexamethasone_car_t", 10, 6, 40),  # STE-002
        ("methylprednisolone_car_t", 70, 24, 70),  # STE-003
    ],
)
def test_the_three_glucocorticoids_stay_apart(id: str, amount: float, interval: float, day: float) -> None:
    found = work_out(id, Person(weight_kg=70))
    assert isinstance(found, WorkedDose)
    assert (found.amount, found.interval_h) == (amount, interval)
    assert amount * 24 / interval == day
    assert (
        found.drug == doses()[id].drug == id.removesuffix("_car_t")
    )  # none is turned into another (CON-030)


@pytest.mark.parametrize(
    ("kg", "bsa", "mg"),
    [
        (44.9, 1.4, 7.0),
        (44.9, 1.59, 7.95),
        (44.9, 1.60, 8.0),
        (44.9, 1.61, 8.0),
        (45, 1.4, 8.0),
        (45.1, None, 8.0),
    ],
)
def test_dexamethasone_of_an_engager(kg: float, bsa: float | None, mg: float) -> None:
    """BLN-003 from 45 kg, BLN-004 under it: capped at 8 mg, three days, a taper of four (BLN-005)."""
    found = worked(DEXAMETHASONE, Person(weight_kg=kg, bsa_m2=bsa))
    assert (found.amount, found.interval_h, found.max_days, found.taper_days) == (mg, 8, 3, 4)


def test_dexamethasone_under_45_kg_needs_a_surface() -> None:
    found = work_out(DEXAMETHASONE[1], Person(weight_kg=30))
    assert isinstance(found, Refusal)
    assert "body surface" in found.why


@pytest.mark.parametrize(
    ("kg", "bsa", "resume", "escalate"),
    [(44.9, 1.4, 7.0, 21.0), (45, 1.4, 9.0, 28.0), (44.9, 1.9, 9.0, 28.0)],
)
def test_blinatumomab_resumed_and_escalated(kg: float, bsa: float, resume: float, escalate: float) -> None:
    """BLN-008, BLN-009: under 45 kg by surface, never above the step of an adult."""
    who = Person(weight_kg=kg, bsa_m2=bsa)
    steps = [
        worked((f"blinatumomab_{step}_from_45", f"blinatumomab_{step}_under_45"), who)
        for step in ("resume", "escalate")
    ]
    assert [one.amount for one in steps] == [resume, escalate]
    assert {one.unit for one in steps} == {"ug/d"}


@pytest.mark.parametrize(
    ("kg", "low", "high"),
    [(30, 60, 1000), (80, 160, 1000), (499, 998, 1000), (500, 1000, None), (501, 1000, None)],
)
def test_high_dose_methylprednisolone_is_a_range(kg: float, low: float, high: float | None) -> None:
    """STE-007, PER-006, CON-015: 2 mg/kg a day is the floor, 1 g the ceiling."""
    found = work_out("methylprednisolone_high", Person(weight_kg=kg))
    assert isinstance(found, WorkedDose)
    assert (found.amount, found.amount_to, found.max_days, found.per) == (low, high, 3, "day")


def test_no_weight_no_dose_by_weight_and_both_bands() -> None:
    assert [one.id for one in choose(TOCILIZUMAB, Person())] == list(TOCILIZUMAB)
    for id in (*TOCILIZUMAB, "methylprednisolone_car_t", "methylprednisolone_high"):
        assert isinstance(work_out(id, Person()), Refusal)
    assert isinstance(work_out("dexamethasone_car_t", Person()), WorkedDose)  # a fixed dose needs none


@pytest.mark.parametrize(
    ("kg", "age", "height", "refused"),
    [
        (0, 50, None, True), (1.9, 0.1, None, True), (2, 0.1, None, False), (300, 50, None, False), (301, 50, None, True),
        (700, 50, None, True), (29.9, 18, None, True), (30, 18, None, False), (29.9, 17.9, None, False),
        (29.9, None, None, False),
        (80, 50, 180, False), (80, 50, 95, True), (80, 50, 310, False),
    ],
)  # fmt: skip
def test_a_weight_that_cannot_be_right(
    kg: float, age: float | None, height: float | None, refused: bool
) -> None:
    assert bool(implausible_weight(kg, age, height, adult_from=18)) == refused


@pytest.mark.parametrize(
    ("weights", "known"),
    [
        ("0h weight 80", 80),
        ("0h weight 80; 24h weight 96", 96),  # 20 % more: still read
        ("0h weight 80; 24h weight 96.1", None),
        ("0h weight 80; 24h weight 176.4", None),  # pounds
        ("0h weight 176.4; 24h weight 80", None),
        ("0h weight 80; 168h weight 100", None),
        ("0h weight 80; 169h weight 100", 100),  # a week and an hour later it may be true
        ("0h seen", None),
    ],
)
def test_the_weight_that_is_dosed_by(weights: str, known: float | None) -> None:
    found = situation(f"{weights}; 169h car_t; 170h temp 37").person
    assert found.weight_kg == known
    assert bool(found.doubts) == (known is None)


def test_pounds_are_named() -> None:
    (doubt,) = situation("0h weight 80; 24h weight 176.4; 25h car_t; 26h temp 37").person.doubts
    assert "kg and pounds" in doubt.why


def test_mosteller() -> None:
    value, said = body_surface(30, 120)
    assert value == 1.0
    assert said == "Mosteller: root of 120 cm x 30 kg / 3600 = 1.000 m2"


def test_a_dose_by_surface_shows_how_the_surface_was_come_by() -> None:
    """BLN-004: 120 cm and 30 kg make 1 m2, so 5 mg."""
    found = work_out(
        DEXAMETHASONE[1], situation("0h weight 30; 0h height 120; 1h car_t; 2h temp 37", birth=None).person
    )
    assert isinstance(found, WorkedDose)
    assert found.arithmetic.startswith(
        "body surface Mosteller: root of 120 cm x 30 kg / 3600 = 1.000 m2; 5 mg/m2 x 1.000 m2 = 5 mg"
    )


def test_a_charted_surface_wins() -> None:
    found = situation("0h weight 30; 0h height 120; 0h body_surface_area 1.1; 1h car_t; 2h temp 37").person
    assert (found.bsa_m2, found.bsa_said) == (1.1, "as charted")


@pytest.mark.parametrize(
    ("drug", "amount", "unit", "refused"),
    [
        ("blinatumomab", 9, "ug/d", False), ("blinatumomab", 28, "mcg/day", False), ("blinatumomab", 28, "µg/d", False),
        ("blinatumomab", 28.1, "ug/d", True), ("blinatumomab", 9, "mg/d", True), ("blinatumomab", 9, "mg", True),
        ("blinatumomab", 9, "", True), ("tocilizumab", 800, "mg", False), ("tocilizumab", 801, "mg", True),
        ("paracetamol", 1000, "mg", False),
    ],
)  # fmt: skip
def test_orders_that_must_not_be_given(drug: str, amount: float, unit: str, refused: bool) -> None:
    """CON-005, PRV-006: micrograms, never milligrams, and never above 28 a day; TOC-003."""
    assert bool(refuse_order(drug, amount, unit)) == refused


def test_the_calendar_of_a_taper() -> None:
    """BLN-005: three full days, four of taper, seven in all."""
    start = dt.datetime(2025, 3, 1, 22, tzinfo=dt.UTC)
    days = taper_calendar(DEXAMETHASONE[0], start)
    assert [what for _, _, what in days] == ["full dose", *(f"taper, day {day} of 4" for day in (1, 2, 3, 4))]
    assert (days[0][0], days[0][1], days[-1][1]) == (
        start,
        start + dt.timedelta(days=3),
        start + dt.timedelta(days=7),
    )


def test_a_fixed_dose_of_an_adult_is_refused_to_a_child() -> None:
    """STE-001 and STE-002 have one figure each: in a child of four it is not worked out."""
    chart = "-1h weight 22; 0h car_t; 48h temp 39.5; 50h norepinephrine 2 until 60h; 51h temp 39.5"
    child = {one.id: one for one in advised(chart, birth=dt.date(2021, 1, 1)).items}
    adult = {one.id: one for one in advised(chart.replace("22", "72")).items}
    assert [id for id in ("STE-001", "STE-002", "STE-003", "TOC-001") if child[id].dose] == [
        "STE-003",
        "TOC-001",
    ]
    assert [id for id in ("STE-001", "STE-002", "STE-003", "TOC-002") if not adult[id].dose] == []
    assert "does not speak of children" in child["STE-001"].text


def test_a_band_by_weight_holds_for_children_too() -> None:
    assert isinstance(work_out(DEXAMETHASONE[0], Person(age_y=14, weight_kg=50, child=True)), WorkedDose)

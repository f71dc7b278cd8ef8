"""Flags: each is on while what it says applies."""

import datetime as dt

import pytest

from tests.support.charts import Case, case, check_rows

START = "0h car_t; 0h temp 39;"
CROSSED = "systolic_not_above_diastolic"
CASES = [
    case("nothing to say", f"{START} 1h seen", "0h -"),
    case("age unknown", f"{START} 1h seen", "0h age_unknown", birth=None),
    case(
        "a product that knowledge does not have",
        "0h car_t/zz_unheard_of; 0h temp 39; 1h seen",
        "0h product_unknown",
    ),
    case("one that it has", "0h car_t/axicabtagene_ciloleucel; 0h temp 39; 1h seen", "0h -"),
    case(
        "systolic under the diastolic of its instant, until the next systolic",
        f"{START} 1h sbp 90; 1h dbp 95; 2h seen; 3h sbp 100; 4h seen",
        "0h -",
        f"1h {CROSSED}",
        "3h -",
    ),
    case("at the diastolic, too", f"{START} 1h sbp 95; 1h dbp 95; 2h seen", "0h -", f"1h {CROSSED}"),
    case(
        "a diastolic of another instant is not compared", f"{START} 1h sbp 100; 2h dbp 110; 3h seen", "0h -"
    ),
    case("the lowest of each counts", f"{START} 1h sbp 95; 1h dbp 95; 1h dbp 50; 2h seen", "0h -"),
    case(
        "two at once are both named",
        f"{START} 1h sbp 95; 1h dbp 95; 2h vasopressin 0.03 until 3h; 4h seen",
        "0h -",
        f"1h {CROSSED}",
        f"2h {CROSSED}+vasopressin_ignored",
        f"3h {CROSSED}",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_flags(one: Case) -> None:
    check_rows(one, ("flags",))


EVIDENCE = ("evidence_fever", "evidence_pressure", "evidence_vasopressor", "evidence_oxygen")
ROWS = [
    case(
        "the last temperature that counts, also once fever is gone",
        "0h car_t; 0h temp 39; 3h temp 38; 4h temp 37; 5h sbp 80; 28h seen",
        "0h 2 - - -",
        "5h 3 5 - -",
        "11h 3 - - -",
    ),
    case(
        "of equal temperatures of one instant the lowest id",
        "0h car_t; 0h temp 39; 0h temp 39; 1h seen",
        "0h 2 - - -",
    ),
    case(
        "of the counted vasopressors the record that started last",
        "0h car_t; 0h temp 39; 1h norepinephrine 5; 2h dopamine 2; 3h seen",
        "0h 2 - - -",
        "1h 2 - 3 -",
        "2h 2 - 4 -",
    ),
    case(
        "of one instant the lowest id",
        "0h car_t; 0h temp 39; 1h dopamine 2; 1h norepinephrine 5; 3h seen",
        "0h 2 - - -",
        "1h 2 - 3 -",
    ),
    case(
        "the device's record",
        "0h car_t; 0h temp 39; 1h flow 2; 1h nasal_cannula; 3h seen",
        "0h 2 - - -",
        "1h 2 - - 4",
    ),
    case(
        "without a device the later of flow and FiO2",
        "0h car_t; 0h temp 39; 1h flow 2; 2h fio2 40; 3h seen",
        "0h 2 - - -",
        "1h 2 - - 3",
        "2h 2 - - 4",
    ),
    case(
        "none for what is attributed elsewhere",
        "0h car_t; 0h temp 39; 1h sbp 80; 2h said hypotension:other; 3h seen",
        "0h 2 - - -",
        "1h 2 3 - -",
        "2h 2 - - -",
    ),
]


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_evidence(one: Case) -> None:
    check_rows(one, EVIDENCE)


DRIVER = [
    case("fever while both axes are clear", f"{START} 1h seen", "0h fever"),
    case(
        "the axis that reaches higher",
        f"{START} 1h sbp 80; 2h bipap until 3h; 4h seen",
        "0h fever",
        "1h hypotension",
        "2h hypoxia",
        "3h hypotension",
    ),
    case(
        "both when they reach alike",
        f"{START} 1h norepinephrine 5; 1h simple_face_mask; 2h seen",
        "0h fever",
        "1h both",
    ),
    case(
        "by the cause's scale of record: CTCAE v5 calls a mask with unknown FiO2 2 or 3",
        "0h antibody; 0h temp 39; 1h norepinephrine 5; 1h simple_face_mask; 2h fio2 30; 3h seen",
        "0h fever",
        "1h both",
        "2h hypotension",
    ),
]


@pytest.mark.parametrize("one", DRIVER, ids=lambda one: one.name)
def test_driver(one: Case) -> None:
    check_rows(one, ("driver",))


def test_a_child_has_no_flag_for_its_age() -> None:
    check_rows(case("a child", f"{START} 1h seen", "0h -", birth=dt.date(2020, 1, 1)), ("flags",))

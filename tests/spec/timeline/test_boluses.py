"""Fluid boluses: only those given in hypotension hold, and two within a day are repeated."""

import pytest

from tests.support.charts import Case, case, check_rows

COLUMNS = ("hypotension", "astct")
START = "0h car_t; 0h temp 39;"
NONE = "0h none 1"
CASES = [
    case("a bolus without hypotension is nothing", f"{START} 1h bolus 500; 2h seen", NONE),
    case(
        "a bolus in low pressure", f"{START} 1h sbp 80; 2h bolus 500", NONE, "1h untreated 2", "2h fluids 2"
    ),
    case("readings of its instant apply before it", f"{START} 2h bolus 500; 2h sbp 80", NONE, "2h fluids 2"),
    case(
        "a reading that ends the low pressure then, too",
        f"{START} 1h sbp 80; 3h sbp 120; 3h bolus 500; 4h seen",
        NONE,
        "1h untreated 2",
        "3h none 1",
    ),
    case(
        "it holds 6 h whatever the pressure does",
        f"{START} 1h sbp 80; 2h bolus 500; 3h sbp 120; 8h-1us seen",
        NONE,
        "1h untreated 2",
        "2h fluids 2",
    ),
    case(
        "and no longer",
        f"{START} 1h sbp 80; 2h bolus 500; 3h sbp 120; 9h seen",
        NONE,
        "1h untreated 2",
        "2h fluids 2",
        "8h none 1",
    ),
    case(
        "it sees a low pressure that expires at its instant",
        f"{START} 1h sbp 80; 7h bolus 500; 14h seen",
        NONE,
        "1h untreated 2",
        "7h fluids 2",
        "13h none 1",
    ),
    case(
        "a microsecond later it does not",
        f"{START} 1h sbp 80; 7h+1us bolus 500; 9h seen",
        NONE,
        "1h untreated 2",
        "7h none 1",
    ),
    case(
        "it sees a bolus hold that expires at its instant",
        f"{START} 1h sbp 80; 2h bolus 500; 3h sbp 120; 8h bolus 500; 15h seen",
        NONE,
        "1h untreated 2",
        "2h fluids 2",
        "8h fluids_repeated 2",
        "14h none 1",
    ),
    case(
        "two boluses are repeated",
        f"{START} 1h sbp 80; 2h bolus 500; 3h bolus 250; 10h seen",
        NONE,
        "1h untreated 2",
        "2h fluids 2",
        "3h fluids_repeated 2",
        "9h none 1",
    ),
    case(
        "boluses of one instant are one",
        f"{START} 1h sbp 80; 2h bolus 500; 2h bolus 250; 5h seen",
        NONE,
        "1h untreated 2",
        "2h fluids 2",
    ),
    case(
        "a bolus that found no hypotension does not make the next one repeated",
        f"{START} 1h bolus 500; 2h sbp 80; 3h bolus 500",
        NONE,
        "2h untreated 2",
        "3h fluids 2",
    ),
    case(
        "repeated only while both lie in the last 24 h",
        f"{START} 1h sbp 80; 2h bolus 500; 20h temp 39; 24h sbp 80; 25h bolus 500; 32h seen",
        NONE,
        "1h untreated 2",
        "2h fluids 2",
        "8h none 1",
        "24h untreated 2",
        "25h fluids_repeated 2",
        "26h fluids 2",
        "31h none 1",
    ),
    case(
        "a bolus exactly 24 h ago lies outside",
        f"{START} 1h sbp 80; 2h bolus 500; 20h temp 39; 24h sbp 80; 26h bolus 500; 27h seen",
        NONE,
        "1h untreated 2",
        "2h fluids 2",
        "8h none 1",
        "24h untreated 2",
        "26h fluids 2",
    ),
    case(
        "a bolus while a vasopressor runs holds after it",
        f"{START} 1h norepinephrine 5 until 3h; 2h bolus 500; 9h seen",
        NONE,
        "1h one 3",
        "3h fluids 2",
        "8h none 1",
    ),
    case(
        "a bolus at the instant a vasopressor ends still sees it",
        f"{START} 1h norepinephrine 5 until 3h; 3h bolus 500; 4h seen",
        NONE,
        "1h one 3",
        "3h fluids 2",
    ),
    case(
        "a bolus at the instant a rate of 0 stops it does not",
        f"{START} 1h norepinephrine 5; 3h norepinephrine 0; 3h bolus 500; 4h seen",
        NONE,
        "1h one 3",
        "3h none 1",
    ),
    case(
        "vasopressin alone is no hypotension that a bolus could answer",
        f"{START} 1h vasopressin 0.03 until 9h; 2h bolus 500; 3h seen",
        NONE,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_boluses(one: Case) -> None:
    check_rows(one, COLUMNS)

"""Vasopressors: how long a record runs, how many count; vasopressin, tracked apart."""

import pytest

from tests.support.charts import Case, case, check_rows

START = "0h car_t; 0h temp 39;"
RUNS = ("hypotension", "dose_band")
NONE = "0h none -"
INFUSIONS = [
    case(
        "a record with an end runs to its end",
        f"{START} 1h norepinephrine 5 until 3h; 4h seen",
        NONE,
        "1h one low",
        "3h none -",
    ),
    case(
        "touching records are one run",
        f"{START} 1h norepinephrine 5 until 3h; 3h norepinephrine 6 until 5h; 6h seen",
        NONE,
        "1h one low",
        "5h none -",
    ),
    case(
        "a gap of one microsecond is a gap",
        f"{START} 1h norepinephrine 5 until 3h; 3h+1us norepinephrine 5 until 5h; 6h seen",
        NONE,
        "1h one low",
        "3h none -",
        "3h+1us one low",
        "5h none -",
    ),
    case(
        "a record without an end runs to the agent's next record",
        f"{START} 1h norepinephrine 5; 2h norepinephrine 8 until 4h; 5h seen",
        NONE,
        "1h one low",
        "4h none -",
    ),
    case(
        "not to another agent's",
        f"{START} 1h norepinephrine 5; 2h epinephrine 1 until 4h; 5h seen",
        NONE,
        "1h one low",
        "2h multiple low",
        "4h one low",
    ),
    case(
        "else it runs 24 h, to the microsecond",
        f"{START} 1h norepinephrine 5; 25h-1us seen",
        NONE,
        "1h one low",
    ),
    case(
        "and is over at 24 h sharp",
        f"{START} 1h norepinephrine 5; 25h seen",
        NONE,
        "1h one low",
        "25h none -",
    ),
    case(
        "a rate of 0 stops all that the agent had running",
        f"{START} 1h norepinephrine 5 until 9h; 2h norepinephrine 6 until 9h; 4h norepinephrine 0; 5h seen",
        NONE,
        "1h one low",
        "4h none -",
    ),
    case(
        "but not other agents",
        f"{START} 1h norepinephrine 5; 2h epinephrine 1; 4h norepinephrine 0; 5h seen",
        NONE,
        "1h one low",
        "2h multiple low",
        "4h one low",
    ),
    case(
        "running wins over a stop of the same instant",
        f"{START} 1h norepinephrine 5; 3h norepinephrine 0; 3h norepinephrine 4; 4h seen",
        NONE,
        "1h one low",
    ),
    case(
        "of two records of one instant each runs to its own end, the higher rate while both run",
        f"{START} 1h norepinephrine 5 until 8h; 1h norepinephrine 25 until 5h; 9h seen",
        NONE,
        "1h one low",
        "4h one high",
        "5h one low",
        "8h none -",
    ),
    case(
        "the rate is that of the record that started last; when it ends the older one shows again",
        f"{START} 1h norepinephrine 25 until 11h; 5h norepinephrine 5 until 7h; 12h seen",
        NONE,
        "1h one low",
        "4h one high",
        "5h one low",
        "10h one high",
        "11h none -",
    ),
    case(
        "a known rate wins over an unknown one of the same instant",
        f"{START} 1h norepinephrine ?; 1h norepinephrine 25; 5h seen",
        NONE,
        "1h one low",
        "4h one high",
    ),
    case(
        "an active vasopressor counts whatever the pressure reads",
        f"{START} 1h norepinephrine 5 until 3h; 2h sbp 140; 4h seen",
        NONE,
        "1h one low",
        "3h none -",
    ),
    *(
        case(f"{agent} counts", f"{START} 1h {agent} 1 until 3h; 4h seen", NONE, "1h one low", "3h none -")
        for agent in ("norepinephrine", "epinephrine", "phenylephrine", "dopamine", "angiotensin_ii")
    ),
    *(
        case(f"{agent} never counts", f"{START} 1h {agent} 1 until 3h; 4h seen", NONE)
        for agent in ("dobutamine", "milrinone")
    ),
    case(
        "two agents are multiple",
        f"{START} 1h norepinephrine 5 until 5h; 2h dopamine 2 until 4h; 6h seen",
        NONE,
        "1h one low",
        "2h multiple low",
        "4h one low",
        "5h none -",
    ),
]

ALONE = ("hypotension", "flags")
VASOPRESSIN = [
    case(
        "vasopressin started in low pressure",
        f"{START} 1h sbp 80; 2h vasopressin 0.03 until 5h; 8h seen",
        NONE,
        "1h untreated -",
        "2h vasopressin_alone -",
        "5h untreated -",
        "7h none -",
    ),
    case(
        "it keeps its meaning when the pressure is restored",
        f"{START} 1h sbp 80; 2h vasopressin 0.03 until 5h; 3h sbp 120; 8h seen",
        NONE,
        "1h untreated -",
        "2h vasopressin_alone -",
        "5h none -",
    ),
    case(
        "not started in hypotension it is ignored, with a flag",
        f"{START} 2h vasopressin 0.03 until 5h; 8h seen",
        NONE,
        "2h none vasopressin_ignored",
        "5h none -",
    ),
    case(
        "and stays ignored when the pressure falls later",
        f"{START} 2h vasopressin 0.03 until 5h; 3h sbp 80; 6h seen",
        NONE,
        "2h none vasopressin_ignored",
        "3h untreated vasopressin_ignored",
        "5h untreated -",
    ),
    case(
        "its start sees a low pressure that expires at that instant",
        f"{START} 1h sbp 80; 7h vasopressin 0.03 until 9h; 10h seen",
        NONE,
        "1h untreated -",
        "7h vasopressin_alone -",
        "9h none -",
    ),
    case(
        "and a vasopressor that starts then",
        f"{START} 2h norepinephrine 5 until 4h; 2h vasopressin 0.03 until 6h; 7h seen",
        NONE,
        "2h one_plus_vasopressin -",
        "4h vasopressin_alone -",
        "6h none -",
    ),
    case(
        "but not one that a rate of 0 stops then",
        f"{START} 1h norepinephrine 5; 2h norepinephrine 0; 2h vasopressin 0.03 until 4h; 5h seen",
        NONE,
        "1h one -",
        "2h none vasopressin_ignored",
        "4h none -",
    ),
    case(
        "a new run may start in hypotension",
        f"{START} 1h vasopressin 0.03 until 3h; 4h sbp 80; 5h vasopressin 0.03 until 6h; 7h seen",
        NONE,
        "1h none vasopressin_ignored",
        "3h none -",
        "4h untreated -",
        "5h vasopressin_alone -",
        "6h untreated -",
    ),
    case(
        "with one vasopressor it is one_plus_vasopressin, however it started",
        f"{START} 1h vasopressin 0.03 until 9h; 2h norepinephrine 5 until 4h; 10h seen",
        NONE,
        "1h none vasopressin_ignored",
        "2h one_plus_vasopressin -",
        "4h none vasopressin_ignored",
        "9h none -",
    ),
    case(
        "with two vasopressors it adds nothing",
        f"{START} 1h norepinephrine 5 until 4h; 1h dopamine 2 until 4h; 1h vasopressin 0.03 until 4h; "
        "5h seen",
        NONE,
        "1h multiple -",
        "4h none -",
    ),
    case(
        "said to be for something else, it is ignored until the opposite is said",
        f"{START} 1h sbp 80; 2h vasopressin 0.03 until 9h; 3h said vasopressin:not_for_hypotension; "
        "5h said vasopressin:for_hypotension; 6h seen",
        NONE,
        "1h untreated -",
        "2h vasopressin_alone -",
        "3h untreated vasopressin_ignored",
        "5h vasopressin_alone -",
    ),
    case(
        "the second word only ends the first: it makes nothing of vasopressin not started in hypotension",
        f"{START} 1h said vasopressin:for_hypotension; 2h vasopressin 0.03 until 4h; 5h seen",
        NONE,
        "2h none vasopressin_ignored",
        "4h none -",
    ),
    case(
        "no flag while hypotension is attributed elsewhere",
        f"{START} 1h said hypotension:other; 2h vasopressin 0.03 until 4h; 5h seen",
        NONE,
    ),
    case(
        "it holds before fluids",
        f"{START} 1h sbp 80; 2h bolus 500; 3h vasopressin 0.03 until 4h; 5h seen",
        NONE,
        "1h untreated -",
        "2h fluids -",
        "3h vasopressin_alone -",
        "4h fluids -",
    ),
]


@pytest.mark.parametrize("one", INFUSIONS, ids=lambda one: one.name)
def test_infusions(one: Case) -> None:
    check_rows(one, RUNS)


@pytest.mark.parametrize("one", VASOPRESSIN, ids=lambda one: one.name)
def test_vasopressin(one: Case) -> None:
    check_rows(one, ALONE)

"""Low pressure: limits by age, the hold, the two halves."""

import datetime as dt

import pytest

from tests.support.charts import DAY_ZERO, Case, case, check_rows

COLUMNS = ("hypotension", "evidence_pressure")
START = "0h car_t; 0h temp 39;"  # records 1 and 2; the pressures of a case count on from 3
NONE = "0h none -"


def born(days: int) -> dt.date:
    """A birth so many days before the first."""
    return DAY_ZERO.date() - dt.timedelta(days=days)


MONTH_OLD, YEAR_OLD, FIVE, TEN, EIGHTEEN = born(30), born(365), born(1826), born(3652), born(6574)

CASES = [
    case("adult: systolic 89.9 is low", f"{START} 1h sbp 89.9", NONE, "1h untreated 3"),
    case("adult: systolic 90 is not", f"{START} 1h sbp 90", NONE),
    case("adult: mean 64.9 is low", f"{START} 1h map 64.9", NONE, "1h untreated 3"),
    case("adult: mean 65 is not", f"{START} 1h map 65", NONE),
    case("held until one microsecond before 6 h", f"{START} 1h sbp 80; 7h-1us seen", NONE, "1h untreated 3"),
    case("gone at 6 h sharp", f"{START} 1h sbp 80; 7h seen", NONE, "1h untreated 3", "7h none -"),
    case(
        "a low reading at that instant renews it",
        f"{START} 1h sbp 80; 7h sbp 85; 8h seen",
        NONE,
        "1h untreated 3",
    ),
    case(
        "a reading that is not low ends its half at once",
        f"{START} 1h sbp 80; 2h sbp 90",
        NONE,
        "1h untreated 3",
        "2h none -",
    ),
    case(
        "its own half only: a low mean goes on",
        f"{START} 1h sbp 80; 1h map 60; 2h sbp 120; 3h map 70",
        NONE,
        "1h untreated 3",
        "3h none -",
    ),
    case(
        "of two low halves the later reading is the evidence (a row is made by something else)",
        f"{START} 1h sbp 80; 2h map 60; 2h nasal_cannula until 3h",
        NONE,
        "1h untreated 3",
        "2h untreated 4",
    ),
    case(
        "of two readings at one instant the lower counts",
        f"{START} 1h sbp 120; 1h sbp 85",
        NONE,
        "1h untreated 4",
    ),
    case(
        "of two equal ones the lowest id is the evidence",
        f"{START} 1h sbp 85; 1h sbp 85",
        NONE,
        "1h untreated 3",
    ),
    case(
        "attributed elsewhere it reads as none",
        f"{START} 1h sbp 80; 2h said hypotension:other; 3h said hypotension:crs",
        NONE,
        "1h untreated 3",
        "2h none -",
        "3h untreated 3",
    ),
    case("age unknown: the adult's limits", f"{START} 1h sbp 89", NONE, "1h untreated 3", birth=None),
    case("age unknown: the adult's mean", f"{START} 1h map 64", NONE, "1h untreated 3", birth=None),
    # 30 days old at 0h; a month (a twelfth of 365.25 days) at 10h30m
    case("under a month: 59.9 is low", f"{START} 1h sbp 59.9", NONE, "1h untreated 3", birth=MONTH_OLD),
    case("under a month: 60 is not", f"{START} 10h30m-1us sbp 60", NONE, birth=MONTH_OLD),
    case("from a month: 60 is low", f"{START} 10h30m sbp 60", NONE, "10h30m untreated 3", birth=MONTH_OLD),
    case("from a month: 69.9 is low", f"{START} 11h sbp 69.9", NONE, "11h untreated 3", birth=MONTH_OLD),
    case("from a month: 70 is not", f"{START} 11h sbp 70", NONE, birth=MONTH_OLD),
    # 365 days old at 0h; a year at 6h
    case("under a year: 70 is not low", f"{START} 6h-1us sbp 70", NONE, birth=YEAR_OLD),
    case("from a year: 70 is low", f"{START} 6h sbp 70", NONE, "6h untreated 3", birth=YEAR_OLD),
    case("one year: 71.9 is low", f"{START} 7h sbp 71.9", NONE, "7h untreated 3", birth=YEAR_OLD),
    case("one year: 72 is not", f"{START} 7h sbp 72", NONE, birth=YEAR_OLD),
    # 1826 days old at 0h; five years at 6h
    case("four whole years: 78 is not low", f"{START} 6h-1us sbp 78", NONE, birth=FIVE),
    case("five years: 79.9 is low", f"{START} 6h sbp 79.9", NONE, "6h untreated 3", birth=FIVE),
    case("five years: 80 is not", f"{START} 6h sbp 80", NONE, birth=FIVE),
    # 3652 days old at 0h; ten years at 12h
    case("nine years: 87.9 is low", f"{START} 1h sbp 87.9", NONE, "1h untreated 3", birth=TEN),
    case("nine years: 88 is not", f"{START} 12h-1us sbp 88", NONE, birth=TEN),
    case("ten years: 89.9 is low", f"{START} 12h sbp 89.9", NONE, "12h untreated 3", birth=TEN),
    case("ten years: 90 is not", f"{START} 12h sbp 90", NONE, birth=TEN),
    # 6574 days old at 0h; eighteen years at 12h
    case("seventeen: the mean is not judged", f"{START} 12h-1us map 40", NONE, birth=EIGHTEEN),
    case("seventeen: 89.9 is low", f"{START} 1h sbp 89.9", NONE, "1h untreated 3", birth=EIGHTEEN),
    case("eighteen: the mean is judged", f"{START} 12h map 64", NONE, "12h untreated 3", birth=EIGHTEEN),
    case("a newborn's mean is not judged", f"{START} 1h map 20", NONE, birth=MONTH_OLD),
    case(
        "the age is that of the reading, not of the hour: a low reading just before a birthday holds past it",
        f"{START} 6h-1us sbp 69; 7h seen",
        NONE,
        "6h-1us untreated 3",
        birth=YEAR_OLD,
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_pressure(one: Case) -> None:
    check_rows(one, COLUMNS)

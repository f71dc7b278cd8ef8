"""Fever: when it is present, how long a reading holds, what attribution does to it."""

import pytest

from tests.support.charts import Case, case, check_rows

COLUMNS = ("fever", "astct")
CASES = [
    case("a reading of 38.0 is fever", "0h car_t; 1h temp 38.0; 2h seen", "1h yes 1"),
    case("a reading of 37.999 is none, it is not rounded", "0h car_t; 1h temp 37.999; 2h seen"),
    case(
        "present until one microsecond before 24 h",
        "0h car_t; 0h temp 39; 20h sbp 80; 23h59m59s+999999us seen",
        "0h yes 1",
        "20h yes 2",
    ),
    case(
        "gone at 24 h sharp; a fever that left by itself may mean no CRS any more",
        "0h car_t; 0h temp 39; 20h sbp 80; 24h seen",
        "0h yes 1",
        "20h yes 2",
        "24h no 0-2",
    ),
    case(
        "it ends at its own instant, not at the next record",
        "0h car_t; 0h temp 39; 20h sbp 80; 40h seen",
        "0h yes 1",
        "20h yes 2",
        "24h no 0-2",
        "26h no 0-1",
    ),
    case(
        "a later lower reading does not end it early",
        "0h car_t; 0h temp 39; 2h temp 36.5; 20h sbp 80; 24h seen",
        "0h yes 1",
        "20h yes 2",
        "24h no 0-2",
    ),
    case(
        "a reading at the instant of the expiry renews it",
        "0h car_t; 0h temp 39; 20h sbp 80; 24h temp 38; 25h seen",
        "0h yes 1",
        "20h yes 2",
    ),
    case(
        "a reading one microsecond after the expiry comes too late",
        "0h car_t; 0h temp 39; 20h sbp 80; 24h+1us temp 38; 25h seen",
        "0h yes 1",
        "20h yes 2",
        "24h no 0-2",
        "24h+1us yes 2",
    ),
    case(
        "of two readings at one instant the higher counts", "0h car_t; 1h temp 38.5; 1h temp 36", "1h yes 1"
    ),
    case(
        "attributed elsewhere it reads as none while it runs on underneath",
        "0h car_t; 0h temp 39; 2h said fever:other; 6h said fever:crs; 7h seen",
        "0h yes 1",
        "2h no 0-1",
        "6h yes 1",
    ),
    case(
        "a temperature read while fever is attributed elsewhere never counts, not even later",
        "0h car_t; 0h temp 39; 2h said fever:other; 20h temp 39; 21h said fever:crs; 22h sbp 80; 24h seen",
        "0h yes 1",
        "2h no 0-1",
        "21h yes 1",
        "22h yes 2",
        "24h no 0-2",
    ),
    case(
        "nor does such a temperature start an episode",
        "0h car_t; 1h said fever:other; 2h temp 39; 3h said fever:crs; 4h seen",
    ),
    case(
        "of two words at one instant the one for CRS counts",
        "0h car_t; 2h temp 39; 2h said fever:other; 2h said fever:crs; 4h seen",
        "2h yes 1",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_fever(one: Case) -> None:
    check_rows(one, COLUMNS)

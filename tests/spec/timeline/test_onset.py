"""Onset: which fever starts an episode, of which therapy."""

import pytest

from tests.support.charts import Case, case, check_episodes

COLUMNS = ("cause", "product", "therapy_time", "onset")
WINDOWS = {
    "car_t": "14d",
    "tcr_t": "14d",
    "haplo_hct": "14d",
    "t_cell_engager": "7d",
    "antibody": "2d",
    "other": "14d",
}


def _window(cause: str, days: str) -> list[Case]:
    """A cause's window: inside, at its end, after it."""
    return [
        case(
            f"{cause}: a fever inside the window",
            f"0h {cause}; {days}-1us temp 38; {days} seen",
            f"{cause} - 0h {_hours(days)}59m59s999999us",
        ),
        case(
            f"{cause}: at its very end",
            f"0h {cause}; {days} temp 38; {days}+1us seen",
            f"{cause} - 0h {int(days[:-1]) * 24}h",
        ),
        case(f"{cause}: after it", f"0h {cause}; {days}+1us temp 38; {days}+1h seen"),
    ]


def _hours(days: str) -> str:
    """The last whole hour before so many days are over."""
    return f"{int(days[:-1]) * 24 - 1}h"


CASES = [
    *(one for cause, days in WINDOWS.items() for one in _window(cause, days)),
    case("at the instant of the therapy", "0h car_t; 0h temp 38; 1h seen", "car_t - 0h 0h"),
    case("a fever still held from before the therapy is none", "-1h temp 39; 0h car_t; 2h seen"),
    case("nor one attributed elsewhere", "0h car_t; 0h said fever:other; 1h temp 39; 2h seen"),
    case(
        "an attribution ended at its instant does not stand in the way",
        "0h car_t; 0h said fever:other; 1h temp 39; 1h said fever:crs; 2h seen",
        "car_t - 0h 1h",
    ),
    case(
        "every dose opens its window",
        "0h t_cell_engager; 5d t_cell_engager; 11d temp 39; 12d seen",
        "t_cell_engager - 120h 264h",
    ),
    case(
        "the latest therapy whose window is open",
        "0h car_t; 3d antibody; 4d temp 39; 5d seen",
        "antibody - 72h 96h",
    ),
    case(
        "one whose window is over does not take it",
        "0h car_t; 3d antibody; 6d temp 39; 7d seen",
        "car_t - 0h 144h",
    ),
    case(
        "of one instant the longer window",
        "0h antibody; 0h t_cell_engager; 1h temp 39; 2h seen",
        "t_cell_engager - 0h 1h",
    ),
    case(
        "then the order of the causes",
        "0h other; 0h haplo_hct; 0h tcr_t; 1h temp 39; 2h seen",
        "tcr_t - 0h 1h",
    ),
    case(
        "then the product",
        "0h car_t/tisagenlecleucel; 0h car_t/idecabtagene_vicleucel; 1h temp 39; 2h seen",
        "car_t idecabtagene_vicleucel 0h 1h",
    ),
    case(
        "none named before any",
        "0h car_t/idecabtagene_vicleucel; 0h car_t; 1h temp 39; 2h seen",
        "car_t - 0h 1h",
    ),
    case(
        "a dose inside an episode starts none",
        "0h car_t; 1h temp 39; 2h antibody; 3h temp 39; 4h seen",
        "car_t - 0h 1h",
    ),
    case("hypotension without fever starts none", "0h car_t; 1h norepinephrine 5; 2h seen"),
    case("nobody without a therapy has CRS", "1h temp 39; 2h norepinephrine 5; 3h seen"),
    case(
        "what lies more than 2 days before the first therapy is cut",
        "0h car_t; 1h temp 39; -48h-1us norepinephrine 5; 2h seen",
        "car_t - 0h 1h",
    ),
    case(
        "what lies more than 60 days after the last is cut",
        "0h car_t; 13d temp 39; 60d+1us temp 39; 61d seen",
        "car_t - 0h 312h",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_onset(one: Case) -> None:
    check_episodes(one, COLUMNS)

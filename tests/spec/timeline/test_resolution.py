"""Resolution after 24 clear hours, recurrence as a new episode, what an episode adds up to."""

import pytest

from tests.support.charts import Case, case, check_episodes, check_rows

COLUMNS = ("episode", "onset", "resolved_at", "ended", "hours")
CASES = [
    case(
        "24 h after the last fever reading, not after its hold",
        "0h car_t; 0h temp 39; 10h temp 38; 34h seen",
        "1 0h 10h resolved 10",
    ),
    case(
        "one microsecond earlier it goes on", "0h car_t; 0h temp 39; 10h temp 38; 34h-1us seen", "1 0h - - 0"
    ),
    case(
        "a reading at that instant keeps it going",
        "0h car_t; 0h temp 39; 24h temp 38; 30h seen",
        "1 0h - - 0",
    ),
    case(
        "one a microsecond later starts a new one",
        "0h car_t; 0h temp 39; 24h+1us temp 38; 30h seen",
        "1 0h 0h resolved 0",
        "2 24h1us - - 0",
    ),
    case("it waits for the pressure", "0h car_t; 0h temp 39; 20h sbp 80; 50h seen", "1 0h 26h resolved 26"),
    case("and for the oxygen", "0h car_t; 0h temp 39; 20h bipap until 40h; 64h seen", "1 0h 40h resolved 40"),
    case(
        "oxygen that came back starts the 24 h again",
        "0h car_t; 0h temp 39; 2h bipap until 3h; 20h bipap until 21h; 45h seen",
        "1 0h 21h resolved 21",
    ),
    case(
        "hypotension attributed elsewhere does not keep it open",
        "0h car_t; 0h temp 39; 1h norepinephrine 5 until 60h; 4h said hypotension:other; 28h seen",
        "1 0h 4h resolved 4",
    ),
    case(
        "nor does a temperature attributed elsewhere",
        "0h car_t; 0h temp 39; 4h said fever:other; 5h temp 40; 29h seen",
        "1 0h 0h resolved 0",
    ),
    case(
        "chronic support does not keep it open",
        "-9h cpap until 90h; 0h car_t; 0h temp 39; 30h seen",
        "1 0h 0h resolved 0",
    ),
    case(
        "a later fever inside a window is a new episode",
        "0h car_t; 0h temp 39; 30h temp 39; 31h seen",
        "1 0h 0h resolved 0",
        "2 30h - - 0",
    ),
    case(
        "outside every window it is none",
        "0h antibody; 0h temp 39; 50h temp 39; 51h seen",
        "1 0h 0h resolved 0",
    ),
    case(
        "an onset inside the window may last beyond it",
        "0h antibody; 47h temp 39; 70h temp 39; 93h temp 39; 117h seen",
        "1 47h 93h resolved 46",
    ),
    case("nothing is derived after the last record", "0h car_t; 0h temp 39; 1h seen", "1 0h - - 0"),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_resolution(one: Case) -> None:
    check_episodes(one, COLUMNS)


ROWS = [
    case(
        "the closing row is {0} at the end of the 24 h",
        "0h car_t; 0h temp 39; 60h seen",
        "0h 1",
        "24h closed",
    ),
    case(
        "a recurrence starts with fever not waived",
        "0h car_t; 0h temp 39; 30h temp 39; 31h seen",
        "0h 1",
        "24h closed",
        "30h 1",
    ),
]


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_rows_of_a_resolution(one: Case) -> None:
    check_rows(one, ("astct",))


TREATED = (
    "tocilizumab_doses",
    "first_tocilizumab",
    "glucocorticoid_days",
    "vasopressor_hours",
    "highest_oxygen",
)
TREATMENT = [
    case(
        "doses and days in the episode",
        "0h car_t; 1h temp 39; 2h tocilizumab 600; 10h tocilizumab 600; 3h dexamethasone 10; "
        "9h dexamethasone 10; 20h seen",
        "2 2h 1 0 none",
    ),
    case(
        "doses of one instant are one; those before onset are none",
        "0h car_t; 0h tocilizumab 600; 1h temp 39; 2h tocilizumab 300; 2h tocilizumab 300; 20h seen",
        "1 2h 0 0 none",
    ),
    case(
        "days are UTC days",
        "0h car_t; 22h temp 39; 23h dexamethasone 10; 24h hydrocortisone 100; 30h seen",
        "0 - 2 0 none",
    ),
    case(
        "vasopressor hours: any counted agent, from onset, once",
        "0h car_t; 2h norepinephrine 5 until 5h; 3h temp 39; 4h dopamine 2 until 6h; "
        "9h norepinephrine 5 until 10h; 12h seen",
        "0 - 0 4 none",
    ),
    case(
        "vasopressin and chronic support give none",
        "-9h norepinephrine 5 until 90h; 0h car_t; 1h temp 39; 2h vasopressin 0.03 until 9h; 12h seen",
        "0 - 0 0 none",
    ),
    case(
        "to the last record while it goes on",
        "0h car_t; 1h temp 39; 2h norepinephrine 5 until 90h; 12h seen",
        "0 - 0 10 none",
    ),
    case(
        "the highest oxygen by severity",
        "0h car_t; 1h temp 39; 2h bipap until 3h; 4h nasal_cannula until 5h; 6h seen",
        "0 - 0 0 positive_pressure",
    ),
]


@pytest.mark.parametrize("one", TREATMENT, ids=lambda one: one.name)
def test_what_an_episode_adds_up_to(one: Case) -> None:
    check_episodes(one, TREATED)


PEAKS = ("astct_peak_low", "astct_peak_high", "astct_peak_time")
PEAK = [
    case(
        "the largest minimum and the largest maximum, each by itself",
        "0h car_t; 0h temp 39; 2h nasal_cannula until 4h; 6h sbp 80; 7h seen",
        "2 3 2h",
    ),
    case(
        "the time of the first row that reaches it",
        "0h car_t; 0h temp 39; 2h bipap until 4h; 6h bipap until 7h; 8h seen",
        "4 4 2h",
    ),
    case("the death row counts", "0h car_t; 0h temp 39; 2h bipap until 4h; 6h death crs", "5 5 6h"),
]


@pytest.mark.parametrize("one", PEAK, ids=lambda one: one.name)
def test_peaks(one: Case) -> None:
    check_episodes(one, PEAKS)

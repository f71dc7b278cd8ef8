"""Death: what it makes of an episode, of one that is over, and of nobody's."""

import pytest

from tests.support.charts import Case, case, check_episodes, check_rows

SETS = ("astct", "ctcae5", "lee2014")
ROWS = [
    case("of CRS, in an episode", "0h car_t; 0h temp 39; 5h death crs", "0h 1 1 1", "5h death 5 5 5"),
    case(
        "of something else",
        "0h car_t; 0h temp 39; 2h bipap; 5h death other",
        "0h 1 1 1",
        "2h 4 2-3-4 2-3-4",
        "5h death 0 0 0",
    ),
    case(
        "nobody says of what: 5 joins the set",
        "0h car_t; 0h temp 39; 2h norepinephrine 5; 5h death",
        "0h 1 1 1",
        "2h 3 3 2",
        "5h death 3-5 3-5 2-5",
    ),
    case(
        "several at once: CRS over no word over something else",
        "0h car_t; 0h temp 39; 5h death other; 5h death; 5h death crs",
        "0h 1 1 1",
        "5h death 5 5 5",
    ),
    case(
        "no word over something else",
        "0h car_t; 0h temp 39; 5h death other; 5h death",
        "0h 1 1 1",
        "5h death 1-5 1-5 1-5",
    ),
    case(
        "later events are ignored",
        "0h car_t; 0h temp 39; 5h death crs; 6h norepinephrine 5; 7h temp 40; 8h death other",
        "0h 1 1 1",
        "5h death 5 5 5",
    ),
    case(
        "at the very instant of onset: the onset row, then the death row",
        "0h car_t; 5h temp 39; 5h death crs",
        "5h 1 1 1",
        "5h death 5 5 5",
    ),
    case(
        "what changes at its instant has no row of its own",
        "0h car_t; 0h temp 39; 5h norepinephrine 5; 5h death",
        "0h 1 1 1",
        "5h death 3-5 3-5 2-5",
    ),
    case(
        "at the instant of resolution the episode is still on",
        "0h car_t; 0h temp 39; 24h death crs",
        "0h 1 1 1",
        "24h death 5 5 5",
    ),
    case(
        "after an episode, of CRS: a row for the last one",
        "0h car_t; 0h temp 39; 26h death crs",
        "0h 1 1 1",
        "24h closed",
        "26h death 5 5 5",
    ),
    case(
        "after an episode, of something else: nothing",
        "0h car_t; 0h temp 39; 26h death other",
        "0h 1 1 1",
        "24h closed",
    ),
    case("after an episode, no word: nothing", "0h car_t; 0h temp 39; 26h death", "0h 1 1 1", "24h closed"),
    case("never an episode: nothing", "0h car_t; 5h death crs"),
    case("before the fever: nothing", "0h car_t; 5h death crs; 6h temp 39; 7h seen"),
]


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_rows_of_a_death(one: Case) -> None:
    check_rows(one, SETS)


COLUMNS = ("episode", "onset", "resolved_at", "ended", "hours", "flags")
NOT_ASSESSED = "organ_toxicity_not_assessed"
EPISODES = [
    case(
        "an episode that ends in death has no resolution",
        "0h car_t; 0h temp 39; 5h death crs",
        f"1 0h - death 5 {NOT_ASSESSED}",
    ),
    case(
        "nobody says of what: a flag",
        "0h car_t; 0h temp 39; 5h death",
        f"1 0h - death 5 death_cause_unknown+{NOT_ASSESSED}",
    ),
    case(
        "a death of CRS takes the last episode's resolution back",
        "0h car_t; 0h temp 39; 30h temp 39; 60h death crs",
        f"1 0h 0h resolved 0 {NOT_ASSESSED}",
        f"2 30h - death 30 {NOT_ASSESSED}",
    ),
    case(
        "a death of something else leaves it",
        "0h car_t; 0h temp 39; 60h death other",
        f"1 0h 0h resolved 0 {NOT_ASSESSED}",
    ),
]


@pytest.mark.parametrize("one", EPISODES, ids=lambda one: one.name)
def test_episodes_that_end_in_death(one: Case) -> None:
    check_episodes(one, COLUMNS)

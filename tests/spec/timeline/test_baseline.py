"""Chronic support: what ran at the last instant before a therapy does not count until it grows."""

import pytest

from tests.support.charts import Case, case, check_rows

START = "0h car_t; 1h temp 39;"
BASE = "baseline_support"
PRESSORS = [
    case(
        "a vasopressor that ran before the therapy does not count",
        f"-6h norepinephrine 5 until 30h; {START} 3h seen",
        f"1h none {BASE}",
    ),
    case(
        "nor a new record at the same rate",
        f"-6h norepinephrine 5 until 30h; {START} 3h norepinephrine 5 until 9h; 4h seen",
        f"1h none {BASE}",
    ),
    case(
        "nor at a lower one",
        f"-6h norepinephrine 5 until 30h; {START} 3h norepinephrine 4 until 9h; 4h seen",
        f"1h none {BASE}",
    ),
    case(
        "a higher one counts",
        f"-6h norepinephrine 5 until 30h; {START} 3h norepinephrine 5.1 until 9h; 4h seen",
        f"1h none {BASE}",
        "3h one -",
    ),
    case(
        "and goes on counting when it is lowered again",
        f"-6h norepinephrine 5 until 30h; {START} 3h norepinephrine 8 until 4h; "
        "4h norepinephrine 5 until 6h; 5h seen",
        f"1h none {BASE}",
        "3h one -",
    ),
    case(
        "an unknown rate where one was noted counts",
        f"-6h norepinephrine 5 until 30h; {START} 3h norepinephrine ? until 9h; 4h seen",
        f"1h none {BASE}",
        "3h one -",
    ),
    case(
        "noted at an unknown rate, the first known one becomes the note",
        f"-6h norepinephrine ? until 30h; {START} 3h norepinephrine 8 until 30h; "
        "5h norepinephrine 8.1 until 9h; 6h seen",
        f"1h none {BASE}",
        "5h one -",
    ),
    case(
        "another unknown rate changes nothing",
        f"-6h norepinephrine ? until 30h; {START} 3h norepinephrine ? until 9h; 4h seen",
        f"1h none {BASE}",
    ),
    case(
        "once stopped it is no chronic support any more",
        f"-6h norepinephrine 5 until 3h; {START} 4h norepinephrine 5 until 6h; 7h seen",
        f"1h none {BASE}",
        "3h none -",
        "4h one -",
        "6h none -",
    ),
    case(
        "a touching record has not stopped",
        f"-6h norepinephrine 5 until 3h; {START} 3h norepinephrine 5 until 6h; 4h seen",
        f"1h none {BASE}",
    ),
    case(
        "what starts at the instant of the therapy counts",
        "0h norepinephrine 5 until 9h; 0h car_t; 1h temp 39; 3h seen",
        "1h one -",
    ),
    case(
        "what ended before it was not running",
        f"-6h norepinephrine 5 until -1us; {START} 0h norepinephrine 5 until 9h; 3h seen",
        "1h one -",
    ),
    case(
        "another agent counts by itself",
        f"-6h norepinephrine 5 until 30h; {START} 3h dopamine 2 until 9h; 4h seen",
        f"1h none {BASE}",
        f"3h one {BASE}",
    ),
    case(
        "chronic vasopressin makes no one_plus_vasopressin",
        f"-6h vasopressin 0.03 until 30h; {START} 3h norepinephrine 5 until 9h; 4h seen",
        f"1h none {BASE}",
        f"3h one {BASE}",
    ),
    case(
        "a therapy inside an episode takes no note",
        "0h car_t; 1h temp 39; 2h norepinephrine 5 until 30h; 3h car_t; 4h seen",
        "1h none -",
        "2h one -",
    ),
    case(
        "a therapy at the instant of onset does",
        "-6h norepinephrine 5 until 30h; 0h car_t; 0h temp 39; 4h seen",
        f"0h none {BASE}",
    ),
    case(
        "a later dose outside an episode notes anew",
        "0h antibody; 2h norepinephrine 5 until 90h; 20h antibody; 21h temp 39; 22h seen",
        f"21h none {BASE}",
    ),
    case(
        "flagged even while hypotension is attributed elsewhere",
        f"-6h norepinephrine 5 until 30h; {START} 3h said hypotension:other; 4h seen",
        f"1h none {BASE}",
    ),
]
DEVICES = [
    case(
        "a device on before the therapy reads as none",
        f"-6h cpap until 30h; {START} 3h seen",
        f"1h none {BASE}",
    ),
    case("until it ends", f"-6h cpap until 3h; {START} 4h seen", f"1h none {BASE}", "3h none -"),
    case(
        "or changes",
        f"-6h cpap until 30h; {START} 3h bipap until 9h; 4h seen",
        f"1h none {BASE}",
        "3h positive_pressure -",
    ),
    case(
        "or is charted at a higher flow than noted",
        f"-6h nasal_cannula until 30h; -6h flow 2; {START} 3h flow 2; 5h flow 2.5; 6h seen",
        f"1h none {BASE}",
        "5h low_flow -",
    ),
    case(
        "or at a higher FiO2 than first charted, if none was noted",
        f"-6h cpap until 30h; {START} 3h fio2 40; 5h fio2 41; 6h seen",
        f"1h none {BASE}",
        "5h positive_pressure -",
    ),
    case(
        "a new record of it changes nothing",
        f"-6h cpap until 3h; {START} 2h cpap until 9h; 4h seen",
        f"1h none {BASE}",
    ),
    case(
        "what starts with the therapy counts", f"0h cpap until 9h; {START} 3h seen", "1h positive_pressure -"
    ),
    case("a room air is no support", f"-6h room_air until 30h; {START} 3h seen", "1h none -"),
]


@pytest.mark.parametrize("one", PRESSORS, ids=lambda one: one.name)
def test_chronic_vasopressors(one: Case) -> None:
    check_rows(one, ("hypotension", "flags"))


@pytest.mark.parametrize("one", DEVICES, ids=lambda one: one.name)
def test_chronic_oxygen(one: Case) -> None:
    check_rows(one, ("oxygen", "flags"))

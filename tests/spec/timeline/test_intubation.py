"""Why a patient was intubated: what an annotation changes, which run it speaks of."""

import pytest

from tests.support.charts import Case, case, check_rows

COLUMNS = ("oxygen", "airway_tube", "astct", "ctcae5", "flags")
START = "0h car_t; 0h temp 39;"
NONE = "0h none no 1 1 -"
FLAG = "intubation_reason_unknown"
CASES = [
    case(
        "no word: ventilated for hypoxia, with a flag",
        f"{START} 1h invasive_ventilation until 5h; 6h seen",
        NONE,
        f"1h ventilator no 4 4 {FLAG}",
        "5h none no 1 1 -",
    ),
    case(
        "airway only, said before: as before the tube (CTCAE may still call it 4)",
        f"{START} 1h said intubation:airway_only; 2h invasive_ventilation until 5h; 6h seen",
        NONE,
        "2h none yes 1 1-4 -",
        "5h none no 1 1 -",
    ),
    case(
        "said while it runs",
        f"{START} 1h invasive_ventilation until 9h; 3h said intubation:airway_only; 4h seen",
        NONE,
        f"1h ventilator no 4 4 {FLAG}",
        "3h none yes 1 1-4 -",
    ),
    case(
        "the oxygen before the tube stays",
        f"{START} 1h nasal_cannula until 3h; 1h flow 4; 1h fio2 30; 3h invasive_ventilation until 6h; "
        "3h said intubation:airway_only; 7h seen",
        NONE,
        "1h low_flow no 2 2 -",
        "3h low_flow yes 2 2-4 -",
        "6h none no 1 1 -",
    ),
    case(
        "said exactly 24 h before the run",
        f"{START} 1h said intubation:airway_only; 20h temp 39; 25h invasive_ventilation until 27h; 26h seen",
        NONE,
        "25h none yes 1 1-4 -",
    ),
    case(
        "said earlier than that it is forgotten",
        f"{START} 1h-1us said intubation:airway_only; 20h temp 39; 25h invasive_ventilation until 27h; "
        "26h seen",
        NONE,
        f"25h ventilator no 4 4 {FLAG}",
    ),
    case(
        "it speaks of one run: the next needs its own word",
        f"{START} 1h said intubation:airway_only; 2h invasive_ventilation until 4h; "
        "5h invasive_ventilation until 7h; 6h seen",
        NONE,
        "2h none yes 1 1-4 -",
        "4h none no 1 1 -",
        f"5h ventilator no 4 4 {FLAG}",
    ),
    case(
        "a run goes on over touching records",
        f"{START} 1h said intubation:airway_only; 2h invasive_ventilation until 4h; "
        "4h invasive_ventilation until 7h; 8h seen",
        NONE,
        "2h none yes 1 1-4 -",
        "7h none no 1 1 -",
    ),
    case(
        "intubation:hypoxia takes it back",
        f"{START} 1h invasive_ventilation until 9h; 1h said intubation:airway_only; "
        "3h said intubation:hypoxia; 4h seen",
        NONE,
        "1h none yes 1 1-4 -",
        "3h ventilator no 4 4 -",
    ),
    case(
        "said for hypoxia: graded as such, no flag",
        f"{START} 1h said intubation:hypoxia; 2h invasive_ventilation until 9h; 4h seen",
        NONE,
        "2h ventilator no 4 4 -",
    ),
    case(
        "of both words at one instant hypoxia counts",
        f"{START} 1h said intubation:hypoxia; 1h said intubation:airway_only; "
        "2h invasive_ventilation until 9h; 4h seen",
        NONE,
        "2h ventilator no 4 4 -",
    ),
    case(
        "while hypoxia is attributed elsewhere there is no airway tube either",
        f"{START} 1h invasive_ventilation until 9h; 1h said intubation:airway_only; "
        "2h said hypoxia:other; 3h said hypoxia:crs; 4h seen",
        NONE,
        "1h none yes 1 1-4 -",
        "2h none no 1 1 -",
        "3h none yes 1 1-4 -",
    ),
    case(
        "no flag while hypoxia is attributed elsewhere",
        f"{START} 1h said hypoxia:other; 2h invasive_ventilation until 9h; 4h seen",
        NONE,
    ),
    case(
        "ECMO is not asked why",
        f"{START} 1h ecmo until 9h; 2h said intubation:airway_only; 4h seen",
        NONE,
        "1h ventilator no 4 4 -",
    ),
    case(
        "the airway tube wins over chronic ventilation",
        f"-6h invasive_ventilation until 30h; {START} 2h said intubation:airway_only; 4h seen",
        "0h none no 1 1 baseline_support",
        "2h none yes 1 1-4 -",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_intubation(one: Case) -> None:
    check_rows(one, COLUMNS)

"""Fever waived: from the first drug that may hide it, at or after onset, to the end of the episode."""

import pytest

from tests.support.charts import Case, case, check_rows
from tocsin.knowledge.drugs import fever_mask

COLUMNS = ("fever", "fever_waived", "astct")
LOW = "20h sbp 80"  # so that the episode is there when the fever's hold ends
BY_ITSELF = ("0h yes no 1", "20h yes no 2", "24h no no 0-2")
# timeline.md section 3 names them one by one; the list in knowledge must be exactly these
MASKING = {
    "acetaminophen",
    "ibuprofen",
    "naproxen",
    "ketorolac",
    "aspirin",
    "metamizole",
    "dexamethasone",
    "methylprednisolone",
    "hydrocortisone",
    "prednisone",
    "prednisolone",
    "tocilizumab",
    "sarilumab",
    "siltuximab",
    "anakinra",
    "etanercept",
    "infliximab",
    "emapalumab",
    "clazakizumab",
    "ruxolitinib",
}
CASES = [
    *(
        case(
            f"{drug} waives fever",
            f"0h car_t; 0h temp 39; 2h {drug} 400; {LOW}; 24h seen",
            "0h yes no 1",
            "2h yes yes 1",
            "20h yes yes 2",
            "24h no yes 2",
        )
        for drug in sorted(MASKING)
    ),
    case("without any, fever may have left by itself", f"0h car_t; 0h temp 39; {LOW}; 24h seen", *BY_ITSELF),
    case(
        "levetiracetam does not", f"0h car_t; 0h temp 39; 2h levetiracetam 500; {LOW}; 24h seen", *BY_ITSELF
    ),
    case(
        "a dose before onset does not",
        f"0h car_t; 0h acetaminophen 500; 1h temp 39; {LOW}; 25h seen",
        "1h yes no 1",
        "20h yes no 2",
        "25h no no 0-2",
    ),
    case("a dose at onset does", "0h car_t; 1h acetaminophen 500; 1h temp 39; 2h seen", "1h yes yes 1"),
    case(
        "a dose of unknown size does",
        "0h car_t; 1h temp 39; 2h acetaminophen ?; 3h seen",
        "1h yes no 1",
        "2h yes yes 1",
    ),
    case(
        "aspirin from 300 mg", "0h car_t; 1h temp 39; 2h aspirin 300; 3h seen", "1h yes no 1", "2h yes yes 1"
    ),
    case("not at 299", "0h car_t; 1h temp 39; 2h aspirin 299; 3h seen", "1h yes no 1"),
    case(
        "not at 81, nor without a dose",
        "0h car_t; 1h temp 39; 2h aspirin 81; 2h aspirin ?; 3h seen",
        "1h yes no 1",
    ),
    case(
        "it is waived to the end of the episode, and no further",
        "0h car_t; 0h temp 39; 2h tocilizumab 400; 25h temp 39; 26h seen",
        "0h yes no 1",
        "2h yes yes 1",
        "24h closed",
        "25h yes no 1",
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_waiver(one: Case) -> None:
    check_rows(one, COLUMNS)


def test_no_other_drug_masks_fever() -> None:
    assert set(fever_mask()) == MASKING

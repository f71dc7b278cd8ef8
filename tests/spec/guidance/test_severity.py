"""What severe and mild mean, by cause, scale and a clinician's word: the rows that the facts of a patient keep."""

import pytest

from tocsin.guidance.state import severe_at

# rule, cause, grade on the scale of record, a clinician's word (severe, mild, none), severe?
TABLE = [
    ("MGT-006", "car_t", 1, None, False),
    ("MGT-016", "car_t", 2, None, None),  # CON-024: nobody has said
    ("MGT-016", "car_t", 2, True, True),
    ("MGT-006", "car_t", 2, False, False),
    ("MGT-016", "car_t", 3, None, True),
    ("MGT-016", "car_t", 4, None, True),
    ("MGT-016", "tcr_t", 2, None, None),
    ("MGT-016", "tcr_t", 3, None, True),
    ("MGT-006", "t_cell_engager", 1, None, False),
    ("MGT-006", "t_cell_engager", 2, None, False),
    ("BLN-001", "t_cell_engager", 3, None, True),
    ("BLN-001", "t_cell_engager", 4, None, True),
    ("MGT-006", "haplo_hct", 2, None, False),
    ("HCT-001", "haplo_hct", 3, None, True),
    ("HCT-001", "haplo_hct", 4, None, True),
    ("MGT-006", "antibody", 2, None, False),
    ("MGT-006", "antibody", 3, None, True),
]


@pytest.mark.parametrize(("rule", "cause", "grade", "word", "severe"), TABLE)
def test_severe(rule: str, cause: str, grade: int, word: bool | None, severe: bool | None) -> None:
    assert severe_at(grade, cause, word) is severe, rule

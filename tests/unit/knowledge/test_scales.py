"""The scale tables: total, typed, monotone, and the same in the arrays."""

from itertools import pairwise

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.causes import causes
from tocsin.knowledge.scales import Scale, grade_tables, grades_of, scale, scales
from tocsin.knowledge.vocabulary import DOSE_BAND, FIO2_BAND, HYPOTENSION, OXYGEN, SCALES

COUNTED = HYPOTENSION[-3:]
DOSES = ("low", "high")
BANDS = ("below_40", "at_least_40")
every_scale = pytest.mark.parametrize("row", scales(), ids=lambda row: row.id)

# More support on one axis: each step adds to the one before. Vasopressin alone and one vasopressor are no
# such step (the one agent is not added to the other), nor is a device that is not on record.
HYPOTENSION_CHAINS = (
    ("none", "untreated", "fluids", "fluids_repeated", "one", "one_plus_vasopressin", "multiple"),
    ("fluids_repeated", "vasopressin_alone", "one_plus_vasopressin"),
)
OXYGEN_CHAINS = (
    ("none", "low_flow", "high_flow_at_low_flow", "high_flow", "positive_pressure", "ventilator"),
    ("low_flow", "cannula_flow_unknown", "high_flow"),
    ("low_flow", "mask", "positive_pressure"),
    ("none", "device_unknown", "ventilator"),
)

# MSKCC counts the hours of a vasopressor, and those of vasopressin alone are not counted: with a vasopressor
# beside it that has run under 24 h, the open 3 is gone.
KNOWN_STEP_DOWN = ("mskcc", "vasopressin_alone", "one_plus_vasopressin")


def not_lower(less: int, more: int) -> bool:
    """Whether neither end of a grade set goes down."""
    return grades_of(less)[0] <= grades_of(more)[0] and grades_of(less)[-1] <= grades_of(more)[-1]


def test_one_file_per_scale_in_order() -> None:
    assert tuple(row.id for row in scales()) == SCALES
    assert [row.code for row in scales()] == list(range(len(SCALES)))


@every_scale
def test_every_cell_has_exactly_one_row(row: Scale) -> None:
    for category in HYPOTENSION:
        for dose in DOSES if category in COUNTED else (None,):
            for run in (False, True):
                cells = [
                    cell
                    for cell in row.hypotension
                    if cell.category == category
                    and (dose is None or cell.dose_band in (None, dose))
                    and cell.run_24h in (None, run)
                ]
                assert len(cells) == 1, (category, dose, run)
    for category in OXYGEN:
        for band in BANDS:
            cells = [c for c in row.oxygen if c.category == category and c.fio2_band in (None, band)]
            assert len(cells) == 1, (category, band)


@every_scale
def test_rows_are_typed(row: Scale) -> None:
    for cell in (*row.hypotension, *row.oxygen):
        assert 0 < cell.grades < 1 << 5, "grades 0 to 4: 5 is death, never read off a table"
        assert cell.why
        assert cell.source
    assert {cell.category for cell in row.hypotension} == set(HYPOTENSION)
    assert {cell.category for cell in row.oxygen} == set(OXYGEN)
    assert {cell.dose_band for cell in row.hypotension} <= {None, *DOSES}
    assert {cell.fio2_band for cell in row.oxygen} <= {None, *BANDS}
    assert all(
        cell.category in COUNTED for cell in row.hypotension if cell.dose_band or cell.run_24h is not None
    )


@every_scale
def test_no_sign_is_no_grade(row: Scale) -> None:
    assert row.oxygen_grades("none", None) == 1
    assert row.hypotension_grades("none", None, None) & 1


@every_scale
def test_what_rests_on_the_dose_table_is_recalled(row: Scale) -> None:
    assert all(cell.confidence == "recalled" for cell in row.hypotension if cell.dose_band)


def test_heads() -> None:
    assert [row.id for row in scales() if row.fever_gate] == ["astct"]
    assert [row.id for row in scales() if row.organ_toxicity] == ["lee2014", "penn", "mskcc", "cartox"]
    assert [row.id for row in scales() if row.airway_tube_adds == 0] == ["astct"]
    assert {row.airway_tube_adds for row in scales()} == {0, 1 << 4}


@every_scale
def test_an_unknown_band_is_the_union_of_its_rows(row: Scale) -> None:
    for category in HYPOTENSION:
        for run in (False, True):
            low, high = (row.hypotension_grades(category, dose, run) for dose in DOSES)
            assert row.hypotension_grades(category, "unknown", run) == low | high
    for category in OXYGEN:
        below, above = (row.oxygen_grades(category, band) for band in BANDS)
        assert row.oxygen_grades(category, "unknown") == below | above


@every_scale
def test_more_support_never_lowers(row: Scale) -> None:
    for chain in HYPOTENSION_CHAINS:
        for dose in DOSES:
            for run in (False, True):
                for less, more in pairwise(chain):
                    sets = (row.hypotension_grades(category, dose, run) for category in (less, more))
                    assert not_lower(*sets) or (row.id, less, more) == KNOWN_STEP_DOWN, (dose, run)
    for chain in OXYGEN_CHAINS:
        for band in BANDS:
            sets = [row.oxygen_grades(category, band) for category in chain]
            assert all(not_lower(*step) for step in pairwise(sets)), (chain, band)


@every_scale
def test_a_higher_dose_a_longer_run_and_more_oxygen_never_lower(row: Scale) -> None:
    for category in COUNTED:
        for run in (False, True):
            assert not_lower(*(row.hypotension_grades(category, dose, run) for dose in DOSES))
        for dose in DOSES:
            assert not_lower(*(row.hypotension_grades(category, dose, run) for run in (False, True)))
    for category in OXYGEN:
        assert not_lower(*(row.oxygen_grades(category, band) for band in BANDS))


@every_scale
def test_arrays_hold_the_tables(row: Scale) -> None:
    tables = grade_tables()
    for code, category in enumerate(HYPOTENSION):
        for band in (-1, *range(len(DOSE_BAND))):
            dose = None if band < 0 else DOSE_BAND[band]
            for run in (False, True):
                expected = row.hypotension_grades(category, dose, run)
                assert tables.hypotension[row.code, code, band + 1, int(run)] == expected
    for code, category in enumerate(OXYGEN):
        for band in (-1, *range(len(FIO2_BAND))):
            fio2 = None if band < 0 else FIO2_BAND[band]
            for tube in (False, True):
                expected = row.oxygen_grades(category, fio2, tube)
                assert tables.oxygen[row.code, code, band + 1, int(tube)] == expected


def test_shapes_and_heads_of_the_arrays() -> None:
    tables = grade_tables()
    assert tables.hypotension.shape == (8, 8, 4, 2)
    assert tables.oxygen.shape == (8, 9, 4, 2)
    assert tables.fever_gate.tolist() == [row.fever_gate for row in scales()]
    assert [SCALES[code] for code in tables.record_scale] == [cause.scale for cause in causes()]
    with pytest.raises(ValueError, match="read-only"):
        tables.oxygen[0, 0, 0, 0] = 0


def test_unknown_scale_gets_a_hint() -> None:
    with pytest.raises(UserError, match="did you mean astct"):
        scale("asct")

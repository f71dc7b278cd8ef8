"""The code set: fiscal years, what a year has, notes, and that nothing in it is invented."""

from datetime import date

import pytest

from tocsin.coding.gaps import CHECKS
from tocsin.knowledge.causes import causes
from tocsin.knowledge.codes import codes
from tocsin.knowledge.icd10cm import (
    first_valid,
    fiscal_year,
    gap_texts,
    icd10_codes,
    leaf,
    notes,
    notes_of,
    sequence_of,
    sequences,
    starts_on,
    years_read,
)
from tocsin.knowledge.products import products
from tocsin.knowledge.rules import rule


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2020, 9, 30), 2020),
        (date(2020, 10, 1), 2021),
        (date(2025, 9, 30), 2025),
        (date(2025, 10, 1), 2026),
        (date(2025, 12, 31), 2026),
        (date(2026, 1, 1), 2026),
    ],
)
def test_a_fiscal_year_starts_on_1_october(day: date, year: int) -> None:
    assert fiscal_year(day) == year
    assert starts_on(year) <= day < starts_on(year + 1)


@pytest.mark.parametrize("grade", [1, 2, 3, 4, 5])
def test_the_leaf_of_a_grade_ends_in_it(grade: int) -> None:
    """COD-002, CON-010: the leaves; the header is never on a claim."""
    crs, icans = leaf("crs", grade, 2026), leaf("icans", grade, 2026)
    assert crs is not None
    assert icans is not None
    assert (crs.id, crs.title) == (f"D89.83{grade}", f"Cytokine release syndrome, grade {grade}")
    assert icans.id == f"G92.0{grade}"
    assert crs.billable
    assert not icd10_codes()["D89.83"].billable


def test_no_grade_is_the_leaf_that_says_so() -> None:
    assert [getattr(leaf(of, None, 2026), "id", None) for of in ("crs", "icans")] == ["D89.839", "G92.00"]


@pytest.mark.parametrize(("of", "first"), [("crs", 2021), ("icans", 2022)])
def test_a_year_before_a_code_has_none(of: str, first: int) -> None:
    assert leaf(of, 3, first - 1) is None  # type: ignore[arg-type]
    assert leaf(of, 3, first) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cause", "year", "first", "drug"),
    [
        ("car_t", 2021, "T80.89XA", None),
        ("car_t", 2022, "T80.82XA", None),
        ("tcr_t", 2026, "T80.82XA", None),
        ("haplo_hct", 2026, "T86.5", None),
        ("t_cell_engager", 2024, "T80.89XA", "T45.1X5A"),
        ("t_cell_engager", 2025, "T80.89XA", "T45.AX5A"),
        ("antibody", 2026, "T80.89XA", None),
        ("other", 2026, None, None),
    ],
)
def test_the_cause_goes_first_by_the_list_of_the_year(
    cause: str, year: int, first: str | None, drug: str | None
) -> None:
    """COD-003."""
    order = sequence_of(cause, None)
    assert getattr(first_valid(order.first, year), "id", None) == first
    assert getattr(first_valid(order.drug, year), "id", None) == drug


def test_a_checkpoint_inhibitor_has_its_own_drug_code() -> None:
    assert getattr(first_valid(sequence_of("antibody", "nivolumab").drug, 2025), "id", None) == "T45.AX5A"
    assert getattr(first_valid(sequence_of("antibody", "nivolumab").drug, 2024), "id", None) == "T45.1X5A"


def test_a_note_stands_from_its_year_on() -> None:
    def says(year: int) -> int:
        return sum("T45.AX5" in note.text for note in notes_of("D89.833", year))

    assert (says(2024), says(2025)) == (0, 1)


def test_every_code_that_is_named_is_in_the_set_and_every_cause_has_an_order() -> None:
    named = {id for row in sequences() for id in (*row.first, *row.drug)}
    assert named <= set(icd10_codes())
    assert {row.cause for row in sequences()} == {cause.id for cause in causes()}
    assert {row.product for row in sequences() if row.product} <= set(products())
    assert all(any(id.startswith(note.code) for id in icd10_codes()) for note in notes())


def test_no_drug_has_both_adverse_effect_codes() -> None:
    """Excludes 1: one list of codes is an order of preference, of which one is taken."""
    both = {"T45.1X5A", "T45.AX5A"}
    assert all(not both & set(row.first) for row in sequences())


def test_titles_are_those_of_the_codes_that_the_reader_knows() -> None:
    """The code list that reads records was checked against the official one: the two must agree."""
    known = {row.code: row.display for row in codes() if row.system == "ICD10CM"}
    same = {id: known[id] for id in icd10_codes() if id in known}
    assert len(same) > 12
    assert {id: icd10_codes()[id].title for id in same} == same


def test_the_years_before_the_first_list_that_was_read_are_marked() -> None:
    early = [code for code in icd10_codes().values() if code.first_year < min(years_read())]
    assert early
    assert all("first_year" in code.recalled for code in early)


def test_every_gap_has_a_check_and_rests_on_a_rule() -> None:
    assert set(CHECKS) == set(gap_texts())
    assert all(rule(row.rule).text for row in gap_texts().values())

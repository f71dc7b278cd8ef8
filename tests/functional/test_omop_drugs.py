"""Drugs in a CDM: given or ordered, ends, rates, doses, products and routes. All of it made up."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.cdm import (
    ADMINISTERED,
    AXI_CEL,
    CELSIUS,
    DISPENSED,
    LEVOPHED,
    NOREPINEPHRINE,
    ORDERED,
    TEMPERATURE,
    TOCILIZUMAB,
    Cdm,
    at,
    events,
    hour,
    run,
    treated,
    vocabulary,
)
from tests.support.made_up import graded, reasons


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(ADMINISTERED, None), (38000180, None), (32817, None), (0, None), (None, None), (ORDERED, "order"), (38000177, "order"),
     (32833, "order"), (DISPENSED, "dispensed"), (32869, "dispensed"), (38000175, "dispensed"), (32865, "not_given"),
     (38000178, "not_given")],
)  # fmt: skip
def test_what_was_ordered_or_dispensed_was_not_given(
    tmp_path: Path, kind: int | None, reason: str | None
) -> None:
    result = run(treated().add("drug_exposure", 1, 22, TOCILIZUMAB, drug_type_concept_id=kind), tmp_path)
    assert len(events(result, "tocilizumab")) == (reason is None)
    if reason is not None:
        assert result.run["not_of_interest_by_reason"][reason] == 1


def test_orders_count_where_the_user_says_so(tmp_path: Path) -> None:
    made = treated().add("drug_exposure", 1, 22, TOCILIZUMAB, drug_type_concept_id=ORDERED)
    made.add("drug_exposure", 1, 23, TOCILIZUMAB, drug_type_concept_id=DISPENSED)
    result = run(made, tmp_path, settings={"orders_count": "true"})
    assert [hour(row["time"]) for row in events(result, "tocilizumab")] == [22]


def test_an_ordered_therapy_is_no_therapy(tmp_path: Path) -> None:
    made = Cdm().person(1).add("drug_exposure", 1, 1, AXI_CEL, drug_type_concept_id=ORDERED)
    result = run(
        made.add("measurement", 1, 20, TEMPERATURE, value_as_number=39, unit_concept_id=CELSIUS), tmp_path
    )
    assert result.run["subjects"] == 0


@pytest.mark.parametrize(
    ("until", "end"),
    [(27, 27), (22, None), (None, None), (21, "end_before_start")],
    ids=["an end", "an end that repeats the start is none", "no end", "an end before the start"],
)
def test_ends_of_infusions(tmp_path: Path, until: float | None, end: float | str | None) -> None:
    made = treated().add(
        "drug_exposure", 1, 22, NOREPINEPHRINE, until=until, drug_type_concept_id=ADMINISTERED
    )
    made.add("drug_exposure", 1, 30, NOREPINEPHRINE, until=31, drug_type_concept_id=ADMINISTERED)
    result = run(made, tmp_path)
    first = [row for row in events(result, "norepinephrine") if hour(row["time"]) == 22]
    if isinstance(end, str):
        assert not first
        assert reasons(result) == [end]
    else:
        assert [hour(row["end"]) for row in first] == [end]


@pytest.mark.parametrize(
    ("setting", "end"), [("quarantine", None), ("start", 72), ("noon", 84), ("end", pytest.approx(96))]
)
def test_an_end_that_is_a_date_alone(tmp_path: Path, setting: str, end: float | None) -> None:
    """It is no end unless the user places it; the row itself has a time and counts."""
    made = treated().add("drug_exposure", 1, 22, NOREPINEPHRINE, drug_type_concept_id=ADMINISTERED,
                         drug_exposure_end_date=at(72).date())  # fmt: skip
    result = run(made, tmp_path, settings={"date_only": setting})
    assert [hour(row["end"]) for row in events(result, "norepinephrine")] == [end]
    assert any("drug_exposure: every end is midnight or missing" in note for note in result.run["notes"])


def test_the_date_of_an_end_on_the_day_of_its_start_is_none(tmp_path: Path) -> None:
    made = treated().add("drug_exposure", 1, 22, NOREPINEPHRINE, drug_type_concept_id=ADMINISTERED,
                         drug_exposure_end_date=at(22).date(), drug_exposure_end_datetime=at(0))  # fmt: skip
    result = run(made, tmp_path, settings={"date_only": "start"})
    assert [row["end"] for row in events(result, "norepinephrine")] == [None]


@pytest.mark.parametrize(
    ("table", "cells", "rates"),
    [
        ("drug_exposure", {"quantity": 8, "dose_unit_source_value": "mcg/min"}, [8]),
        ("drug_exposure", {"quantity": 8, "dose_unit_source_value": "mg"}, [None]),
        ("drug_exposure", {"quantity": 250, "dose_unit_source_value": "mL"}, [None]),
        ("drug_exposure", {"quantity": 1}, [None]),
        ("drug_exposure", {"quantity": 0}, [None]),
        ("drug_exposure", {"quantity": 8, "dose_unit_source_value": "furlongs"}, []),
        ("measurement", {"value_as_number": 8, "unit_source_value": "mcg/min"}, [8]),
        ("observation", {"value_as_number": 8, "unit_concept_id": 8774}, [8]),
        ("observation", {"value_as_string": "allergy"}, []),
        ("condition_occurrence", {}, []),
    ],
)
def test_where_the_rate_of_an_infusion_stands(
    tmp_path: Path, table: str, cells: dict[str, Any], rates: list[float | None]
) -> None:
    if table == "drug_exposure":
        cells = {**cells, "drug_type_concept_id": ADMINISTERED}
    result = run(treated().add(table, 1, 22, NOREPINEPHRINE, **cells), tmp_path)
    assert [row["numeric_value"] for row in events(result, "norepinephrine")] == rates


def test_a_drug_is_found_by_its_ingredient(tmp_path: Path) -> None:
    made = vocabulary(treated()).add(
        "drug_exposure", 1, 22, LEVOPHED, until=25, drug_type_concept_id=ADMINISTERED
    )
    assert len(events(run(made, tmp_path), "norepinephrine")) == 1


def test_without_descent_a_product_is_listed_as_unmapped(tmp_path: Path) -> None:
    made = vocabulary(treated()).add(
        "drug_exposure", 1, 22, LEVOPHED, until=25, drug_type_concept_id=ADMINISTERED
    )
    del made.tables["concept_ancestor"]
    source = made.to_duckdb(tmp_path / "cdm.duckdb")
    result = graded(source, out=tmp_path / "out")
    assert "no table concept_ancestor: drugs are found by their ingredients alone" in result.run["notes"]
    assert "norepinephrine 1 MG/ML Injection" in (tmp_path / "out" / "unmapped.csv").read_text(
        encoding="utf-8"
    )


def with_product(*ingredients: tuple[int, str]) -> Cdm:
    """A made-up product of some ingredients, given at hour 22."""
    product = 2_000_000_050
    made = treated().words((product, "RxNorm", "Clinical Drug", "made-up-2", "a made-up product"))
    for id, code in ingredients:
        made.words((id, "RxNorm", "Ingredient", code, f"ingredient {code}"))
        made.put(
            "concept_ancestor",
            ancestor_concept_id=id,
            descendant_concept_id=product,
            min_levels_of_separation=2,
        )
    return made.add("drug_exposure", 1, 22, product, quantity=2, drug_type_concept_id=ADMINISTERED)


EPINEPHRINE, LIDOCAINE, ACETAMINOPHEN = (1343916, "3992"), (989878, "6387"), (1125315, "161")


def test_epinephrine_in_a_local_anaesthetic_is_no_infusion(tmp_path: Path) -> None:
    assert not events(run(with_product(EPINEPHRINE, LIDOCAINE), tmp_path), "epinephrine")


def test_an_antipyretic_counts_in_a_combination(tmp_path: Path) -> None:
    result = run(with_product(EPINEPHRINE, ACETAMINOPHEN), tmp_path)
    assert len(events(result, "acetaminophen")) == 1
    assert not events(result, "epinephrine")


@pytest.mark.parametrize(
    ("lines", "dose"),
    [
        ([(325, 8576)], 650),
        ([(325, 8576), (5, 8576)], None),
        ([(None, 8576)], None),
        ([(0.5, 8504)], 1000),
        ([], None),
    ],
    ids=["one amount", "two amounts", "no amount", "in grams", "none told"],
)
def test_a_dose_is_the_strength_times_the_pieces(
    tmp_path: Path, lines: list[tuple[float | None, int]], dose: float | None
) -> None:
    made = with_product(ACETAMINOPHEN)
    for amount, unit in lines:
        made.put(
            "drug_strength", drug_concept_id=2_000_000_050, amount_value=amount, amount_unit_concept_id=unit
        )
    (row,) = events(run(made, tmp_path), "acetaminophen")
    assert row["numeric_value"] == dose


@pytest.mark.parametrize(
    ("cells", "systemic"),
    [({"route_concept_id": 4171047}, True), ({"route_concept_id": 4262914}, False), ({"route_source_value": "OPHTHALMIC"}, False),
     ({"route_concept_id": 0, "route_source_value": "IV"}, True), ({}, True)],
)  # fmt: skip
def test_routes(tmp_path: Path, cells: dict[str, Any], systemic: bool) -> None:
    made = treated().add("drug_exposure", 1, 22, 1518254, drug_type_concept_id=ADMINISTERED, **cells)
    assert len(events(run(made, tmp_path), "dexamethasone")) == systemic

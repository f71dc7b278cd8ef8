"""The products: each belongs to a cause, its figures are numbers, its groups are sourced."""

import re

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.causes import causes, read_cause
from tocsin.knowledge.products import Product, cause_of, product, products, window_d

CLASSES = {
    "car_t": "car_t",
    "tcr_t": "tcr_t",
    "til": "other",
    "bispecific": "t_cell_engager",
    "conventional_mab": "antibody",
    "atg": "antibody",
    "haplo_hct": "haplo_hct",
}
every_product = pytest.mark.parametrize("row", products().values(), ids=lambda row: row.id)


@every_product
def test_the_class_gives_the_cause(row: Product) -> None:
    assert row.cause == CLASSES[row.product_class]
    assert cause_of(row.id) is read_cause(row.product_class)


@every_product
def test_the_window_is_that_of_the_cause(row: Product) -> None:
    assert window_d(cause_of(row.id), row.id) == cause_of(row.id).window_d


def test_an_unknown_or_missing_product_has_the_window_of_its_cause() -> None:
    for cause in causes():
        assert window_d(cause, "no_such_product") == window_d(cause, None) == cause.window_d


@every_product
def test_codes_look_like_codes(row: Product) -> None:
    assert row.rxnorm is None or all(re.fullmatch(r"\d+", code) for code in row.rxnorm.code)
    assert row.atc is None or all(re.fullmatch(r"[A-Z]\d\d[A-Z]{2}\d\d", code) for code in row.atc.code)


@every_product
def test_figures_are_possible(row: Product) -> None:
    for group in row.crs_incidence:
        shares = [value for key, value in group.figures.items() if key.endswith("_pct")]
        assert all(0 <= share <= 100 for share in shares)
        assert set(group.recalled) <= {*group.figures, "population"}
    for group in (*row.onset, *row.duration):
        low, high = group.figures.get("range", (0, 1))
        assert low <= high
        assert group.figures.get("unit") in {None, "h", "d"}


@pytest.mark.parametrize(
    ("id", "cause"),
    [
        ("tisagenlecleucel", "car_t"),
        ("afamitresgene_autoleucel", "tcr_t"),
        ("lifileucel", "other"),
        ("blinatumomab", "t_cell_engager"),
        ("rituximab", "antibody"),
        ("antithymocyte_globulin", "antibody"),
        ("haplo_hct", "haplo_hct"),
    ],
)
def test_cause(id: str, cause: str) -> None:
    assert cause_of(id).id == cause


def test_unknown_product_gets_a_hint() -> None:
    with pytest.raises(UserError, match="did you mean tisagenlecleucel"):
        product("tisagenlecleucell")

"""The drugs: what waives fever, what counts as a vasopressor, and by which route."""

import re

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.drugs import Drug, drug, drug_set, drugs, fever_mask, glucocorticoids

FEVER_MASK = {
    *("acetaminophen", "ibuprofen", "naproxen", "ketorolac", "aspirin", "metamizole"),
    *("dexamethasone", "methylprednisolone", "hydrocortisone", "prednisone", "prednisolone"),
    *("tocilizumab", "sarilumab", "siltuximab", "anakinra"),
    *("etanercept", "infliximab", "emapalumab", "clazakizumab", "ruxolitinib"),
}
every_drug = pytest.mark.parametrize("row", drugs().values(), ids=lambda row: row.id)


def test_what_waives_fever_and_nothing_else() -> None:
    assert set(fever_mask()) == FEVER_MASK
    assert len(fever_mask()) == len(FEVER_MASK)


def test_what_counts_as_a_vasopressor() -> None:
    counted = {row.id for row in drugs().values() if row.counts}
    assert counted == set(drug_set("counted_vasopressors"))
    assert not counted & {"vasopressin", "milrinone", "dobutamine"}


def test_routes_by_which_a_drug_counts() -> None:
    assert {row.id for row in drugs().values() if row.route == "systemic"} == FEVER_MASK | {"antibacterial"}
    infused = {row.id for row in drugs().values() if row.route == "infusion"}
    assert infused == {row.id for row in drugs().values() if row.role in ("vasopressor", "inotrope")}


@every_drug
def test_codes_look_like_codes(row: Drug) -> None:
    assert row.rxnorm is None or all(re.fullmatch(r"\d+", code) for code in row.rxnorm.code)
    assert row.atc is None or all(re.fullmatch(r"[A-Z]\d\d[A-Z]{2}\d\d", code) for code in row.atc.code)


def test_glucocorticoids_convert() -> None:
    grams = {row.id: row.equivalent_mg for row in drugs().values() if row.role == "glucocorticoid"}
    assert set(grams) == set(glucocorticoids())
    assert grams == {
        "dexamethasone": 0.75,
        "methylprednisolone": 4,
        "hydrocortisone": 20,
        "prednisone": 5,
        "prednisolone": 5,
    }


def test_tocilizumab_by_weight() -> None:
    light = next(line for line in drug("tocilizumab").dosing if "below_kg" in line.figures)
    heavy = next(line for line in drug("tocilizumab").dosing if "from_kg" in line.figures)
    assert (light.figures["below_kg"], light.figures["mg_per_kg"]) == (30, 12)
    assert (heavy.figures["from_kg"], heavy.figures["mg_per_kg"], heavy.figures["max_mg"]) == (30, 8, 800)


def test_unknown_drug_gets_a_hint() -> None:
    with pytest.raises(UserError, match="did you mean tocilizumab"):
        drug("tocilizumb")

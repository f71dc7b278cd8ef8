"""`explain`: every id in words, with its source, its confidence, and tests that exist."""

from pathlib import Path

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.explain import TESTS, explain, known_ids
from tocsin.knowledge.scales import scales
from tocsin.knowledge.sources import CONFIDENCE
from tocsin.knowledge.vocabulary import EPISODE_FLAGS, HYPOTENSION, OXYGEN


def test_every_id_is_explained() -> None:
    for id in known_ids():
        found = explain(id)
        assert found.id == id
        assert found.text.endswith(".") or "http" in found.text, found
        assert found.source, found
        assert found.confidence in set(CONFIDENCE.values()), found
        assert found.tests, found


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("astct", "fever is needed unless waived"),
        ("astct.hypotension.one", "grade 3"),
        ("astct.hypotension.vasopressin_alone", "grade 2 or 3"),
        ("lee2014.oxygen.mask", "FiO2 of 40 % or more: grade 3"),
        ("mskcc.hypotension.one", "low dose, run of 24 h or more: grade 3"),
        ("lee2014.organ.liver_enzymes", "CTCAE 4: 3"),
        ("creatinine_increased", "grade 4 past 6 times the limit of normal"),
        ("fever_hold", "fever_hold_h = 24 h"),
        ("t_cell_engager", "window of 7 d"),
        ("oxaliplatin", "cytokine storm, not CRS"),
        ("tocilizumab", "waives fever"),
        ("vasopressin", "never counted"),
        ("teclistamab", "MajesTEC-1"),
        ("body_temperature", "accepted from 25 to 45"),
        ("baseline_support", "chronic"),
        ("W3", "side by side"),
        ("TOC-001", "12 mg/kg"),
        ("TOC-001", "weight_kg < 30"),
        ("TOC-004", "at least 8 h between doses"),
        ("GRD-013", "Kept by knowledge/scales/astct.toml"),
        ("PTH-001", "No logic"),
        ("MGT-008", "beside CON-017"),
        ("BLN-010", "confirm against the current label"),
    ],
)
def test_text(id: str, words: str) -> None:
    assert words in explain(id).text


@pytest.mark.parametrize(
    "id", ["lee2014.hypotension.one", "penn.hypotension.multiple", "lee_dopamine_ug_kg_min"]
)
def test_recalled_is_said(id: str) -> None:
    assert explain(id).confidence == "recalled"


def test_a_recalled_row_says_so_in_its_text() -> None:
    assert "This row is recalled" in explain("cartox.hypotension.one").text
    assert "recalled" not in explain("astct.hypotension.one").text
    assert "Recalled, not re-read: hypotension" in explain("lee2014").text


def test_every_cell_and_flag_has_an_id() -> None:
    cells = {f"{row.id}.{axis}.{word}" for row in scales() for axis, words in AXES for word in words}
    assert cells | set(EPISODE_FLAGS) <= set(known_ids())


AXES = (("hypotension", HYPOTENSION), ("oxygen", OXYGEN))


def test_source_texts_are_named_as_such() -> None:
    assert explain("astct.oxygen.mask").confidence == "source text"
    assert "S004 (source text" in explain("astct.oxygen.mask").source


def test_near_matches_are_offered() -> None:
    with pytest.raises(UserError, match=r"did you mean astct\.oxygen\.mask"):
        explain("astct.oxygen.maks")


def test_the_tests_that_are_named_exist(root: Path) -> None:
    assert all((root / test).is_file() for tests in TESTS.values() for test in tests)

"""The product labels against the table they were made from: figures, sources and confidence, cell by cell."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin.knowledge.products import LabelFact, product
from tocsin.knowledge.rules import packs

LABEL = packs()["label"]
GROUPS = ("monitoring", "step_up", "premedication", "rems")
SOURCE_NAMES = {"RX": "RXNORM"}

# Cells that no row repeats, each with its reason.
ELSEWHERE = {
    ("blinatumomab", "g1"): "the consensus itself (MGT-007, MGT-008): the label has no such row",
    ("blinatumomab", "g2"): "the consensus itself (MGT-007, MGT-008): the label has no such row",
}
# Cells whose figures a row does not have, or whose row has one more, each with its reason.
MISSING = {
    ("blinatumomab", "g4"): {8.0},  # tocilizumab 8 mg/kg is of the source text (BLN-007), not of the label
    ("blinatumomab", "label_check"): {2023.0},  # the year of the label
    ("idecabtagene_vicleucel", "monitoring"): {6.0},  # the month of a change, in our note
    ("obecabtagene_autoleucel", "step_up"): {6.0},  # 410e6 is 410 million
}
MORE = {
    ("axicabtagene_ciloleucel", "g1"): {1.0},  # "x1" is 1 dose
    ("lisocabtagene_maraleucel", "g1"): {1.0},  # "one dose"
    ("talquetamab", "g3_first_lt48h"): {36.0},  # stands in verified_keys
}
NUMBER_WORDS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "twice": "2"}


@pytest.fixture(scope="module")
def table(shared: Path) -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml")
    path = shared / "reference" / "products.yaml"
    if not path.is_file():
        pytest.skip("../shared/reference is absent")
    return yaml.safe_load(path.read_text(encoding="utf-8"))["products"]


def cells(theirs: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cells of a product's management table that say something, each with its text, sources and confidence."""
    group = theirs.get("management_label") or {}
    if theirs["class"] in ("conventional_mab", "atg", "haplo_hct", "til") or "text" in group:
        return  # the source text in general words, or not seen
    for name, cell in (*group.items(), ("label_extra", theirs.get("label_extra"))):
        if name in ("src", "conf", "searched", "version_note", "grade_note") or cell is None:
            continue
        whole = cell if isinstance(cell, dict) else {"text": cell}
        if "text" in whole:
            yield name, {"src": group.get("src", []), "conf": "verified", **whole}


GRADES = r"\bgrades? (?:<=|>=)?\d(?:(?: to | or | and |-)\d)?|\bg\d(?:-g?\d)?\b|[<>]=[1-4]\b(?! ?h)"
NAMES = r"lee 2014|nccn 20\d\d|label of 2023|mg/m2|mcg/m2"


def figures(text: str) -> set[float]:
    """The figures of a text: not the numbers of grades and of names."""
    plain = " ".join(NUMBER_WORDS.get(word, word) for word in text.lower().replace("_", " ").split())
    plain = re.sub(f"{GRADES}|{NAMES}", " ", plain)
    return {float(number) for number in re.findall(r"\d+(?:\.\d+)?", plain)}


def test_every_cell_of_the_management_tables_is_a_row(table: list[dict[str, Any]]) -> None:
    ours = {(row.product, name) for row in LABEL for name in row.cell}
    theirs = {(product["id"], name) for product in table for name, _ in cells(product)}
    assert theirs - ours == set(ELSEWHERE)
    groups = {(id, name) for id, name in ours - theirs}
    assert {name for _, name in groups} <= {*GROUPS, "label_scale"}


def test_the_figures_of_every_cell(table: list[dict[str, Any]]) -> None:
    """Each figure of a cell stands in one of its rows, and its rows have no figure that none of their cells has."""
    for theirs in table:
        text = {name: str(cell["text"]) for name, cell in cells(theirs)}
        for name in text.keys() - {cell for id, cell in ELSEWHERE if id == theirs["id"]}:
            rows = [row for row in LABEL if row.product == theirs["id"] and name in row.cell]
            said = {figure for row in rows for figure in figures(row.text)}
            allowed = {
                figure for row in rows for cell in row.cell for figure in figures(f"{cell} {text[cell]}")
            }
            assert figures(text[name]) - said == MISSING.get((theirs["id"], name), set()), (
                theirs["id"],
                name,
            )
            assert said - allowed - MORE.get((theirs["id"], name), set()) == set(), (theirs["id"], name)


def test_the_confidence_and_sources_of_every_cell(table: list[dict[str, Any]]) -> None:
    for theirs in table:
        known = dict(cells(theirs))
        for row in LABEL:
            mine = [known[name] for name in row.cell if row.product == theirs["id"] and name in known]
            for cell in mine:
                assert row.confidence in confidences(cell), row.id
                assert not cell.get("jurisdiction") or row.jurisdiction or row.confidence == "recalled", (
                    row.id
                )
            if mine:
                assert set(row.source) <= {"RECALLED", *(key for cell in mine for key in cell["src"])}, row.id


def confidences(cell: dict[str, Any]) -> set[str]:
    """How sure a row of a cell may be: as the cell, or as the parts of it that are said to be more or less sure."""
    parts = {"recalled_keys": "recalled", "verified_keys": "verified"}
    own = "recalled" if cell["conf"] == "recalled" else "verified"
    return {own, *(word for key, word in parts.items() if key in cell)}


@pytest.mark.parametrize("group", GROUPS)
def test_the_facts_of_products(table: list[dict[str, Any]], group: str) -> None:
    for theirs in table:
        cell, ours = theirs.get(group), getattr(product(theirs["id"]), group)
        said = cell is not None and (group != "rems" or cell["status"] not in (None, "n/a"))
        assert (ours is not None) == said, theirs["id"]
        if isinstance(ours, LabelFact):
            compare_fact(ours, cell, (theirs["id"], group))


def compare_fact(ours: LabelFact, theirs: dict[str, Any], where: tuple[str, str]) -> None:
    assert ours.confidence == (theirs["conf"] or "n/a"), where
    assert ours.status == theirs.get("status", ""), where
    assert ours.jurisdiction == theirs.get("jurisdiction", ""), where
    assert len(ours.recalled) == len(theirs.get("recalled_keys", ())), where
    assert len(ours.verified) == len(theirs.get("verified_keys", ())), where
    sources = {SOURCE_NAMES.get(key, key) for key in theirs["src"]} or {"RECALLED"}
    assert sources <= set(ours.source) <= sources | {"FDA_REMS"}, where
    text = " ".join(str(theirs.get(key, "")) for key in ("text", "mrd_adult", "paediatric"))
    years = {2023.0, 2024.0, 2025.0, 2026.0, 2019.0}
    assert figures(text) - years - MISSING.get(where, set()) <= figures(ours.text), where


def test_notes_on_the_scales_of_labels(table: list[dict[str, Any]]) -> None:
    for theirs in table:
        scale, ours = theirs.get("grading_label"), product(theirs["id"]).label_scale
        noted = bool(scale and (scale.get("flow_note") or scale.get("modified")))
        assert bool(ours and ours.note) == noted, theirs["id"]

"""The rows of the product labels: whom they are for, when they speak and when they are silent."""

import re
from collections.abc import Iterator
from itertools import product as product_of
from typing import Any

import pytest

from tocsin.knowledge.conditions import facts
from tocsin.knowledge.labels import FOLDER
from tocsin.knowledge.products import product, products
from tocsin.knowledge.rules import Rule, packs, rules

LABEL = packs()["label"]
GROUPS = ("monitoring", "step_up", "premedication", "rems")
PRODUCTS = sorted({row.product for row in LABEL})


@pytest.mark.parametrize("id", PRODUCTS)
class TestRowsOf:
    def test_their_ids_name_the_product_and_count(self, id: str) -> None:
        ids = [row.id for row in LABEL if row.product == id]
        assert ids == [f"LBL-{id}-{number:03}" for number in range(1, len(ids) + 1)]

    def test_they_hold_for_this_product_only(self, id: str) -> None:
        other = next(one for one in products() if one != id)
        rows = [row for row in LABEL if row.product == id and row.when]
        assert {row.when.evaluate({"product": other}).value for row in rows if row.when} == {False}

    def test_a_recalled_row_and_no_other_rests_on_memory(self, id: str) -> None:
        facts = {name: getattr(product(id), name) for name in GROUPS}
        for row in (row for row in LABEL if row.product == id):
            fact = facts.get(row.cell[0])
            from_memory = (
                bool(row.recalled) or fact.confidence == "recalled" if fact else "RECALLED" in row.source
            )
            assert (row.confidence == "recalled") == from_memory, row.id

    def test_what_they_stand_beside_is_a_rule_of_the_consensus(self, id: str) -> None:
        consensus = {row.id for row in packs()["consensus"]}
        beside = {other for row in LABEL if row.product == id for other in row.conflicts}
        assert beside <= consensus

    def test_none_gives_tocilizumab_without_counting_the_doses(self, id: str) -> None:
        for row in (row for row in LABEL if row.product == id and row.kind == "treat" and row.when):
            if "tocilizumab" in row.text and "trial" not in row.text:
                assert "tocilizumab_doses" in (row.when.facts if row.when else ()), row.id

    def test_they_read_like_sentences(self, id: str) -> None:
        for row in (row for row in LABEL if row.product == id):
            assert row.text.endswith("."), row.id
            assert row.text[0].isupper() or row.text[0].isdigit(), row.id


def test_every_file_is_of_a_known_product() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} <= set(products())


WITHHOLDS = sorted(
    {row.product for row in LABEL if row.kind == "hold"} - {"blinatumomab", "obecabtagene_autoleucel"}
)


@pytest.mark.parametrize("id", WITHHOLDS)
def test_a_label_that_withholds_in_mild_crs_stands_beside_the_consensus(id: str) -> None:
    """CON-017: continue, or withhold. Both are shown, so the row that withholds names the other."""
    mild = {"product": id, "episode_active": True, "suspected": True, "grade_astct": frozenset({1})}
    held = [
        row
        for row in LABEL
        if row.product == id and row.kind == "hold" and row.when and row.when.evaluate(mild).value
    ]
    if id == "tebentafusp":
        assert held == []  # its label withholds from the severe band on
        return
    assert held
    assert all({"MGT-008", "CON-017"} <= set(row.conflicts) for row in held)


STOPS = [  # product, ASTCT peak, peak of earlier episodes, hours at grade 3: is there a permanent stop?
    ("teclistamab", 2, 0, 0.0, False),
    ("teclistamab", 3, 0, 47.9, False),
    ("teclistamab", 3, 0, 48.0, True),
    ("teclistamab", 3, 2, 1.0, False),
    ("teclistamab", 3, 3, 1.0, True),
    ("teclistamab", 4, 0, 1.0, True),
    ("talquetamab", 3, 0, 47.9, False),
    ("talquetamab", 3, 0, 48.0, True),
    ("elranatamab", 3, 0, 100.0, False),
    ("elranatamab", 3, 3, 1.0, True),
    ("epcoritamab", 3, 0, 72.0, False),
    ("epcoritamab", 3, 0, 72.1, True),
    ("glofitamab", 3, 2, 1.0, False),
    ("glofitamab", 3, 3, 1.0, True),
    ("mosunetuzumab", 4, 0, 1.0, True),
    ("tarlatamab", 3, 0, 1.0, False),
    ("tarlatamab", 4, 0, 1.0, True),
    ("tebentafusp", 3, 0, 1.0, False),
    ("tebentafusp", 4, 0, 1.0, True),
    ("linvoseltamab", 3, 3, 1.0, True),
]


@pytest.mark.parametrize(("id", "peak", "before", "hours", "stop"), STOPS)
def test_when_a_label_stops_for_good(id: str, peak: int, before: int, hours: float, stop: bool) -> None:
    facts: dict[str, Any] = {
        "product": id, "episode_active": True, "resolved": False, "grade_astct": frozenset({peak}),
        "peak_grade_astct": frozenset({peak}), "peak_grade_astct_before": frozenset({before}), "grade3_hours_astct": hours,
    }  # fmt: skip
    stops = [
        row for row in LABEL
        if row.kind == "stop" and "discontinue" in row.text and row.when and row.when.evaluate(facts).value
    ]  # fmt: skip
    assert bool(stops) == stop


LEE = [  # product, Lee grade, hours since onset, therapy to onset, doses: the ids that must and must not speak
    ("brexucabtagene_autoleucel", 1, 23.9, 48.0, "001", False),
    ("brexucabtagene_autoleucel", 1, 24.0, 48.0, "001", True),
    ("lisocabtagene_maraleucel", 1, 1.0, 71.9, "002", True),
    ("lisocabtagene_maraleucel", 1, 1.0, 72.0, "002", False),
    ("lisocabtagene_maraleucel", 1, 1.0, 72.0, "001", True),
    ("axicabtagene_ciloleucel", 1, 71.9, 48.0, "003", False),
    ("axicabtagene_ciloleucel", 1, 72.0, 48.0, "003", True),
    ("axicabtagene_ciloleucel", 2, 72.0, 48.0, "003", False),
]


@pytest.mark.parametrize(("id", "grade", "onset", "to_onset", "number", "speaks"), LEE)
def test_hours_in_the_labels_by_lee(
    id: str, grade: int, onset: float, to_onset: float, number: str, speaks: bool
) -> None:
    facts: dict[str, Any] = {
        "product": id, "episode_active": True, "grade_lee2014": frozenset({grade}), "onset_hours": onset,
        "onset_after_therapy_hours": to_onset, "tocilizumab_doses": 0, "improving": False, "glucocorticoid_given": False,
    }  # fmt: skip
    when = rules()[f"LBL-{id}-{number}"].when
    assert when is not None
    assert when.evaluate(facts).value is speaks


DOSES = [(0, 0.0, True), (1, 7.9, False), (1, 8.0, True), (3, 8.0, True), (4, 8.0, False)]


@pytest.mark.parametrize(("doses", "hours", "speaks"), DOSES)
def test_tocilizumab_of_a_label_keeps_the_interval_and_the_count(
    doses: int, hours: float, speaks: bool
) -> None:
    facts: dict[str, Any] = {
        "product": "axicabtagene_ciloleucel", "episode_active": True, "grade_lee2014": frozenset({3}),
        "tocilizumab_doses": doses, "hours_since_tocilizumab": hours, "improving": False,
    }  # fmt: skip
    when = rules()["LBL-axicabtagene_ciloleucel-004"].when
    assert when is not None
    assert when.evaluate(facts).value is speaks


def test_an_open_grade_leaves_a_label_row_undecided() -> None:
    when = rules()["LBL-teclistamab-003"].when
    assert when is not None
    facts = {
        "product": "teclistamab",
        "episode_active": True,
        "resolved": False,
        "peak_grade_astct": frozenset({2, 3}),
    }
    assert when.evaluate(facts).value is None


# --- every row: it can speak, it can be silent, and it speaks at the grades that its text names ------------------------------

SCALE = {
    "Lee": {"grade_lee2014"},
    "ASTCT": {"grade_astct", "peak_grade_astct"},
    "CTCAE": {"grade_ctcae5", "peak_grade_ctcae5"},
}
NAMED = re.compile(r"(Lee|ASTCT|CTCAE) grade (\d)(?: (or|to) (above|\d))?(?:, or grade (\d))?")


def candidates(fact: str, when: str) -> list[Any]:
    """Values of a fact on each side of every bound that a precondition gives it."""
    kind = facts()[fact].type
    if kind == "yes_no":
        return [True, False]
    if kind == "set":
        return [frozenset({number}) for number in range(5)]
    if kind == "word":
        return sorted({*re.findall(r"'(\w+)'", when), "none"} & set(facts()[fact].words))
    bounds = {float(bound) for bound in re.findall(rf"{fact} (?:<=|>=|==|<|>) ([\d.]+)", when)}
    return sorted({value for bound in bounds for value in (bound - 0.5, bound, bound + 0.5)})


def situations(row: Rule) -> Iterator[dict[str, Any]]:
    assert row.when is not None
    others = [fact for fact in dict.fromkeys(row.when.facts) if fact != "product"]
    for values in product_of(*(candidates(fact, row.when.text) for fact in others)):
        yield {"product": row.product, **dict(zip(others, values, strict=True))}


def named_grades(text: str) -> tuple[str, set[int]] | None:
    """The scale and the grades that the text of a row is about."""
    found = NAMED.search(text.split("agrees at ")[-1])
    if found is None:
        return None
    first, last = int(found[2]), 4 if found[4] == "above" else int(found[4] or found[2])
    grades = set(range(first, last + 1)) if found[3] != "or" or found[4] == "above" else {first, last}
    return found[1], grades | ({int(found[5])} if found[5] else set())


@pytest.mark.parametrize("id", PRODUCTS)
def test_every_row_can_speak_and_can_be_silent(id: str) -> None:
    for row in (row for row in LABEL if row.product == id):
        assert {row.when.evaluate(each).value for each in situations(row) if row.when} == {True, False}, (
            row.id
        )


@pytest.mark.parametrize("id", PRODUCTS)
def test_every_row_speaks_at_the_grades_that_its_text_names(id: str) -> None:
    for row in (row for row in LABEL if row.product == id and row.when):
        named = named_grades(row.text)
        asked = set(row.when.facts if row.when else ()) & (SCALE[named[0]] if named else set())
        assert not named or len(asked) == 1, row.id
        for fact in asked if named and row.when else ():
            spoken = {max(each[fact]) for each in situations(row) if row.when.evaluate(each).value}
            assert spoken - {0} == named[1], row.id


BANDS: list[
    tuple[str, dict[str, Any], bool]
] = [  # a row whose text names no grade: what it asks about, does it speak
    ("tebentafusp-001", {"grade_astct": 1}, False),
    ("tebentafusp-001", {"grade_astct": 2}, True),
    ("tebentafusp-001", {"grade_astct": 3}, False),
    ("tebentafusp-004", {"grade_astct": 2}, False),
    ("tebentafusp-004", {"grade_astct": 3}, True),
    ("tebentafusp-006", {"peak_grade_astct": 3}, False),
    ("tebentafusp-006", {"peak_grade_astct": 4}, True),
    ("tisagenlecleucel-003", {"worsening": True, "weight_kg": 29.9, "tocilizumab_doses": 0.0}, True),
    ("tisagenlecleucel-003", {"worsening": True, "weight_kg": 30.0, "tocilizumab_doses": 0.0}, False),
    ("tisagenlecleucel-004", {"worsening": True, "weight_kg": 30.0, "tocilizumab_doses": 0.0}, True),
    ("tisagenlecleucel-004", {"worsening": True, "weight_kg": 30.0, "tocilizumab_doses": 1.0}, False),
    ("axicabtagene_ciloleucel-005", {"tocilizumab_doses_24h": 2.0}, False),
    ("axicabtagene_ciloleucel-005", {"tocilizumab_doses_24h": 3.0}, True),
    ("brexucabtagene_autoleucel-004", {"tocilizumab_doses_24h": 2.0}, False),
    ("brexucabtagene_autoleucel-004", {"tocilizumab_doses_24h": 3.0}, True),
    ("idecabtagene_vicleucel-009", {"hours_since_initial_treatment": 23.9, "improving": False}, False),
    ("idecabtagene_vicleucel-009", {"hours_since_initial_treatment": 24.0, "improving": False}, True),
    ("idecabtagene_vicleucel-009", {"hours_since_initial_treatment": 24.0, "improving": True}, False),
]


@pytest.mark.parametrize(("row", "said", "speaks"), BANDS)
def test_rows_that_name_no_grade(row: str, said: dict[str, Any], speaks: bool) -> None:
    sets = {fact: frozenset({value}) if "grade" in fact else value for fact, value in said.items()}
    when = rules()[f"LBL-{row}"].when
    assert when is not None
    given = {
        "product": row[:-4],
        "episode_active": True,
        "resolved": False,
        "deteriorating_on_symptomatic_care": False,
    }
    assert when.evaluate({**given, **sets}).value is speaks


@pytest.mark.parametrize(
    ("doses", "active", "speaks"), [(2.0, False, True), (3.0, False, False), (2.0, True, False)]
)
def test_premedication_is_said_before_the_early_doses_only(doses: float, active: bool, speaks: bool) -> None:
    """Teclistamab: the two step-up doses and the first treatment dose."""
    row = next(row for row in LABEL if row.product == "teclistamab" and row.cell == ("premedication",))
    assert row.when is not None
    given = {"product": "teclistamab", "planned": False, "dose_number": doses, "episode_active": active}
    assert row.when.evaluate(given).value is speaks

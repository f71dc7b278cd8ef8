"""Advice as a whole: order, packs side by side, the checklist, what is missing, the JSON."""

import json

import pytest

from tests.support.situations import advised, ids, records
from tocsin.errors import UserError
from tocsin.guidance.advise import advise_records
from tocsin.knowledge.rules import KINDS, URGENCIES

AXI = "-1h weight 80; 0h car_t/axicabtagene_ciloleucel"
GRADE_3 = f"{AXI}; 48h temp 39.4; 50h sbp 82; 51h norepinephrine 6 until 80h; 51h ice_score 10"
GRADE_2 = f"{AXI}; 48h temp 39.4; 50h sbp 82; 50h bolus 500; 51h ice_score 10"
MILD_ENGAGER = "-1h weight 70; 0h t_cell_engager/teclistamab; 8h temp 38.4; 8h sbp 122"


def test_the_most_urgent_first_then_by_kind_then_by_rule() -> None:
    items = advised(GRADE_2, pack="both").items
    order = [(URGENCIES.index(one.urgency), KINDS.index(one.kind), one.id) for one in items]
    assert order == sorted(order)
    assert {one.urgency for one in items} == set(URGENCIES)


@pytest.mark.parametrize(("kg", "rule", "other"), [(29.9, "TOC-001", "TOC-002"), (30, "TOC-002", "TOC-001")])
def test_the_band_of_tocilizumab(kg: float, rule: str, other: str) -> None:
    found = ids(advised(GRADE_3.replace("weight 80", f"weight {kg}"), birth=None), "treat")
    assert rule in found
    assert other not in found


@pytest.mark.parametrize(
    ("chart", "treats"), [(GRADE_2, False), (f"{GRADE_2}; 51h said severity:severe", True), (GRADE_3, True)]
)
def test_grade_2_waits_for_a_word_and_grade_3_does_not(chart: str, treats: bool) -> None:
    """GRD-030, MGT-020, CON-024."""
    advice = advised(chart)
    assert ("TOC-002" in ids(advice, "treat", is_open=False)) == treats
    assert ("TOC-002" in ids(advice, "treat", is_open=True)) == (not treats)
    assert ("GRD-030" in ids(advice)) == (not treats)


class TestPacks:
    def test_where_they_differ_both_are_shown_side_by_side(self) -> None:
        """CON-017: mild CRS on an engager given at intervals: go on, or withhold."""
        items = {one.id: one for one in advised(MILD_ENGAGER).items}
        label = items["LBL-teclistamab-001"]
        assert (label.pack, label.kind, items["CON-017"].pack) == ("label", "hold", "consensus")
        assert {"CON-017"} & set(label.beside) or {"MGT-008"} & set(label.beside)
        assert any("LBL-teclistamab-001" in one.beside for one in items.values())

    def test_the_consensus_alone_where_they_agree(self) -> None:
        chart = "-1h weight 62; 0h blinatumomab 28 until 90h; 6h temp 39; 8h venturi_mask; 8h fio2 50"
        assert {one.pack for one in advised(chart).items} == {"consensus"}
        assert advised(chart).more_in_label > 0
        assert advised(chart, pack="both").more_in_label == 0

    def test_a_pack_by_itself(self) -> None:
        assert {one.pack for one in advised(MILD_ENGAGER, pack="label").items} == {"label"}
        assert {one.pack for one in advised(MILD_ENGAGER, pack="both").items} == {"consensus", "label"}

    def test_a_label_speaks_of_its_own_product_only(self) -> None:
        found = ids(advised(MILD_ENGAGER, pack="label"))
        assert {id.split("-")[1] for id in found} == {"teclistamab"}
        unnamed = MILD_ENGAGER.replace("/teclistamab", "")
        silent = advised(unnamed, pack="label")
        assert ids(silent) == []
        assert [one.what for one in silent.missing] == ["what the label says"]

    def test_another_pack_is_an_error_of_one_line(self) -> None:
        with pytest.raises(UserError, match="pack lable: write one of consensus, label, both"):
            advise_records(records(GRADE_3), pack="lable")

    def test_what_is_recalled_says_so(self) -> None:
        chart = "0h blinatumomab 28 until 9h; 6h temp 39.2; 60h blinatumomab 9 until 200h; 64h temp 38.6"
        recalled = [one for one in advised(chart, pack="both").items if one.confidence == "recalled"]
        assert "BLN-010" in {one.id for one in recalled}
        assert all("confirm against the current label" in one.text.lower() for one in recalled)


class TestWorkUp:
    CHART = f"{AXI}; 24h wbc 2; 47h crp 10; 48h temp 39; 48h ferritin 900; 49h wbc 1; 49h hemoglobin 9; 49h platelets 50"

    def test_ticked_off_from_the_record(self) -> None:
        """WUP-010, WUP-014, WUP-020, WUP-030: partly, done, not on record, not readable."""
        found = {one.id: one.check for one in advised(self.CHART).items if one.check}
        states = {id: found[id].state for id in ("WUP-010", "WUP-014", "WUP-020", "WUP-030")}
        assert states == {
            "WUP-010": "partly",
            "WUP-014": "done",
            "WUP-020": "not_on_record",
            "WUP-030": "not_readable",
        }
        assert found["WUP-010"].lacking == ("neutrophils",)
        assert [name for name, _ in found["WUP-014"].done] == ["crp", "ferritin"]

    def test_a_test_of_two_days_before_the_fever_does_not_count(self) -> None:
        early = f"{AXI}; 23h59m crp 10; 23h59m ferritin 100; 48h temp 39"
        just = f"{AXI}; 24h crp 10; 24h ferritin 100; 48h temp 39"
        states = [
            next(one.check.state for one in advised(chart).items if one.id == "WUP-014" and one.check)
            for chart in (early, just)
        ]
        assert states == ["not_on_record", "done"]

    def test_either_of_two_ticks_it(self) -> None:
        chart = f"{AXI}; 48h temp 39; 49h sbp 82; 49h nt_probnp 900"
        (item,) = [one for one in advised(chart).items if one.id == "WUP-040"]
        assert item.check is not None
        assert item.check.state == "done"

    def test_what_cannot_be_read_is_never_called_missed(self) -> None:
        advice = advised(self.CHART)
        unreadable = {one.id for one in advice.items if one.check and one.check.state == "not_readable"}
        assert unreadable
        assert not any(id in one.why for one in advice.missing for id in unreadable)


class TestMissing:
    def test_an_open_grade_says_what_settles_it(self) -> None:
        advice = advised(f"{AXI}; 48h temp 39; 50h nasal_cannula; 50h ice_score 10")
        assert advice.grade.grade is None
        assert advice.grade.grades == (2, 3)
        assert "flow" in advice.grade.settled_by
        assert any("2 or 3" in one.what for one in advice.missing)

    def test_a_weight_that_is_wrong_is_said(self) -> None:
        missing = advised(f"{GRADE_3}; 51h weight 176").missing
        assert any(one.what == "weight" and "pounds" in one.why for one in missing)

    def test_a_weight_is_not_asked_for_where_nothing_waits_for_it(self) -> None:
        assert not any(
            one.what == "weight" for one in advised("0h car_t; 48h temp 38.5; 48h ice_score 10").missing
        )

    @pytest.mark.parametrize(("kg", "charted", "asked"), [
        (44.9, "", True),
        (44.9, "; -1h height 150", False),
        (44.9, "; -1h body_surface_area 1.4", False),
        (45, "", False),
    ])  # fmt: skip
    def test_a_height_is_asked_for_where_a_dose_waits_for_it(
        self, kg: float, charted: str, asked: bool
    ) -> None:
        """BLN-004."""
        chart = (
            f"-1h weight {kg}{charted}; 0h blinatumomab 28 until 99h; 6h temp 39; 8h venturi_mask; 8h fio2 50"
        )
        assert any(one.what == "height" for one in advised(chart, "9h").missing) == asked

    def test_an_open_act_says_its_condition(self) -> None:
        item = next(one for one in advised(GRADE_2).items if one.id == "TOC-002")
        assert item.text.startswith("If it is treated as severe: ")
        assert item.undecided

    def test_severe_without_a_section_is_said(self) -> None:
        chart = "-1h weight 70; 0h antibody; 4h temp 39; 5h sbp 80; 5h norepinephrine 5 until 20h"
        assert any("after this cause (Conventional antibody)" in one.what for one in advised(chart).missing)
        for pack in ("consensus", "label", "both"):
            assert not any("after this cause" in one.what for one in advised(GRADE_3, pack=pack).missing), (
                pack
            )


@pytest.mark.parametrize(("said", "grades"), [("crs", (5,)), ("other", (0,)), ("", (3, 5))])
def test_after_a_death_nothing_is_advised(said: str, grades: tuple[int, ...]) -> None:
    """The grade is that of the row of the death: 5 only where somebody laid it to CRS, open where nobody said."""
    advice = advised(f"{GRADE_3}; 60h death {said}", "61h")
    assert advice.items == ()
    assert advice.grade.grades == grades
    assert [one.why for one in advice.missing] == ["a death is on record: no advice is given"]


def test_the_json() -> None:
    found = json.loads(json.dumps(advised(GRADE_3).as_json()))
    assert {"subject_id", "at", "cause", "product", "grade", "items", "missing"} <= set(found)
    assert found["grade"] | {"why": "", "settled_by": ""} == {
        "scale": "astct", "grade": 3, "set": [3], "why": "", "settled_by": "", "since": None, "support": "",
    }  # fmt: skip
    keys = {"id", "kind", "urgency", "text", "dose", "not_before", "strength", "source", "confidence"}
    assert all(keys <= set(item) for item in found["items"])
    dose = next(item["dose"] for item in found["items"] if item["id"] == "TOC-002")
    assert {key: dose[key] for key in ("drug", "amount", "unit", "route", "interval_h")} == {
        "drug": "tocilizumab", "amount": 640, "unit": "mg", "route": "IV", "interval_h": 8,
    }  # fmt: skip
    assert "8 mg/kg x 80 kg = 640 mg" in dose["arithmetic"]
    assert all({"what", "why"} == set(one) for one in found["missing"])


def test_every_item_carries_rule_source_strength_and_confidence() -> None:
    for item in advised(GRADE_2, pack="both").items:
        assert item.id
        assert item.text
        assert item.source
        assert item.strength
        assert item.confidence


def test_the_scale_that_the_user_named_decides() -> None:
    advice = advised(GRADE_3, scale="lee2014")
    assert (advice.grade.scale, advice.grade.grade) == ("lee2014", 2)

"""Rows of the guidance that are no advice: the scales, the timeline and the tables that keep them do what the row says."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.charts import Case, case, check_episodes, check_rows
from tests.support.situations import situation
from tocsin.errors import UserError
from tocsin.grading.calc import calc
from tocsin.knowledge.causes import causes, read_cause
from tocsin.knowledge.dosing import clock, cutoffs, dose
from tocsin.knowledge.drugs import drug, drug_set
from tocsin.knowledge.icans import icans_scales
from tocsin.knowledge.icd10cm import icd10_codes
from tocsin.knowledge.products import product, products
from tocsin.knowledge.rules import rule, rules
from tocsin.knowledge.scales import scale
from tocsin.knowledge.signals import signals
from tocsin.knowledge.timeline import defaults

GRADES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "grades.toml").read_text("utf-8"))


@pytest.mark.parametrize("line", GRADES["case"], ids=lambda line: f"{'+'.join(line['rules'])}: {line['why']}")
def test_the_scales_keep_the_row(line: dict[str, Any]) -> None:
    answer = calc(**{**GRADES["base"], **line["find"]})
    scales = line.keys() & {"astct", "ctcae5", "icans"}
    assert scales
    assert {name: answer[name]["set"] for name in scales} == {name: line[name] for name in scales}


# Rows that the timeline keeps, as charts: what happens, and the grades that must come of it.
ON_ASTCT = [
    case("GRD-020: 38.0 is a fever, 37.9 is none", "0h car_t; 1h temp 37.9; 2h temp 38.0; 3h seen", "2h 1"),
    case(
        "GRD-024: milrinone does not count",
        "0h car_t; 0h temp 39; 1h milrinone 0.5 until 2h; 3h seen",
        "0h 1",
    ),
    case(
        "GRD-025: dobutamine does not either",
        "0h car_t; 0h temp 39; 1h dobutamine 5 until 2h; 3h seen",
        "0h 1",
    ),
    case(
        "CON-025: low pressure put down to something else",
        "0h car_t; 0h temp 39; 1h said hypotension:other; 2h sbp 70; 3h seen",
        "0h 1",
    ),
    case(
        "RES-001: without fever, pressure drug and oxygen for 24 h it has resolved",
        "0h car_t; 0h temp 39; 1h acetaminophen 1000; 23h59m temp 36.5; 24h1m seen",
        "0h 1",
        "24h closed",
    ),
    case(
        "CON-021: the window is open from the hour of the therapy",
        "0h antibody/rituximab; 0h temp 38.5; 1h seen",
        "0h 1",
    ),
]


@pytest.mark.parametrize("one", ON_ASTCT, ids=lambda one: one.name)
def test_the_timeline_keeps_the_row(one: Case) -> None:
    check_rows(one, ("astct",))


def test_the_trigger_is_kept_with_every_episode() -> None:
    """DX-003, COD-010: cause, product and time of the therapy stand in each episode."""
    check_episodes(
        case("", "0h car_t/tisagenlecleucel; 30h temp 39; 31h seen", "car_t tisagenlecleucel 0h 30h"),
        ("cause", "product", "therapy_time", "onset"),
    )


def test_crs_needs_a_therapy_and_a_fever() -> None:
    """DEF-001: low pressure without fever, or a fever without a therapy, is no episode."""
    check_episodes(case("", "0h car_t; 2h sbp 70; 3h seen"), ("cause",))


@pytest.mark.parametrize(
    "word", ["covid19", "influenza", "infection", "oxaliplatin", "lenalidomide", "non_protein_drug"]
)
def test_no_cause_of_crs(word: str) -> None:
    """DEF-003, DEF-004, CON-011, CON-012: infections and drugs that are no proteins give a cytokine storm."""
    with pytest.raises(UserError, match="cytokine storm, not CRS"):
        read_cause(word)


@pytest.mark.parametrize(
    ("id", "cause"),
    [
        ("antithymocyte_globulin", "antibody"),  # EPI-006
        ("rituximab", "antibody"),
        ("obinutuzumab", "antibody"),
        ("alemtuzumab", "antibody"),
        ("brentuximab_vedotin", "antibody"),
        ("nivolumab", "antibody"),
        ("tgn1412", "antibody"),  # EPI-007
        ("dacetuzumab", "antibody"),
        ("muromonab_cd3", "antibody"),
    ],
)
def test_the_antibodies_that_are_known_to_cause_it(id: str, cause: str) -> None:
    """EPI-006, EPI-007."""
    assert read_cause(product(id).cause).id == cause


@pytest.mark.parametrize(
    ("id", "cause", "last_h"),
    [
        ("TIM-001", "car_t", 336),
        ("TIM-002", "haplo_hct", 72),
        ("TIM-003", "t_cell_engager", 24),
        ("TIM-003", "antibody", 24),
    ],
)
def test_the_window_holds_the_usual_range(id: str, cause: str, last_h: float) -> None:
    """TIM-001, TIM-002, TIM-003, CON-021: no window closes before the usual onset is over."""
    assert rule(id).lives == ("knowledge/causes.toml",)
    assert read_cause(cause).window_d * 24 >= last_h


@pytest.mark.parametrize(
    ("cause", "scale_of_record"),
    [
        ("car_t", "astct"),  # GRD-002
        ("t_cell_engager", "ctcae5"),  # GRD-003
        ("haplo_hct", "ctcae5"),
        ("antibody", "ctcae5"),
        ("tcr_t", "astct"),  # GRD-005
        ("other", "ctcae5"),
    ],
)
def test_the_scale_goes_by_the_cause(cause: str, scale_of_record: str) -> None:
    """GRD-001, GRD-002, GRD-003, GRD-005."""
    assert {row.id: row.scale for row in causes()}[cause] == scale_of_record


def test_a_grade_is_never_without_its_scale() -> None:
    """GRD-004, EPI-015: each grade of an answer stands under its scale, and no column mixes two."""
    answer = calc(temp_c=39.0, fever_attributed_to_crs="yes")
    assert set(answer) >= {"astct", "ctcae5", "lee2014", "penn"}
    assert scale("lee2014").id == "lee2014"  # GRD-006: the other scale that the overview names


def test_what_no_scale_reads() -> None:
    """GRD-028, CON-008, CON-009: neither organs nor nerves nor the pulse are findings of ASTCT."""
    assert not scale("astct").organ_toxicity
    with pytest.raises(UserError):
        calc(temp_c=39.0, heart_rate=150)


def test_drugs_as_the_texts_mean_them() -> None:
    """CON-007, GRD-024, GRD-025, GRD-021: anakinra's target, what counts as a vasopressor, what hides a fever."""
    assert drug("anakinra").target == "IL-1 receptor"
    assert not drug("milrinone").counts
    assert not drug("dobutamine").counts
    assert "vasopressin" not in drug_set("counted_vasopressors")
    assert {"acetaminophen", "dexamethasone", "tocilizumab"} <= set(drug_set("fever_mask"))


def test_the_doses_of_tocilizumab() -> None:
    """TOC-003, TOC-007, TOC-008, TOC-009: one figure for each band, capped, and once for blinatumomab."""
    low, high, once = (dose(f"tocilizumab_{name}") for name in ("under_30", "from_30", "engager"))
    assert (low.per_kg, low.below_kg, low.cap, low.interval_h, low.max_doses) == (12, 30, 800, 8, 4)
    assert (high.per_kg, high.from_kg, high.cap, high.interval_h, high.max_doses) == (8, 30, 800, 8, 4)
    assert (once.per_kg, once.cap, once.max_doses) == (8, 800, 1)
    for id in ("PER-004", "PER-005"):  # TOC-008, TOC-009, HCT-003 act there
        assert rule(id).dose == ("tocilizumab_under_30", "tocilizumab_from_30")
    assert rule("BLN-007").dose == ("tocilizumab_engager",)


def test_the_high_dose_is_a_range_and_no_cap() -> None:
    """STE-007, CON-015: from 2 mg/kg to 1 g a day, three days."""
    high = dose("methylprednisolone_high")
    assert (high.per_kg, high.fixed_to, high.cap, high.max_days, high.per) == (2, 1000, 1000, 3, "day")
    assert rule("PER-006").dose == ("methylprednisolone_high",)


def test_the_course_of_dexamethasone() -> None:
    """STE-005, HCT-002, CON-029: haplo takes the dexamethasone of the engagers, and nothing else of that text."""
    assert set(rule("HCT-002").dose) == {"dexamethasone_engager_from_45", "dexamethasone_engager_under_45"}
    for id in rule("HCT-002").dose:
        assert (dose(id).max_days, dose(id).taper_days, dose(id).interval_h, dose(id).cap) == (3, 4, 8, 8)


def test_no_option_of_glucocorticoid_stands_for_another() -> None:
    """CON-030: each option has one dose of one drug, none is made from another."""
    options = [rule(id).dose for id in ("STE-001", "STE-002", "STE-003")]
    assert [len(one) for one in options] == [1, 1, 1]
    assert len({dose(one[0]).drug for one in options}) == 3


# Facts that would make a row that stops an infusion speak up, were it a T-cell engager.
SEVERE_HAPLO = {
    "cause": "haplo_hct",
    "product": "haplo_hct",
    "managed_as_severe": True,
    "glucocorticoid_given": False,
}


def test_after_a_transplant_there_is_nothing_to_interrupt() -> None:
    """HCT-004."""
    for id in ("BLN-002", "BLN-003", "BLN-004", "BLN-013", "BLN-014"):
        when = rule(id).when
        assert when
        assert when.evaluate(SEVERE_HAPLO).value is False, id


def test_tocilizumab_for_a_poor_response_is_offered_in_grade_3_too() -> None:
    """CON-028: the row asks for severe CRS, whichever of the two grades; TOC-007 names the dose."""
    when = rule("BLN-007").when
    assert when
    assert "severe" in when.facts
    assert "grade" not in when.facts


def test_resolved_grade_3_opens_the_way_to_resume() -> None:
    """RES-006."""
    (resume,) = [act for act in rule("BLN-008").cases if act.kind == "treat"]
    facts = {
        "product": "blinatumomab",
        "planned_resume": True,
        "resolved": True,
        "peak_grade": frozenset({3}),
        "peak_grade_ever": frozenset({3}),
    }
    assert resume.when
    assert resume.when.evaluate(facts).value is True


def test_c_reactive_protein_counts_until_tocilizumab() -> None:
    """CON-019: exactly one of the two rows speaks, whatever was given."""
    before, after = rule("MON-010").when, rule("MON-006").when
    assert before
    assert after
    for doses in (0, 1, 4):
        facts = {"episode_active": True, "tocilizumab_doses": doses}
        assert before.evaluate(facts).value is not after.evaluate(facts).value
    assert clock("crp_lag").min_h == 12


def test_both_views_on_grade_2_are_shown() -> None:
    """CON-020, CON-024: grade 3 has one row, grade 2 two views and the question to a clinician."""
    facts = {"cause": "car_t", "grade": frozenset({2}), "tocilizumab_doses": 0, "glucocorticoid_given": False}
    speaking = {row.id for row in rules().values() if row.when and row.when.evaluate(facts).value is True}
    assert {"MGT-012", "GRD-030"} <= speaking
    assert "MGT-020" not in speaking
    facts["grade"] = frozenset({3})
    speaking = {row.id for row in rules().values() if row.when and row.when.evaluate(facts).value is True}
    assert "MGT-020" in speaking
    assert "MGT-012" not in speaking


def test_what_is_displayed_and_never_recommended() -> None:
    """CON-035: the rows on early tocilizumab are cautions."""
    assert {rule(id).kind for id in ("MGT-024", "PRV-003", "PRV-004")} == {"caution"}


def test_the_page_on_grade_5_gives_no_treatment() -> None:
    """CON-036, CON-003: no row that rests on it alone is a treatment."""
    resting = [row for row in rules().values() if row.source == ("S003",)]
    assert resting
    assert all(row.kind not in ("treat", "stop", "hold") for row in resting)


def test_hlh_before_is_a_risk_and_after_is_called_crs() -> None:
    """CON-023."""
    before, after = rule("EPI-011").when, rule("DEF-005").when
    assert before
    assert after
    assert before.evaluate(situation("-2d hlh; 0h car_t; 1h temp 37; 2h seen").facts).value is True
    earlier = situation("-2d hlh; 0h car_t; 1h temp 39; 2h seen").facts
    later = situation("0h car_t; 1h temp 39; 2h hlh").facts
    assert (after.evaluate(earlier).value, after.evaluate(later).value) == (False, True)


def test_significant_is_not_grade_3() -> None:
    """CON-031: figures of significant CRS are kept under their own name."""
    figures = [line.figures for row in products().values() for line in row.crs_incidence]
    significant = [line for line in figures if any("significant" in str(key) for key in line)]
    assert significant
    assert not any({"ge3_pct", "significant_pct"} <= set(line) for line in significant)


def test_what_the_texts_leave_to_other_pages_names_another_source() -> None:
    """CON-034: no cut-off of ours rests on the source texts."""
    assert all(not key.startswith("S00") for row in cutoffs().values() for key in row.source)
    assert all(
        not key.startswith("S00") for row in icans_scales() for key in row.source if row.id == "icans_ctcae6"
    )


def test_temperatures_are_kept_in_celsius() -> None:
    """CON-032: 40.5 °C is 104.9 °F."""
    (temperature,) = [row for row in signals() if row.name == "body_temperature"]
    assert temperature.unit == "Cel"
    assert round(40.5 * 1.8 + 32, 1) == 104.9
    assert defaults().fever_threshold_cel == 38.0


def test_the_words_that_were_printed_wrong() -> None:
    """CON-006, CON-018: the endothelium lowers the pressure; the programmes of the FDA ended."""
    assert "low blood pressure" in rule("PTH-004").text
    assert "June 2025" in rule("MGT-002").text


def test_crs_is_coded_in_one_category() -> None:
    """COD-001, CON-010: D89.83 holds every leaf of CRS, and is itself no code for a claim."""
    crs = [row for row in icd10_codes().values() if row.of == "crs"]
    assert all(row.id.startswith("D89.83") for row in crs)
    assert [row.id for row in crs if not row.billable] == ["D89.83"]

"""Facts of a situation: therapy, severity by cause, fever, treatment, nerves and laboratory, each seen only up to its instant."""

import datetime as dt

import pytest

from tests.support.situations import fact, situation
from tocsin.errors import UserError
from tocsin.knowledge.conditions import Value, facts

AXI = "-1h weight 80; 0h car_t/axicabtagene_ciloleucel"
FEVER = f"{AXI}; 48h temp 39"
GRADE = {  # what makes a grade, by ASTCT and by CTCAE v5.0 alike
    1: "50h sbp 118",
    2: "50h sbp 84; 50h bolus 500",
    3: "50h sbp 80; 50h norepinephrine 6 until 60h",
    4: "50h sbp 80; 50h norepinephrine 6 until 60h; 50h epinephrine 6 until 60h",
}
YES, NO, OPEN = True, False, None


def test_every_fact_of_the_vocabulary_is_computed_and_no_other() -> None:
    running = situation(
        "0h blinatumomab 9 until 10h; 2h temp 38.5; 12h blinatumomab 9 until 30h; 13h temp 38.6"
    )
    assert set(running.facts) == set(facts())


def test_every_word_is_one_of_its_fact() -> None:
    found = situation(f"{FEVER}; {GRADE[3]}").facts
    for name, known in facts().items():
        value = found.get(name)
        if known.type == "word" and value is not None:
            assert value in known.words, name
        if known.type == "yes_no":
            assert value is None or isinstance(value, bool), name
        if known.type == "set":
            assert value is None or isinstance(value, frozenset), name


class TestSeverity:
    """MGT-006, MGT-016 and GRD-030 for engineered cells; BLN-001 and HCT-001 for the others; CON-024."""

    @pytest.mark.parametrize("cause", ["car_t", "tcr_t"])
    @pytest.mark.parametrize(("grade", "word", "severe"), [
        (1, "", NO),
        (1, "severe", NO),
        (2, "", OPEN),
        (2, "severe", YES),
        (2, "mild", NO),
        (3, "", YES),
        (3, "mild", YES),
        (4, "", YES),
    ])  # fmt: skip
    def test_engineered_cells(self, cause: str, grade: int, word: str, severe: Value) -> None:
        said = f"; 51h said severity:{word}" if word else ""
        found = situation(f"0h {cause}; 48h temp 39; {GRADE[grade]}{said}", "51h").facts
        assert found["severe"] is severe
        assert found["mild"] is (None if severe is None else not severe)

    @pytest.mark.parametrize("cause", ["t_cell_engager", "haplo_hct"])
    @pytest.mark.parametrize(("grade", "word", "severe"), [
        (1, "", NO), (2, "", NO), (2, "severe", YES), (3, "", YES), (4, "", YES),
    ])  # fmt: skip
    def test_the_others(self, cause: str, grade: int, word: str, severe: Value) -> None:
        said = f"; 51h said severity:{word}" if word else ""
        found = situation(f"0h {cause}; 48h temp 39; {GRADE[grade]}{said}", "51h").facts
        assert found["severe"] is severe

    def test_a_grade_that_is_open_leaves_it_open(self) -> None:
        found = situation(f"{FEVER}; 50h nasal_cannula").facts
        assert (found["grade"], found["severe"]) == (frozenset({2, 3}), None)

    def test_outside_an_episode_nothing_is_severe(self) -> None:
        found = situation(f"{AXI}; 50h temp 37").facts
        assert (found["severe"], found["mild"], found["grade"]) == (False, False, frozenset({0}))

    @pytest.mark.parametrize(("words", "stands", "told"), [
        ("51h said severity:severe; 52h said severity:mild", NO, True),
        ("51h said severity:mild; 52h said severity:severe", YES, True),
        ("51h said severity:mild", NO, False), ("51h said severity:mild; 52h said severity:mild", NO, False),
    ])  # fmt: skip
    def test_of_two_words_the_later_stands_and_it_is_told(
        self, words: str, stands: Value, told: bool
    ) -> None:
        found = situation(f"{FEVER}; {GRADE[2]}; {words}")
        assert found.facts["severe"] is stands
        assert bool(found.doubts) == told


class TestTime:
    def test_nothing_later_is_seen(self) -> None:
        whole = f"{FEVER}; {GRADE[3]}; 52h tocilizumab 640; 53h ice_score 4"
        before = situation(whole, "49h").facts
        assert (before["grade"], before["tocilizumab_doses"], before["icans_findings"]) == (
            frozenset({1}),
            0,
            None,
        )

    def test_an_instant_after_the_last_record_lets_holds_expire(self) -> None:
        chart = f"{AXI}; 48h temp 38.5"
        assert fact("episode_active", chart, "71h59m") is True
        assert fact("episode_active", chart, "72h") is False  # 24 h after the last fever: resolved
        assert fact("resolved", chart, "72h") is True
        assert fact("hours_since_resolution", chart, "73h") == 25

    def test_before_the_first_record_is_an_error_of_one_line(self) -> None:
        with pytest.raises(
            UserError,
            match="nothing is on record yet at 2025-03-01 22:00; the first record is of 2025-03-01 23:00",
        ):
            situation(AXI, "-2h")

    def test_the_error_speaks_in_the_zone_of_the_run(self) -> None:
        with pytest.raises(UserError, match=r"2025-03-01 17:00; .* 18:00 \(America/New_York\)"):
            situation(AXI, "-2h", zone="America/New_York")


class TestTherapy:
    @pytest.mark.parametrize(("chart", "at", "expected"), [
        (AXI, "-30m", {"planned": YES, "after_therapy": NO, "cause": "car_t", "in_window": NO, "hours_since_therapy": OPEN}),
        (AXI, "0h", {"planned": NO, "after_therapy": YES, "in_window": YES, "hours_since_therapy": 0.0, "dose_number": 1.0}),
        (AXI, "336h", {"in_window": YES}), (AXI, "336h1us", {"in_window": NO}),
        ("0h t_cell_engager/epcoritamab; 72h t_cell_engager/epcoritamab", "80h", {"dose_number": 2.0, "hours_since_therapy": 8}),
        ("0h haplo_hct", "1h", {"product": "none", "product_known": OPEN, "cause": "haplo_hct"}),
        ("0h car_t/brandnew", "1h", {"product": "brandnew", "product_known": NO}),
        ("0h car_t; 0h haplo_hct", "1h", {"cause": "car_t"}),
    ])  # fmt: skip
    def test_which_when_and_how_many(self, chart: str, at: str, expected: dict[str, Value]) -> None:
        found = situation(chart, at).facts
        assert {name: found[name] for name in expected} == expected

    def test_an_unnamed_product_may_be_any_of_its_cause(self) -> None:
        found = fact("product", "0h car_t; 1h temp 37")
        assert isinstance(found, frozenset)
        assert "axicabtagene_ciloleucel" in found
        assert "blinatumomab" not in found

    def test_the_episode_under_way_says_whose_it_is(self) -> None:
        chart = "0h t_cell_engager/teclistamab; 4h temp 38.5; 5h haplo_hct; 6h temp 38.5"
        assert fact("cause", chart) == "t_cell_engager"


class TestInfusion:
    """The facts of BLN-002, -008, -009, -010 and CON-005."""

    CRS = "6h temp 39.2; 8h temp 39"

    @pytest.mark.parametrize(("infusion", "at", "expected"), [
        ("0h blinatumomab 9 until 90h", "9h", {"infusion_running": YES, "blinatumomab_ug_per_day": 9}),
        ("0h blinatumomab 28 until 9h", "9h", {"infusion_running": NO, "infusion_interrupted": YES, "planned_resume": YES}),
        ("0h blinatumomab 28; 9h blinatumomab 0", "10h", {"infusion_running": NO, "infusion_interrupted": YES}),
        ("0h blinatumomab 28 until 5h", "10h", {"infusion_running": NO, "infusion_interrupted": NO}),
        ("0h blinatumomab 28 until 9h; 12h59m blinatumomab 28 until 90h", "20h", {"infusion_running": YES, "resumed": NO}),
        ("0h blinatumomab 28 until 9h; 13h blinatumomab 9 until 90h", "20h", {"infusion_running": YES, "resumed": YES}),
        ("0h blinatumomab 28 until 9h; 60h blinatumomab 9 until 400h", "228h", {"days_on_resume_dose": 7.0, "resumed": YES}),
        ("0h blinatumomab 28 until 9h; 60h blinatumomab 9 until 90h; 90h blinatumomab 28 until 400h", "228h",
         {"days_on_resume_dose": 5.75}),
        ("0h t_cell_engager/blinatumomab", "9h", {"dose_number": 1.0}),
    ])  # fmt: skip
    def test_what_runs(self, infusion: str, at: str, expected: dict[str, Value]) -> None:
        found = situation(f"{infusion}; {self.CRS}; 700h seen", at).facts
        assert {name: found.get(name) for name in expected} == expected

    def test_blinatumomab_known_only_as_a_dose_leaves_the_infusion_open(self) -> None:
        found = situation(f"0h t_cell_engager/blinatumomab; {self.CRS}").facts
        assert found.get("infusion_running") is None

    def test_before_any_crs_nothing_was_resumed(self) -> None:
        ahead = situation("0h seen; 24h blinatumomab 9 until 200h", "1h").facts
        dose = situation("0h t_cell_engager/blinatumomab; 1h seen").facts
        for found in (ahead, dose):
            assert (found["resumed"], found["planned_resume"], found["recurrence_after_resume"]) == (
                NO,
                NO,
                NO,
            )
        assert (ahead["infusion_running"], dose.get("infusion_running")) == (NO, OPEN)

    def test_crs_on_the_resumed_dose(self) -> None:
        chart = f"0h blinatumomab 28 until 9h; {self.CRS}; 60h blinatumomab 9 until 200h; 64h temp 38.6"
        assert fact("recurrence_after_resume", chart) is True
        assert fact("recurrence_after_resume", chart, "63h") is False


class TestWithoutFever:
    """DX-008: low pressure and oxygen need are read outside an episode too."""

    @pytest.mark.parametrize(("charted", "at", "hypotension", "hypoxia"), [
        ("30h sbp 89", "31h", "untreated", OPEN),
        ("30h sbp 90", "31h", "none", OPEN),
        ("30h sbp 89", "35h59m", "untreated", OPEN),
        ("30h sbp 89", "36h", OPEN, OPEN),
        ("30h norepinephrine 6 until 40h", "31h", "one", OPEN),
        ("30h room_air", "31h", OPEN, NO),
        ("30h spo2 97; 30h sbp 120", "31h", "none", NO),
        ("30h venturi_mask", "31h", OPEN, YES),
        ("30h sbp 89; 30h said hypotension:other", "31h", "none", OPEN),
    ])  # fmt: skip
    def test_what_is_charted_of_late(self, charted: str, at: str, hypotension: Value, hypoxia: Value) -> None:
        found = situation(f"{AXI}; 29h temp 37; {charted}", at).facts
        assert (found["episode_active"], found["hypotension"], found["hypoxia"]) == (NO, hypotension, hypoxia)

    def test_out_of_the_window_nothing_is_read(self) -> None:
        found = situation("-1h sbp 80; 0h seen; 200d car_t", "1h").facts
        assert (found["hypotension"], found["hypoxia"]) == ("none", NO)


class TestTreatment:
    @pytest.mark.parametrize(("at", "goes_on", "since"), [
        ("60h", YES, 10),
        ("90h", YES, 40),
        ("96h", YES, 46),
        ("96h1m", NO, None),
    ])  # fmt: skip
    def test_a_glucocorticoid_may_outlast_the_episode(
        self, at: str, goes_on: Value, since: float | None
    ) -> None:
        """For BLN-005: its taper is still due when CRS is over (here at 86 h), as long as it is given (last at 72 h)."""
        chart = f"{FEVER}; 50h dexamethasone 10; 62h temp 37; 72h dexamethasone 10; 96h1m seen"
        found = situation(chart, at).facts
        assert (found["glucocorticoid_going_on"], found["hours_since_glucocorticoid_start"]) == (
            goes_on,
            since,
        )
        assert found["glucocorticoid_given"] is (found["episode_active"])

    def test_doses_before_the_onset_are_not_of_the_episode(self) -> None:
        found = situation(f"{AXI}; 40h tocilizumab 640; 41h dexamethasone 10; 48h temp 39; 49h seen").facts
        assert (found["tocilizumab_doses"], found["tocilizumab_ever"], found["glucocorticoid_given"]) == (
            0,
            True,
            False,
        )

    @pytest.mark.parametrize(("at", "day"), [("68h", 3), ("75h59m", 4), ("76h", 3), ("84h", 2)])
    def test_doses_within_24_h(self, at: str, day: int) -> None:
        """TOC-014."""
        chart = f"{FEVER}; 52h tocilizumab 640; 60h tocilizumab 640; 68h tocilizumab 640; 75h tocilizumab 640; 90h temp 39"
        assert fact("tocilizumab_doses_24h", chart, at) == day

    @pytest.mark.parametrize(("given", "high"), [
        ("50h methylprednisolone 159", NO),
        ("50h methylprednisolone 160", YES),
        ("50h methylprednisolone 80; 60h methylprednisolone 80", YES),
        ("50h methylprednisolone 80; 74h methylprednisolone 80", NO),
        ("50h dexamethasone 40", NO),
        ("50h methylprednisolone ?", OPEN),
    ])  # fmt: skip
    def test_a_high_dose_is_that_of_its_own_drug(self, given: str, high: Value) -> None:
        """STE-007; by no equivalence (CON-030): 40 mg of dexamethasone is STE-002."""
        assert fact("high_dose_glucocorticoid", f"{FEVER}; 60h temp 39; {given}; 75h temp 39") is high

    def test_without_a_weight_a_high_dose_is_open_under_its_ceiling(self) -> None:
        assert fact("high_dose_glucocorticoid", "0h car_t; 48h temp 39; 50h methylprednisolone 200") is None
        assert fact("high_dose_glucocorticoid", "0h car_t; 48h temp 39; 50h methylprednisolone 1000") is True

    def test_a_third_line_drug(self) -> None:
        found = situation(f"{FEVER}; 50h anakinra 100").facts
        assert (found["third_line_given"], found["treated"], found["glucocorticoid_alone"]) == (
            True,
            True,
            False,
        )


class TestNervesAndLaboratory:
    @pytest.mark.parametrize(("charted", "findings", "grades"), [
        ("", OPEN, OPEN), ("49h ice_score 10", NO, {0}), ("49h ice_score 9", YES, {1}), ("49h ice_score 6", YES, {2}),
        ("49h icans", YES, OPEN), ("49h seizure", YES, OPEN), ("49h consciousness awakens_to_voice", YES, OPEN),
        ("20h ice_score 10", OPEN, OPEN), ("26h ice_score 10", NO, {0}),
    ])  # fmt: skip
    def test_icans(self, charted: str, findings: Value, grades: set[int] | None) -> None:
        found = situation(f"{FEVER}; {charted}; 50h temp 39", "50h").facts
        assert found["icans_findings"] is findings
        assert found["icans"] == (None if grades is None else frozenset(grades))

    @pytest.mark.parametrize(
        ("count", "neutropenic"), [("0.49", YES), ("0.5", OPEN), ("1.0", OPEN), ("1.01", NO)]
    )
    def test_neutropenic(self, count: str, neutropenic: Value) -> None:
        assert fact("neutropenic", f"{FEVER}; 49h neutrophils {count}") is neutropenic

    def test_an_old_count_says_nothing(self) -> None:
        assert fact("neutropenic", f"{AXI}; 20h neutrophils 0.1; 48h temp 39", "44h") is True
        assert fact("neutropenic", f"{AXI}; 20h neutrophils 0.1; 48h temp 39", "44h1m") is None

    @pytest.mark.parametrize(("labs", "pattern"), [
        ("", OPEN), ("49h potassium 6; 49h phosphate 4.5", YES), ("49h potassium 5.9; 49h phosphate 4.5", OPEN),
        ("49h potassium 5.9; 49h phosphate 4.4; 49h calcium 7.1; 49h uric_acid 7.9", NO),
        ("49h potassium 6; 49h phosphate 4.4; 49h calcium 7.1; 49h uric_acid 7.9", NO), ("49h calcium 7; 49h uric_acid 8", YES),
    ])  # fmt: skip
    def test_tumour_lysis(self, labs: str, pattern: Value) -> None:
        """PRS-009, at and beside its cut-offs."""
        assert fact("tumour_lysis_pattern", f"{FEVER}; {labs}; 50h temp 39") is pattern

    def test_a_childs_phosphate_has_its_own_limit(self) -> None:
        chart = f"{FEVER}; 49h potassium 6.1; 49h calcium 9; 49h phosphate"
        child = dt.date(2015, 1, 1)
        assert fact("tumour_lysis_pattern", f"{chart} 6.5", birth=child) is True
        assert fact("tumour_lysis_pattern", f"{chart} 6.4; 49h uric_acid 9", birth=child) is None

    @pytest.mark.parametrize(
        ("given", "known"),
        [("", OPEN), ("24h antibacterial", YES), ("23h antibacterial", OPEN), ("49h antibacterial", YES)],
    )
    def test_antibiotics(self, given: str, known: Value) -> None:
        assert fact("antibiotics_given", f"{FEVER}; {given}; 50h temp 39") is known

    @pytest.mark.parametrize(("charted", "known"), [
        ("", OPEN), ("49h blood_culture no_growth", NO), ("49h blood_culture ordered", OPEN), ("49h blood_culture E_coli", YES),
        ("49h sepsis", YES),
    ])  # fmt: skip
    def test_infection(self, charted: str, known: Value) -> None:
        assert fact("sepsis_on_record", f"{FEVER}; {charted}; 50h temp 39") is known

"""The audit, rule by rule: at, just under and just over each bound, and what a record leaves open."""

import pytest

from tests.support.charted import CAR_T, ENGAGER, FLUIDS, HAPLO, OPEN, SEVERE, joined, result_of
from tocsin.guidance.audit import audit
from tocsin.guidance.audit_checks import CHECKS
from tocsin.knowledge.audits import audits, signal_groups
from tocsin.knowledge.rules import rule
from tocsin.knowledge.signals import signal_ids

TOCI, DEXA = "tocilizumab 640", "dexamethasone 10"
BLINA = "0h blinatumomab 28 until {end}; 12h temp 39"
NEUTROPENIC = "10h neutrophils 0.2"


def found(id: str, *charts: str) -> list[str]:
    """The cases of one audit: the outcome, with its hours where it has some."""
    (row,) = (row for row in audit(result_of(*charts)).rows if row.audit.id == id)
    assert sum(row.counts[name] for name in ("met", "not_met", "not_assessable")) == row.counts["eligible"]
    return [
        case.outcome if case.hours is None else f"{case.outcome} {round(case.hours, 4):g}"
        for case in row.cases
    ]


def why(id: str, *charts: str) -> list[str]:
    """Why the cases of one audit came out so."""
    (row,) = (row for row in audit(result_of(*charts)).rows if row.audit.id == id)
    return [case.why for case in row.cases]


WHEN_SEVERE = [
    # MGT-020, TOC-006: grade 2, the open set, grade 3; treated, untreated, no drug charted
    ("tocilizumab_when_severe", "grade 2 is not asked", joined(CAR_T, FLUIDS, f"14h {TOCI}"), []),
    ("tocilizumab_when_severe", "2 or 3 is open", joined(CAR_T, OPEN, f"14h {TOCI}"), ["not_assessable"]),
    ("tocilizumab_when_severe", "grade 3, given after 1 h", joined(CAR_T, SEVERE, f"14h {TOCI}"), ["met 1"]),
    ("tocilizumab_when_severe", "given before grade 3", joined(CAR_T, f"12h30m {TOCI}", SEVERE), ["met -0.5"]),
    ("tocilizumab_when_severe", "given before the onset only", joined(CAR_T, f"11h {TOCI}", SEVERE), ["not_met"]),
    ("tocilizumab_when_severe", "not given", joined(CAR_T, SEVERE, f"14h {DEXA}"), ["not_met"]),
    ("tocilizumab_when_severe", "only pumps are charted", joined(CAR_T, SEVERE), ["not_assessable"]),
    ("tocilizumab_when_severe", "after an engager it is not asked", joined(ENGAGER, SEVERE, f"14h {TOCI}"), []),
    ("both_drugs_when_severe", "both", joined(CAR_T, SEVERE, f"14h {TOCI}; 16h {DEXA}"), ["met 3"]),
    ("both_drugs_when_severe", "one of the two", joined(CAR_T, SEVERE, f"14h {TOCI}"), ["not_met"]),
    ("glucocorticoid_not_alone", "alone", joined(CAR_T, SEVERE, f"14h {DEXA}"), ["not_met"]),
    ("glucocorticoid_not_alone", "with tocilizumab", joined(CAR_T, SEVERE, f"14h {DEXA}; 15h {TOCI}"), ["met 1"]),
    ("glucocorticoid_not_alone", "no glucocorticoid", joined(CAR_T, SEVERE, f"14h {TOCI}"), []),
    ("glucocorticoid_not_alone", "grade 2", joined(CAR_T, FLUIDS, f"14h {DEXA}"), []),
    ("glucocorticoid_not_alone", "2 or 3", joined(CAR_T, OPEN, f"14h {DEXA}"), ["not_assessable"]),
    # BLN-002 and HCT-002
    ("glucocorticoid_engager", "given", joined(ENGAGER, SEVERE, f"14h {DEXA}"), ["met 1"]),
    ("glucocorticoid_engager", "not given", joined(ENGAGER, SEVERE, "14h acetaminophen 500"), ["not_met"]),
    ("glucocorticoid_haplo", "given", joined(HAPLO, SEVERE, f"14h {DEXA}"), ["met 1"]),
    ("glucocorticoid_haplo", "not given", joined(HAPLO, SEVERE, "14h acetaminophen 500"), ["not_met"]),
    # MGT-008
    ("mild_left_to_symptoms", "grade 1, nothing given", joined(CAR_T, "14h acetaminophen 500"), ["met"]),
    ("mild_left_to_symptoms", "grade 1, tocilizumab", joined(CAR_T, f"14h {TOCI}"), ["not_met 2"]),
    ("mild_left_to_symptoms", "a glucocorticoid of any dose is open", joined(CAR_T, f"14h {DEXA}"), ["not_assessable"]),
    ("mild_left_to_symptoms", "no drug charted", CAR_T, ["not_assessable"]),
    ("mild_left_to_symptoms", "grade 2 after CAR-T is a human's", joined(CAR_T, FLUIDS, f"14h {TOCI}"), ["not_assessable"]),
    ("mild_left_to_symptoms", "called mild", joined(CAR_T, FLUIDS, f"14h {TOCI}; 13h said severity:mild"), ["not_met 2"]),
    ("mild_left_to_symptoms", "called severe", joined(CAR_T, FLUIDS, f"14h {TOCI}; 13h said severity:severe"), []),
    ("mild_left_to_symptoms", "said to worsen", joined(CAR_T, f"14h {TOCI}; 13h said response:not_improving"), []),
    ("mild_left_to_symptoms", "grade 2 after an engager", joined(ENGAGER, FLUIDS, f"14h {TOCI}"), ["not_met 2"]),
    ("mild_left_to_symptoms", "2 or 3", joined(CAR_T, OPEN, f"14h {TOCI}"), ["not_assessable"]),
    ("mild_left_to_symptoms", "grade 3", joined(CAR_T, SEVERE, f"14h {TOCI}"), []),
]  # fmt: skip

DOSES = [
    # TOC-004: 7 h 59, 8 h, 8 h 1; two records of one instant are one dose
    ("tocilizumab_interval", "7 h 59", joined(CAR_T, f"14h {TOCI}; 21h59m {TOCI}; 22h temp 39"), ["not_met 7.9833"]),
    ("tocilizumab_interval", "8 h", joined(CAR_T, f"14h {TOCI}; 22h {TOCI}; 22h temp 39"), ["met 8"]),
    ("tocilizumab_interval", "8 h 1", joined(CAR_T, f"14h {TOCI}; 22h1m {TOCI}; 23h temp 39"), ["met 8.0167"]),
    ("tocilizumab_interval", "a microsecond short", joined(CAR_T, f"14h {TOCI}; 22h-1us {TOCI}; 22h temp 39"), ["not_met 8"]),
    ("tocilizumab_interval", "one dose charted twice", joined(CAR_T, f"14h {TOCI}; 14h tocilizumab 600"), []),
    ("tocilizumab_interval", "nothing given is no dose",
     joined(CAR_T, f"14h {TOCI}; 15h tocilizumab 0; 22h {TOCI}; 22h temp 39"), ["met 8"]),
    ("tocilizumab_interval", "the first before the onset", joined(CAR_T, f"10h {TOCI}; 14h {TOCI}"), ["not_met 4"]),
    ("tocilizumab_interval", "both before the onset", joined(CAR_T, f"2h {TOCI}; 4h {TOCI}"), []),
    # TOC-005: 3, 4, 5 doses
    ("tocilizumab_count", "none", CAR_T, []),
    *(
        (
            "tocilizumab_count",
            f"{count} doses",
            joined(CAR_T, *(f"{14 + 12 * place}h {TOCI}; {14 + 12 * place}h temp 39" for place in range(count))),
            [outcome],
        )
        for count, outcome in ((3, "met"), (4, "met"), (5, "not_met"))
    ),
    # TOC-014: the fourth dose within the day, and exactly a day after the first
    ("tocilizumab_in_a_day", "three", joined(CAR_T, f"14h {TOCI}; 22h {TOCI}; 30h {TOCI}; 30h temp 39"), ["met"]),
    ("tocilizumab_in_a_day", "four in under 24 h",
     joined(CAR_T, f"14h {TOCI}; 22h {TOCI}; 30h {TOCI}; 37h59m {TOCI}; 30h temp 39"), ["not_met"]),
    ("tocilizumab_in_a_day", "the fourth at 24 h",
     joined(CAR_T, f"14h {TOCI}; 22h {TOCI}; 30h {TOCI}; 38h {TOCI}; 30h temp 39"), ["met"]),
    ("tocilizumab_in_a_day", "a label of CAR-T", joined(ENGAGER, f"14h {TOCI}"), []),
]  # fmt: skip

LOOKS = [
    # WUP-021: neutrophils at, under and over the cut-off; before, within and without a count; given, running, not given
    ("antibacterial_neutropenic_fever", "0.49", joined(CAR_T, "10h neutrophils 0.49; 13h antibacterial"), ["met 1"]),
    ("antibacterial_neutropenic_fever", "0.5 is open",
     joined(CAR_T, "10h neutrophils 0.5; 13h antibacterial"), ["not_assessable"]),
    ("antibacterial_neutropenic_fever", "1.0 is open",
     joined(CAR_T, "10h neutrophils 1.0; 13h antibacterial"), ["not_assessable"]),
    ("antibacterial_neutropenic_fever", "1.01", joined(CAR_T, "10h neutrophils 1.01; 13h antibacterial"), []),
    ("antibacterial_neutropenic_fever", "no count", joined(CAR_T, "13h antibacterial"), ["not_assessable"]),
    ("antibacterial_neutropenic_fever", "a count 24 h before",
     joined("12h car_t; -12h neutrophils 0.2; 12h temp 39; 13h antibacterial"), ["met 1"]),
    ("antibacterial_neutropenic_fever", "a count over 24 h before",
     joined("12h car_t; -12h1m neutrophils 0.2; 12h temp 39; 13h antibacterial"), ["not_assessable"]),
    ("antibacterial_neutropenic_fever", "the first count after",
     joined(CAR_T, "36h neutrophils 0.2; 13h antibacterial"), ["met 1"]),
    ("antibacterial_neutropenic_fever", "the latest count before tells",
     joined(CAR_T, "2h neutrophils 3; 11h neutrophils 0.2; 13h antibacterial"), ["met 1"]),
    ("antibacterial_neutropenic_fever", "running already", joined(CAR_T, NEUTROPENIC, "1h antibacterial"), ["met 0"]),
    ("antibacterial_neutropenic_fever", "nowhere in the source", joined(CAR_T, NEUTROPENIC), ["not_assessable"]),
    # WUP-020, WUP-014, WUP-007
    ("culture_neutropenic_fever", "taken", joined(CAR_T, NEUTROPENIC, "12h30m blood_culture"), ["met 0.5"]),
    ("crp_and_ferritin", "both", joined(CAR_T, "13h crp 90; 14h ferritin 800"), ["met 2"]),
    ("crp_and_ferritin", "ferritin is nowhere", joined(CAR_T, "13h crp 90"), ["not_assessable"]),
    ("icans_assessed", "a score", joined(CAR_T, "14h ice_score 10"), ["met 2"]),
    ("icans_assessed", "a score before the onset only", joined(CAR_T, "2h ice_score 10"), ["not_met"]),
    ("icans_assessed", "no score in the source", CAR_T, ["not_assessable"]),
    ("icans_assessed", "not after a transplant", joined(HAPLO, "14h ice_score 10"), []),
    # MON-002: the next look at 24 h, and later
    ("vital_signs_when_mild", "24 h", joined(CAR_T, "36h heart_rate 90"), ["met 24"]),
    ("vital_signs_when_mild", "24 h 1 min", joined(CAR_T, "36h1m heart_rate 90"), ["not_met 24.0167"]),
    ("vital_signs_when_mild", "the record ends before", joined(CAR_T, "20h crp 90"), ["not_assessable"]),
    ("vital_signs_when_mild", "the record goes on without", joined(CAR_T, "40h crp 90"), ["not_met 28"]),
    ("laboratory_when_mild", "24 h", joined(CAR_T, "36h crp 90; 37h temp 37"), ["met 24"]),
    ("laboratory_when_mild", "24 h 1 min", joined(CAR_T, "36h1m crp 90; 37h temp 37"), ["not_met 24.0167"]),
    ("laboratory_when_mild", "none on record", CAR_T, ["not_assessable"]),
    ("vital_signs_when_mild", "2 or 3", joined(CAR_T, OPEN), ["not_assessable"]),
    # MON-001: severe at 13 h, the longest stretch decides, also the last one before a death or the end of the record
    ("vital_signs_when_severe", "24 h", joined(CAR_T, SEVERE, "37h temp 37; 40h temp 37"), ["met 24"]),
    ("vital_signs_when_severe", "24 h 1 min", joined(CAR_T, SEVERE, "37h1m temp 37; 40h temp 37"), ["not_met 24.0167"]),
    ("vital_signs_when_severe", "a gap later on",
     joined(CAR_T, "13h norepinephrine 8 until 60h; 20h temp 37; 50h temp 37; 60h temp 37"), ["not_met 30"]),
    ("vital_signs_when_severe", "the record ends", joined(CAR_T, SEVERE), ["not_assessable"]),
    ("vital_signs_when_severe", "death before the look is due", joined(CAR_T, SEVERE, "14h temp 38; 30h death crs"), ["met 16"]),
    ("laboratory_when_severe", "2 or 3", joined(CAR_T, OPEN, "14h crp 90"), ["not_assessable"]),
    ("vital_signs_when_severe", "none after the signs, until the resolution has held",
     joined(CAR_T, SEVERE, "14h temp 37; 60h crp 9"), ["not_met 30"]),
    ("laboratory_when_severe", "none after the signs is none due", joined(CAR_T, SEVERE, "14h crp 9; 60h temp 37"), ["met 6"]),
    ("laboratory_when_severe", "24 h", joined(CAR_T, "13h norepinephrine 8 until 60h; 37h crp 9; 60h crp 9"), ["met 24"]),
    ("laboratory_when_severe", "24 h 1 min",
     joined(CAR_T, "13h norepinephrine 8 until 60h; 37h1m crp 9; 60h crp 9"), ["not_met 24.0167"]),
    ("laboratory_when_severe", "none on record", joined(CAR_T, SEVERE), ["not_assessable"]),
    ("laboratory_when_severe", "daily",
     joined(CAR_T, "13h norepinephrine 8 until 60h; 14h crp 9; 38h crp 9; 62h crp 9"), ["met 24"]),
]  # fmt: skip

INFUSIONS = [
    # BLN-002: stopped, run on, no end; BLN-006: given again after grade 4
    ("blinatumomab_interrupted", "stopped", joined(BLINA.format(end="15h"), SEVERE, "30h temp 37"), ["met 2"]),
    ("blinatumomab_interrupted", "ran on", joined(BLINA.format(end="60h"), SEVERE, "50h temp 37"), ["not_met 47"]),
    ("blinatumomab_interrupted", "the record ends while it runs", joined(BLINA.format(end="60h"), SEVERE), ["not_assessable"]),
    ("blinatumomab_interrupted", "stopped before grade 3", joined(BLINA.format(end="12h30m"), SEVERE), []),
    ("blinatumomab_interrupted", "the next bag",
     joined(BLINA.format(end="15h"), SEVERE, "15h blinatumomab 28 until 60h; 50h temp 37"), ["not_met 47"]),
    ("blinatumomab_interrupted", "no end on record", joined("0h blinatumomab 28; 12h temp 39", SEVERE), ["not_assessable"]),
    ("blinatumomab_interrupted", "a rate of 0 stops it",
     joined("0h blinatumomab 28; 12h temp 39", SEVERE, "14h blinatumomab 0; 30h temp 37"), ["met 1"]),
    ("blinatumomab_interrupted", "another engager", joined(ENGAGER, SEVERE), []),
    ("blinatumomab_not_resumed", "grade 3", joined(BLINA.format(end="15h"), SEVERE, "200h blinatumomab 9 until 220h"), []),
    ("blinatumomab_not_resumed", "grade 4, not again",
     joined(BLINA.format(end="15h"), SEVERE, "13h epinephrine 5 until 20h"), ["met"]),
    ("blinatumomab_not_resumed", "grade 4, again",
     joined(BLINA.format(end="15h"), SEVERE, "13h epinephrine 5 until 20h; 113h blinatumomab 9 until 120h"), ["not_met 100"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("id", "chart", "expected"),
    [
        pytest.param(id, chart, expected, id=f"{id}: {name}")
        for id, name, chart, expected in (*WHEN_SEVERE, *DOSES, *LOOKS, *INFUSIONS)
    ],
)
def test_case(id: str, chart: str, expected: list[str]) -> None:
    assert found(id, chart) == expected


class TestWhatARecordCannotSay:
    def test_a_drug_that_the_source_charts_elsewhere_is_missing_here(self) -> None:
        """Antibacterials stand in the record of another patient: their absence here means something."""
        charts = (joined(CAR_T, NEUTROPENIC, "13h antibacterial"), joined(CAR_T, NEUTROPENIC))
        assert found("antibacterial_neutropenic_fever", *charts) == ["met 1", "not_met"]

    def test_so_is_a_culture_and_a_laboratory_value(self) -> None:
        charts = (
            joined(CAR_T, NEUTROPENIC, "13h blood_culture; 13h crp 9; 13h ferritin 9"),
            joined(CAR_T, NEUTROPENIC),
        )
        assert found("culture_neutropenic_fever", *charts) == ["met 1", "not_met"]
        assert found("crp_and_ferritin", *charts) == ["met 1", "not_met"]

    def test_a_source_of_pumps_alone_says_nothing_of_doses(self) -> None:
        """A patient with a drug charted is judged, a patient without any is not, even in a source that charts drugs."""
        charts = (
            joined(CAR_T, SEVERE),
            joined(CAR_T, SEVERE, f"14h {DEXA}"),
            joined(CAR_T, "13h ecmo until 20h"),
        )
        assert found("tocilizumab_when_severe", *charts) == ["not_met", "not_met", "not_assessable"]

    def test_a_run_that_kept_no_events_calls_nothing_not_met(self) -> None:
        report = audit(result_of(joined(CAR_T, SEVERE), events="none"))
        assert {case.outcome for row in report.rows for case in row.cases} == {"not_assessable"}

    def test_why_a_case_is_open_is_said_and_counted(self) -> None:
        report = audit(result_of(joined(CAR_T, OPEN), joined(CAR_T, OPEN)))
        (row,) = (row for row in report.rows if row.audit.id == "tocilizumab_when_severe")
        assert list(row.open_reasons.values()) == [2]
        assert "may be under 3" in next(iter(row.open_reasons))


class TestReport:
    def test_a_case_names_the_records_it_rests_on(self) -> None:
        report = audit(result_of(joined(CAR_T, SEVERE, f"14h {TOCI}")))
        (case,) = (line for line in report.cases.to_pylist() if line["audit"] == "tocilizumab_when_severe")
        # fever, norepinephrine and tocilizumab are the rows 1 to 3 of events.csv
        assert sorted(case["event_ids"]) == [1, 2, 3]
        assert (case["end"] - case["start"]).total_seconds() == 3600

    def test_hours_are_spread_over_the_cases_that_have_them(self) -> None:
        charts = [joined(CAR_T, SEVERE, f"{hour}h {TOCI}") for hour in (14, 15, 16, 17, 18)]
        (row,) = (row for row in audit(result_of(*charts)).rows if row.audit.id == "tocilizumab_when_severe")
        assert row.hours == {
            "cases": 5,
            "least": 1,
            "lower_quartile": 2,
            "median": 3,
            "upper_quartile": 4,
            "most": 5,
        }

    def test_a_known_cohort_comes_out_as_it_was_made(self) -> None:
        """Made-up truth: 3 treated, 2 untreated, 1 open, 4 of grade 2."""
        charts = (
            *[joined(CAR_T, SEVERE, f"14h {TOCI}")] * 3,
            *[joined(CAR_T, SEVERE, f"14h {DEXA}")] * 2,
            joined(CAR_T, OPEN),
            *[joined(CAR_T, FLUIDS)] * 4,
        )
        (row,) = (row for row in audit(result_of(*charts)).rows if row.audit.id == "tocilizumab_when_severe")
        assert row.counts == {"eligible": 6, "met": 3, "not_met": 2, "not_assessable": 1}

    def test_another_scale_of_record_moves_who_is_eligible(self) -> None:
        """One vasopressor at a low dose: grade 3 on ASTCT, grade 2 on Lee 2014."""
        chart = joined(CAR_T, SEVERE, f"14h {TOCI}")
        (row,) = (
            r
            for r in audit(result_of(chart, scale="lee2014")).rows
            if r.audit.id == "tocilizumab_when_severe"
        )
        assert row.counts["eligible"] == 0

    def test_nobody_with_an_episode(self) -> None:
        report = audit(result_of("0h car_t; 12h temp 37"))
        assert report.episodes == 0
        assert report.cases.num_rows == 0
        assert all(row.hours is None for row in report.rows)

    def test_json_holds_counts_basis_and_cases(self) -> None:
        line = next(iter(audit(result_of(joined(CAR_T, SEVERE, f"14h {TOCI}"))).as_json()["rules"]))
        assert (line["rules"][0], line["strength"], line["eligible"]) == ("MGT-020", "GRADE-2B", 1)
        assert line["source"] == ["S004"]
        assert line["cases"][0]["outcome"] == "met"


class TestKnowledge:
    @pytest.mark.parametrize("row", audits(), ids=lambda row: row.id)
    def test_each_row_rests_on_rules_and_names_what_exists(self, row) -> None:  # noqa: ANN001
        assert all(rule(id).text for id in row.rules)
        assert row.check in CHECKS
        assert set(row.groups) <= set(signal_groups())
        bounds = [row.hours for _ in [0] if row.clock] + [row.most for _ in [0] if row.drug]
        assert all(bound > 0 for bound in bounds)
        if row.cutoff:
            assert row.below < row.open_to

    def test_every_check_is_used_and_every_group_is_of_signals(self) -> None:
        assert {row.check for row in audits()} == set(CHECKS)
        assert {name for group in signal_groups().values() for name in group} <= set(signal_ids())

    def test_the_figures_are_those_of_the_drug_and_the_clocks(self) -> None:
        by_id = {row.id: row for row in audits()}
        assert by_id["tocilizumab_interval"].hours == 8
        assert (by_id["tocilizumab_count"].most, by_id["tocilizumab_in_a_day"].most) == (4, 3)
        assert by_id["vital_signs_when_severe"].hours == 24

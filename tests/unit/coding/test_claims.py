"""Claims: the codes in order, the grade that is coded, the year, and what the documentation lacks."""

import datetime as dt
from pathlib import Path

import pytest

from tests.support.charted import CAR_T, ENGAGER, FLUIDS, HAPLO, OPEN, SEVERE, joined, result_of
from tests.support.made_up import MedsRow, csv_folder, meds_file, side
from tocsin.api import grade
from tocsin.coding.claim import Claim
from tocsin.coding.icd10cm import code, code_all
from tocsin.errors import UserError
from tocsin.knowledge.icd10cm import icd10_codes
from tocsin.results import read_result


def claim(*parts: str, **options: str) -> Claim:
    """The claim of one chart."""
    return code(result_of(joined(*parts)), 1, **options)


def ids(found: Claim) -> list[str]:
    return [line.code for line in found.codes]


def gaps(found: Claim) -> dict[str, str]:
    return {gap.id: gap.why for gap in found.gaps}


FATAL = "14h epinephrine 5 until 40h; 13h norepinephrine 8 until 40h; 30h death {}"
TUBE = "13h invasive_ventilation until 30h; 13h fio2 60"


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        pytest.param(CAR_T, ["T80.82XA", "D89.831"], id="grade 1"),
        pytest.param(joined(CAR_T, FLUIDS), ["T80.82XA", "D89.832"], id="grade 2"),
        pytest.param(joined(CAR_T, SEVERE), ["T80.82XA", "D89.833"], id="grade 3"),
        pytest.param(joined(CAR_T, TUBE), ["T80.82XA", "D89.834"], id="grade 4"),
        pytest.param(joined(CAR_T, FATAL.format("crs")), ["T80.82XA", "D89.835"], id="death laid to CRS"),
        pytest.param(
            joined(CAR_T, FATAL.format("other")), ["T80.82XA", "D89.834"], id="death of another cause"
        ),
        pytest.param(joined(CAR_T, FATAL.format("")), ["T80.82XA", "D89.839"], id="death, cause not said"),
        pytest.param(joined(CAR_T, OPEN), ["T80.82XA", "D89.839"], id="2 or 3 is open"),
        pytest.param(
            joined(ENGAGER, FLUIDS), ["T80.89XA", "D89.832", "T45.1X5A"], id="an engager before FY2025"
        ),
        pytest.param(joined(HAPLO, FLUIDS), ["T86.5", "D89.832"], id="transplant"),
        pytest.param("0h tcr_t; 12h temp 39", ["T80.82XA", "D89.831"], id="TCR-T"),
        pytest.param("0h antibody; 2h temp 39", ["T80.89XA", "D89.831"], id="antibody"),
        pytest.param("0h other; 12h temp 39", ["D89.831"], id="another therapy: the coder names the cause"),
    ],
)
def test_codes_in_claim_order(chart: str, expected: list[str]) -> None:
    """COD-002, COD-003, CON-003, CON-010; charts begin on 2 March 2025, fiscal year 2025."""
    found = claim(chart)
    assert found.fiscal_year == 2025
    assert ids(found) == [{"T45.1X5A": "T45.AX5A"}.get(id, id) for id in expected]
    assert all(icd10_codes()[line.code].title == line.title and line.why for line in found.codes)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ("14h ice_score 10", []),
        ("14h ice_score 8", ["G92.01"]),
        ("14h ice_score 5", ["G92.02"]),
        ("14h ice_score 2", ["G92.03"]),
        ("14h ice_score 0", ["G92.00"]),  # awake or not is not charted: 3 or 4
    ],
)
def test_the_icans_leaf_stands_after_crs(scores: str, expected: list[str]) -> None:
    assert ids(claim(CAR_T, scores)) == ["T80.82XA", "D89.831", *expected]


class TestDocumentation:
    def test_a_computed_grade_is_a_query_and_names_what_to_use_instead(self) -> None:
        """COD-002: an algorithm's grade is not documentation."""
        found = claim(CAR_T, SEVERE)
        line = found.codes[1]
        assert (line.basis, line.instead) == ("computed", "D89.839")
        (gap,) = (gap for gap in found.gaps if gap.id == "grade_undocumented")
        assert (gap.kind, gap.rule) == ("query", "COD-002")
        assert "D89.839" in gap.why

    def documented(self, tmp_path: Path, *said: str) -> Claim:
        """The claim of a MEDS record with a fever, a norepinephrine infusion and codes of a diagnosis."""
        base = dt.datetime(2025, 3, 2, 12)
        codes = [f"ICD10CM//{one}" for one in said]
        rows: list[MedsRow] = [
            (1, base, "LOINC//8310-5//Cel", 39.0),
            *((1, base, one, None) for one in codes),
        ]
        source = meds_file(tmp_path / "data.parquet", rows)
        therapies = side(tmp_path, "1,2025-03-02T00:00:00Z,car_t,axicabtagene_ciloleucel")
        return code(grade(source, therapies=therapies), 1)

    def test_a_documented_grade_is_coded_as_it_stands(self, tmp_path: Path) -> None:
        found = self.documented(tmp_path, "D89.831")
        assert ids(found) == ["T80.82XA", "D89.831"]
        assert (found.codes[1].basis, found.codes[1].instead) == ("documented", None)
        assert not {"grade_undocumented", "grade_differs"} & set(gaps(found))

    def test_one_that_the_record_does_not_bear_out_is_coded_and_asked_about(self, tmp_path: Path) -> None:
        found = self.documented(tmp_path, "D89.833")
        assert ids(found) == ["T80.82XA", "D89.833"]
        assert "grade 3" in gaps(found)["grade_differs"]
        assert "gives 1 by ASTCT" in gaps(found)["grade_differs"]

    def test_of_two_the_higher_is_coded_and_asked_about(self, tmp_path: Path) -> None:
        found = self.documented(tmp_path, "D89.831", "D89.832")
        assert ids(found) == ["T80.82XA", "D89.832"]
        assert "D89.831 and D89.832" in gaps(found)["grade_documented_twice"]

    def test_a_documented_crs_without_a_grade_leaves_the_query(self, tmp_path: Path) -> None:
        found = self.documented(tmp_path, "D89.839")
        assert "grade_undocumented" in gaps(found)
        assert found.codes[1].basis == "computed"

    @pytest.mark.parametrize(
        ("start", "expected"),
        [
            ("2025-03-02", "D89.832"),
            ("2025-03-03T08:00:00+00:00", "D89.832"),
            ("", "D89.832"),
            ("2025-03-01", "D89.831"),
        ],
    )
    def test_a_grade_that_the_site_reported_is_documented(
        self, tmp_path: Path, start: str, expected: str
    ) -> None:
        """Of the therapy on 2 March; a report of the day before belongs to something else."""
        result_of(CAR_T, out=tmp_path / "out")
        text = f"subject_id,start,end,scale,grade\n1,{start},,astct,2\n"
        (tmp_path / "out" / "reported.csv").write_text(text, encoding="utf-8")
        result = read_result(tmp_path / "out")
        assert ids(code(result, 1)) == ["T80.82XA", expected]
        assert list(code_all(result)) == [code(result, 1)]

    def test_documented_icans_needs_no_score(self, tmp_path: Path) -> None:
        found = self.documented(tmp_path, "D89.831", "G92.03")
        assert ids(found) == ["T80.82XA", "D89.831", "G92.03"]
        assert not {"icans_missing", "icans_undocumented"} & set(gaps(found))


class TestGaps:
    def test_an_open_grade_says_what_would_settle_it(self) -> None:
        found = claim(CAR_T, OPEN)
        assert "What was the flow (L/min) of the nasal cannula?" in gaps(found)["grade_undecided"]
        assert "grade_undocumented" not in gaps(found)

    def test_a_death_says_which_code_either_answer_gives(self) -> None:
        """CON-003."""
        why = gaps(claim(CAR_T, FATAL.format("")))["death_cause"]
        assert "then D89.835, else D89.834" in why

    def test_the_link_to_the_therapy_is_always_asked(self) -> None:
        """COD-004."""
        (gap,) = (gap for gap in claim(CAR_T).gaps if gap.id == "therapy_link")
        assert gap.kind == "check"
        assert "axicabtagene ciloleucel (Yescarta)" in gap.what

    @pytest.mark.parametrize(
        ("therapy", "named"),
        [
            ("car_t/axicabtagene_ciloleucel", True),
            ("car_t", False),
            ("car_t/wonder_cel", False),
            ("haplo_hct", True),
        ],
    )
    def test_the_product_is_named_or_asked_for(self, therapy: str, named: bool) -> None:
        """COD-009."""
        assert ("product_unnamed" in gaps(claim(f"0h {therapy}; 12h temp 39"))) is not named

    @pytest.mark.parametrize(("line", "lacking"), [("blinatumomab 28", False), ("blinatumomab ?", True)])
    def test_the_dose_of_the_therapy(self, line: str, lacking: bool) -> None:
        """COD-007."""
        assert ("therapy_dose" in gaps(claim(f"0h {line}; 12h temp 39"))) is lacking

    def test_icans_missing_is_asked_only_where_it_belongs(self) -> None:
        """NEU-001."""
        assert "icans_missing" in gaps(claim(CAR_T))
        assert "icans_missing" in gaps(claim(ENGAGER))
        assert "icans_missing" not in gaps(claim(HAPLO))
        assert "icans_missing" not in gaps(claim(CAR_T, "14h ice_score 10"))

    def test_an_open_icans_grade_is_asked_about(self) -> None:
        assert "icans_undecided" in gaps(claim(CAR_T, "14h ice_score 0"))

    def test_a_drug_without_its_amount(self) -> None:
        """COD-010."""
        found = claim(CAR_T, "14h tocilizumab ?; 23h tocilizumab 640")
        assert "1 of 2 records given" in gaps(found)["drug_dose"]
        assert "drug_dose" not in gaps(claim(CAR_T, "14h tocilizumab 640"))

    def test_laboratory_culture_and_outcome(self) -> None:
        """COD-006, COD-010."""
        bare, full = gaps(claim(CAR_T)), gaps(claim(CAR_T, "13h crp 90; 13h blood_culture; 80h temp 37"))
        assert {"laboratory", "infection_workup", "outcome_open"} <= set(bare)
        assert not {"laboratory", "infection_workup", "outcome_open"} & set(full)

    def test_the_cause_that_only_a_coder_can_settle(self) -> None:
        assert "T86.09" in gaps(claim(HAPLO))["cause_code"]
        assert "T45.1X5A" in gaps(claim(ENGAGER))["cause_code"]
        assert "cause_code" not in gaps(claim(CAR_T))

    def test_a_run_that_kept_no_events_says_so(self) -> None:
        """COD-005."""
        found = code(result_of(CAR_T, events="none"), 1)
        assert ids(found) == ["T80.82XA", "D89.831"]
        assert "events_not_kept" in gaps(found)
        assert not {"infection_workup", "laboratory", "icans_missing"} & set(gaps(found))

    def test_every_gap_carries_its_basis(self) -> None:
        assert all(
            gap.rule and gap.strength and gap.source and gap.confidence for gap in claim(CAR_T, SEVERE).gaps
        )

    def test_recalled_is_marked(self) -> None:
        drug = claim(ENGAGER).codes[-1]
        assert (drug.code, drug.confidence) == ("T45.AX5A", "recalled")


class TestYear:
    """The code set goes by the day of the onset, in the zone of the record."""

    def coded(self, tmp_path: Path, onset: str, *events: str, **settings: str) -> Claim:
        day = onset[:10]
        lines = [f"1,{onset},body_temperature,38.5,Cel,,", *events]
        source = csv_folder(tmp_path / "source", lines, [f"1,{day}T00:00:00Z,car_t,axicabtagene_ciloleucel"])
        return code(grade(source, settings=settings), 1)

    @pytest.mark.parametrize(
        ("onset", "year", "codes"),
        [
            ("2020-09-30T23:59:00Z", 2020, ["T80.89XA"]),
            ("2020-10-01T00:00:00Z", 2021, ["T80.89XA", "D89.831"]),
            ("2021-09-30T23:59:00Z", 2021, ["T80.89XA", "D89.831"]),
            ("2021-10-01T00:00:00Z", 2022, ["T80.82XA", "D89.831"]),
            ("2025-09-30T23:59:00Z", 2025, ["T80.82XA", "D89.831"]),
            ("2025-10-01T00:00:00Z", 2026, ["T80.82XA", "D89.831"]),
        ],
    )
    def test_30_september_and_1_october(
        self, tmp_path: Path, onset: str, year: int, codes: list[str]
    ) -> None:
        found = self.coded(tmp_path, onset)
        assert (found.fiscal_year, ids(found)) == (year, codes)

    def test_before_a_code_existed_there_is_a_gap_and_no_code(self, tmp_path: Path) -> None:
        found = self.coded(tmp_path, "2020-09-30T10:00:00Z")
        assert "1 October 2020" in gaps(found)["crs_code_absent"]
        assert not {"grade_undocumented", "grade_undecided"} & set(gaps(found))

    def test_so_for_icans_a_year_later(self, tmp_path: Path) -> None:
        found = self.coded(tmp_path, "2021-09-30T10:00:00Z", "1,2021-09-30T11:00:00Z,ice_score,8,,,")
        assert ids(found) == ["T80.89XA", "D89.831"]
        assert "1 October 2021" in gaps(found)["icans_code_absent"]

    def test_the_zone_of_the_record_decides_the_day(self, tmp_path: Path) -> None:
        onset = "2021-10-01T03:00:00Z"  # 23:00 of the day before in New York
        assert self.coded(tmp_path / "utc", onset).fiscal_year == 2022
        assert self.coded(tmp_path / "ny", onset, zone="America/New_York").fiscal_year == 2021

    def test_an_episode_over_the_boundary_says_what_the_later_list_gives(self, tmp_path: Path) -> None:
        later = "1,2021-10-01T08:00:00Z,body_temperature,38.5,Cel,,"
        found = self.coded(tmp_path, "2021-09-30T20:00:00Z", later)
        assert "the claim is T80.82XA, D89.831" in gaps(found)["year_boundary"]
        assert "year_boundary" not in gaps(self.coded(tmp_path / "within", "2021-09-29T20:00:00Z"))

    def test_a_year_whose_list_was_not_read_is_said(self, tmp_path: Path) -> None:
        assert "year_not_read" not in gaps(self.coded(tmp_path / "read", "2026-09-30T10:00:00Z"))
        assert "2026" in gaps(self.coded(tmp_path, "2026-10-01T10:00:00Z"))["year_not_read"]


class TestStays:
    RECURS = "40h temp 37; 60h temp 37; 100h temp 39; 101h norepinephrine 8 until 110h; 140h temp 37"

    def test_episodes_of_one_therapy_are_one_claim_of_their_highest_grade(self) -> None:
        found = claim(CAR_T, self.RECURS)
        assert (found.episodes, ids(found), found.earlier) == ((1, 2), ["T80.82XA", "D89.833"], ())

    def test_each_dose_with_an_episode_has_its_own(self) -> None:
        found = claim(
            ENGAGER,
            "60h temp 37; 170h t_cell_engager/teclistamab; 180h temp 39; 181h norepinephrine 8 until 190h",
        )
        assert ids(found)[1] == "D89.833"
        assert [ids(one)[1] for one in found.earlier] == ["D89.831"]
        assert "another_stay" in gaps(found)
        assert "another_stay" not in gaps(found.earlier[0])

    def test_all_subjects_come_in_order_and_as_one_by_one(self) -> None:
        result = result_of(CAR_T, joined(ENGAGER, SEVERE), "0h car_t; 12h temp 37", joined(HAPLO, FLUIDS))
        every = list(code_all(result))
        assert [one.subject_id for one in every] == [1, 2, 4]
        assert every == [code(result, id) for id in (1, 2, 4)]


class TestWhoAndHow:
    def test_another_scale_moves_the_leaf(self) -> None:
        """One low-dose vasopressor: ASTCT 3, Lee 2014 2."""
        assert ids(claim(CAR_T, SEVERE, scale="lee2014"))[1] == "D89.832"

    def test_a_subject_without_an_episode_has_nothing_to_code(self) -> None:
        found = code(result_of("0h car_t; 12h temp 37"), 1)
        assert (found.fiscal_year, found.codes, found.gaps) == (None, (), ())

    def test_an_unknown_subject_and_scale_are_the_users_mistake(self) -> None:
        result = result_of(CAR_T)
        with pytest.raises(UserError, match="no subject '7'"):
            code(result, "7")
        with pytest.raises(UserError, match="did you mean astct"):
            code(result, 1, scale="astc")
        with pytest.raises(UserError, match="did you mean astct"):
            next(code_all(result, scale="astc"))

    def test_the_json_is_the_promised_one_with_more(self) -> None:
        line = claim(CAR_T, SEVERE).as_json()
        assert {"subject_id", "fiscal_year", "codes", "gaps"} <= set(line)
        assert {"code", "title", "why"} <= set(line["codes"][0])
        assert {"what", "why"} <= set(line["gaps"][0])

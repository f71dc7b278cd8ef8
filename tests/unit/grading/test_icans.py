"""Neurotoxicity beyond its tables: the reasons, what was not assessed, the data, one charted assessment."""

from typing import Any

import pytest

from tocsin.grading import sets
from tocsin.grading.icans import DOMAINS, SCORES, IcansSnapshot, grade_icans, icans_assessment
from tocsin.knowledge.icans import icans_scales, score_bounds, words_of
from tocsin.knowledge.signals import signal

WHOLE: dict[str, Any] = {
    "age_years": 40,
    "ice": 10,
    "consciousness": "awake",
    "seizure": "none",
    "motor_weakness": False,
    "oedema": "none",
}


@pytest.mark.parametrize(
    ("scale", "said", "why"),
    [
        ("icans", {}, "Grade 0 (ICANS): ICE 10, awake, no seizure, no deep weakness, no oedema."),
        ("icans", {"ice": 2}, "Grade 3 (ICANS): ICE 2."),
        ("icans", {"ice": 0, "consciousness": None}, "Undecided, 3 or 4: ICE 0, consciousness not recorded."),
        (
            "icans",
            {"ice": None},
            "Undecided, 0, 1, 2 or 3: awake, no seizure, no deep weakness, no oedema, ICE not recorded.",
        ),
        ("icans", {"motor_weakness": True}, "Grade 4 (ICANS): deep weakness."),
        ("icans", {"ice": 2, "seizure": "brief"}, "Grade 3 (ICANS): ICE 2, brief seizure."),
        (
            "icans",
            {"seizure": "yes"},
            "Undecided, 3 or 4: seizure of unknown length. "
            "How long it lasted, and whether it came again, is not said.",
        ),
        ("icans", {"age_years": 5, "capd": 9}, "Grade 3 (ICANS): CAPD 9. ICE is not used at 5 years."),
        ("icans", {"death_due_to_icans": True}, "Grade 5 (ICANS): death due to ICANS."),
        (
            "cres",
            {"cartox10": 2},
            "Grade 3 (CRES): CARTOX-10 2. Rests on a row that is recalled, not re-read.",
        ),
        ("cres", {"cartox10": 5}, "Grade 2 (CRES): CARTOX-10 5."),
    ],
)
def test_why(scale: str, said: dict[str, Any], why: str) -> None:
    assert grade_icans(IcansSnapshot(**WHOLE | said))[scale].why == why


@pytest.mark.parametrize(
    ("said", "settled_by"),
    [
        ({}, ()),
        ({"seizure": None, "oedema": None}, ("not assessed: seizure, oedema",)),
        ({"ice": None}, ("ice",)),
        ({"ice": 0, "consciousness": None}, ("consciousness",)),
        ({"ice": 5, "consciousness": None}, ("not assessed: consciousness",)),
        ({"age_years": 5, "ice": None, "capd": 3, "consciousness": None}, ("consciousness",)),
        ({"age_years": None, "capd": 12}, ("age_years",)),
        ({"seizure": "yes"}, ()),
        ({"death_due_to_icans": True, "seizure": None}, ()),
        ({"death_due_to_icans": None}, ("death_due_to_icans",)),
    ],
)
def test_settled_by(said: dict[str, Any], settled_by: tuple[str, ...]) -> None:
    assert grade_icans(IcansSnapshot(**WHOLE | said))["icans"].settled_by == settled_by


@pytest.mark.parametrize(
    ("said", "scales"),
    [
        ({}, []),
        ({"age_years": 40}, []),
        ({"ice": 9}, ["icans", "icans_ctcae6"]),
        ({"motor_weakness": False}, ["icans", "icans_ctcae6"]),
        ({"cartox10": 9}, ["cres"]),
        ({"cartox10": 9, "seizure": "brief"}, ["icans", "icans_ctcae6", "cres"]),
        ({"death_due_to_icans": None}, ["icans", "icans_ctcae6"]),
    ],
)
def test_a_scale_answers_where_its_findings_are(said: dict[str, Any], scales: list[str]) -> None:
    assert list(grade_icans(IcansSnapshot(**said))) == scales


@pytest.mark.parametrize(
    ("charted", "grades"),
    [
        ({}, ()),
        ({"ice_score": 8.0}, (1,)),
        ({"ice_score": 0.0}, (3, 4)),
        ({"ice_score": 0.0, "consciousness": "U"}, (4,)),
        ({"capd_score": 12.0, "age_years": 4}, (3,)),
        ({"capd_score": 12.0, "ice_score": 10.0, "age_years": 4}, (3,)),
        ({"capd_score": 12.0, "ice_score": 10.0, "age_years": 40}, (0,)),
        ({"seizure": "brief"}, (3, 4)),
        ({"seizure": "prolonged"}, (4,)),
        ({"consciousness": "awakens to touch", "age_years": 40}, (3,)),
        ({"consciousness": "awake", "age_years": 40}, (0, 1, 2, 3)),
        ({"consciousness": "grumpy"}, ()),
        ({"ice_score": 8.0, "consciousness": "grumpy"}, (1,)),
        ({"ice_score": 7.5}, ()),
        ({"ice_score": float("nan")}, ()),
    ],
)
def test_one_charted_assessment(charted: dict[str, Any], grades: tuple[int, ...]) -> None:
    assert sets.members(icans_assessment(**charted)) == grades


class TestData:
    @pytest.mark.parametrize("scale", icans_scales(), ids=lambda scale: scale.id)
    def test_every_score_has_one_row_at_every_level_of_consciousness(self, scale: Any) -> None:
        for score in scale.scores:
            low, high = score_bounds(score)
            for value in range(int(low), int(high) + 1):
                for level in set(words_of("consciousness").values()):
                    rows = [
                        row
                        for row in scale.of(score)
                        if row.low <= value <= row.high
                        and (not row.consciousness or level in row.consciousness)
                    ]
                    assert len(rows) == 1, (scale.id, score, value, level)

    @pytest.mark.parametrize("scale", icans_scales(), ids=lambda scale: scale.id)
    def test_every_word_has_one_row(self, scale: Any) -> None:
        for domain in ("consciousness", "seizure", "oedema"):
            values = sorted(row.value for row in scale.of(domain))
            assert values == sorted(set(words_of(domain).values())), (scale.id, domain)
        assert sorted(row.value for row in scale.of("motor_weakness")) == ["no", "yes"]

    def test_there_is_no_row_of_another_domain_or_scale(self) -> None:
        rows = [row for scale in icans_scales() for row in scale.rows]
        assert {row.domain for row in rows} == {*SCORES, *DOMAINS}
        assert all(row.source and row.why.endswith(".") and 0 < row.grades < 1 << 5 for row in rows)
        assert {row.confidence for row in rows} == {"verified", "recalled"}

    @pytest.mark.parametrize(("score", "name"), [("ice", "ice_score"), ("capd", "capd_score")])
    def test_a_score_has_the_bounds_of_its_signal(self, score: str, name: str) -> None:
        assert score_bounds(score) == (signal(name).hard_min, signal(name).hard_max)

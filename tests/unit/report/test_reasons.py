"""The reason of a row: the grade in words, what is new, the records with their times, and what would settle it."""

from pathlib import Path

import pytest

from tests.unit.report.made_up import course, row_at

FEVER = "24 body_temperature 39.0"
CRS_BY_CTCAE = "1,2024-01-01T00:00:00Z,t_cell_engager,"


@pytest.mark.parametrize(
    ("chart", "hours", "why"),
    [
        ("", 24, "Grade 1 (ASTCT): fever, no hypotension, no oxygen need. Fever 39 °C at 00:00."),
        (
            "26 norepinephrine 8 until 40",
            26,
            "Grade 3 (ASTCT): one vasopressor. Norepinephrine 8 ug/min since 02:00; fever 39 °C at 00:00.",
        ),
        (
            "26 norepinephrine ? until 40",
            26,
            "Grade 3 (ASTCT): one vasopressor. Norepinephrine at a rate not recorded since 02:00; fever 39 °C at 00:00.",
        ),
        (
            "26 oxygen_device nasal_cannula; 26 inhaled_o2_flow 6; 30 oxygen_device nasal_cannula; 47 fio2 35",
            47,
            "Grade 2 (ASTCT): low-flow oxygen. FiO2 now under 40 %. Nasal cannula since 02:00, now 6 L/min 35 %; "
            "fever 39 °C at 00:00.",
        ),
        (
            "26 oxygen_device nasal_cannula",
            26,
            "Undecided, 2 or 3: nasal cannula, flow not recorded. Low or high flow: a missing flow is never filled in. "
            "Nasal cannula since 02:00; fever 39 °C at 00:00.",
        ),
        (
            "25 acetaminophen 650",
            25,
            "Grade 1 (ASTCT): fever, no hypotension, no oxygen need. From here on fever is waived: a drug that may hide "
            "it was given. Fever 39 °C at 00:00.",
        ),
        (
            "26 systolic_bp 84; 27 attribution hypotension:other",
            27,
            "Grade 1 (ASTCT): fever, no hypotension, no oxygen need. Laid to another cause than CRS: pressure. "
            "Fever 39 °C at 00:00.",
        ),
        ("26 death crs", 26, "Grade 5 (ASTCT): death due to CRS."),
        ("26 death ?", 26, "Undecided, 1 or 5: death, the cause not recorded."),
        ("26 death other", 26, "Grade 0 (ASTCT): death from another cause."),
    ],
)
def test_why(tmp_path: Path, chart: str, hours: float, why: str) -> None:
    lines = ";".join(filter(None, (FEVER, chart, "47.5 crp 5")))
    assert row_at(course(tmp_path, lines), hours).why == why


def test_a_closing_row_says_that_it_is_over(tmp_path: Path) -> None:
    closing = course(tmp_path, f"{FEVER}; 90 crp 5").rows[-1]
    assert closing.closing
    assert closing.why.startswith("Resolved:")


def test_an_undecided_row_says_what_would_settle_it(tmp_path: Path) -> None:
    found = course(tmp_path, f"{FEVER}; 26 oxygen_device nasal_cannula; 30 inhaled_o2_flow 2; 32 crp 5")
    assert row_at(found, 26).settled_by == "What was the flow (L/min) of the nasal cannula?"
    assert row_at(found, 30).settled_by == ""


def test_a_grade_on_a_recalled_row_of_its_scale_is_named(tmp_path: Path) -> None:
    found = course(tmp_path, f"{FEVER}; 26 norepinephrine 8 until 40; 32 crp 5")
    assert row_at(found, 24).recalled == ()
    assert "lee2014" in row_at(found, 26).recalled
    assert "astct" not in row_at(found, 26).recalled


def test_the_scale_of_record_follows_the_cause_or_the_user(tmp_path: Path) -> None:
    found = course(tmp_path, f"{FEVER}; 32 crp 5", therapy=CRS_BY_CTCAE)
    assert found.scales[0] == "ctcae5"
    assert row_at(found, 24).why.startswith("Grade 1 (CTCAE v5.0):")


def test_evidence_has_the_events_values_and_times(tmp_path: Path) -> None:
    found = row_at(course(tmp_path, f"{FEVER}; 26 norepinephrine 8 until 40; 32 crp 5"), 26)
    assert [(one.part, one.signal, one.value, one.unit) for one in found.evidence] == [
        ("vasopressor", "norepinephrine", 8.0, "ug/min"),
        ("fever", "body_temperature", 39.0, "Cel"),
    ]

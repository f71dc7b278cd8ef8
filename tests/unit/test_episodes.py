"""Rows and episodes as tables: the promised columns, in words, with null for what is not known."""

import numpy as np
import pytest

from tests.support.charts import ADULT, chart, graded
from tests.support.timeline_runs import run_product
from tocsin.episodes import EPISODES, GRADES, episode_table, grade_table, record_scales
from tocsin.knowledge.vocabulary import (
    DOSE_BAND,
    EPISODE_FLAGS,
    FIO2_BAND,
    FLAGS,
    HYPOTENSION,
    OXYGEN,
    SCALES,
)
from tocsin.timeline.layout import EPISODE, ROW

# interface.md, "Files"
STATES = (
    "fever",
    "fever_waived",
    "hypotension",
    "dose_band",
    "run_24h",
    "oxygen",
    "fio2_band",
    "airway_tube",
)
PROMISED_ROWS = {
    "subject_id",
    "time",
    "episode",
    "cause",
    "product",
    *STATES,
    *SCALES,
    *(f"{scale}_set" for scale in SCALES),
    "driver",
    "closing",
    "flags",
    "evidence_fever",
    "evidence_pressure",
    "evidence_vasopressor",
    "evidence_oxygen",
}
PROMISED_EPISODES = {
    "subject_id",
    "episode",
    "cause",
    "product",
    "therapy_time",
    "onset",
    "resolved_at",
    "ended",
    "hours",
    "tocilizumab_doses",
    "first_tocilizumab",
    "glucocorticoid_days",
    "vasopressor_hours",
    "highest_oxygen",
    "icans_peak",
    "flags",
    *(f"{scale}_peak_{what}" for scale in SCALES for what in ("low", "high", "time")),
}
EVERYTHING = """
    0h car_t/zz_unheard_of; 0h temp 39; 1h sbp 80; 1h dbp 85; 1h bolus 500
    2h norepinephrine ?; 3h vasopressin 0.03 until 9h; 4h nasal_cannula; 4h flow 4; 5h fio2 50
    6h said intubation:airway_only; 7h invasive_ventilation until 9h; 8h tocilizumab 600; 30h death
"""


def test_no_promised_column_is_missing() -> None:
    assert set(GRADES.names) >= PROMISED_ROWS
    assert set(EPISODES.names) >= PROMISED_EPISODES


def test_empty_tables_have_the_columns_too() -> None:
    assert grade_table(np.zeros(0, ROW), []).schema == GRADES
    assert episode_table(np.zeros(0, EPISODE), [], np.zeros(0, np.uint8)).schema == EPISODES


def test_every_word_is_one_of_the_vocabulary() -> None:
    rows, episodes = graded(EVERYTHING, None)
    allowed = {"hypotension": HYPOTENSION, "dose_band": DOSE_BAND, "oxygen": OXYGEN, "fio2_band": FIO2_BAND}
    for name, words in allowed.items():
        assert {row[name] for row in rows} <= {None, *words}
    assert {flag for row in rows for flag in row["flags"]} <= set(FLAGS)
    assert set(episodes[0]["flags"]) <= set(EPISODE_FLAGS)
    assert (rows[0]["cause"], rows[0]["product"]) == ("car_t", "zz_unheard_of")


def test_a_grade_is_null_exactly_where_its_set_has_several_members() -> None:
    rows, _ = graded(EVERYTHING)
    for row in rows:
        for scale in SCALES:
            bits = row[f"{scale}_set"]
            assert row[scale] == (bits.bit_length() - 1 if bits.bit_count() == 1 else None)
    assert any(row["astct"] is None for row in rows)
    assert any(row["astct"] is not None for row in rows)


def test_bands_are_null_where_they_mean_nothing() -> None:
    for row in graded(EVERYTHING)[0]:
        counted = row["hypotension"] in ("one", "one_plus_vasopressin", "multiple")
        assert (row["dose_band"] is not None) == (row["run_24h"] is not None) == counted
        assert (row["fio2_band"] is not None) == (row["oxygen"] not in (None, "none"))


@pytest.mark.parametrize("ending", ["death crs", "seen"])
def test_a_closing_row_has_no_state_and_no_evidence(ending: str) -> None:
    rows, _ = graded(f"0h car_t; 0h temp 39; 24h {ending}")
    last = rows[-1]
    assert last["closing"] is True
    assert {
        last[name]
        for name in (
            *STATES,
            "evidence_fever",
            "evidence_pressure",
            "evidence_vasopressor",
            "evidence_oxygen",
        )
    } == {None}
    assert last["driver"] == ("death" if ending == "death crs" else None)


def test_flags_of_an_episode_are_those_of_its_rows_and_two_of_its_own() -> None:
    rows, episodes = graded(EVERYTHING.replace("30h death", "30h seen"), None)
    own = {"ongoing_at_last_record", "organ_toxicity_not_assessed"}
    assert set(episodes[0]["flags"]) == {flag for row in rows for flag in row["flags"]} | own
    assert episodes[0]["flags"] == sorted(episodes[0]["flags"])


def test_peaks_are_those_of_the_rows() -> None:
    rows, [episode] = run_product([(ADULT, chart(EVERYTHING))])
    for scale in SCALES:
        sets = [row[f"{scale}_set"] for row in rows]
        highest = max(bits.bit_length() - 1 for bits in sets)
        assert episode[f"{scale}_peak_low"] == max((bits & -bits).bit_length() - 1 for bits in sets)
        assert episode[f"{scale}_peak_high"] == highest
        assert episode[f"{scale}_peak_time"] == next(
            row["time"] for row in rows if row[f"{scale}_set"] >> highest
        )


def test_the_scale_of_record_follows_the_cause() -> None:
    assert record_scales() == {
        "car_t": "astct",
        "tcr_t": "astct",
        "haplo_hct": "ctcae5",
        "t_cell_engager": "ctcae5",
        "antibody": "ctcae5",
        "other": "ctcae5",
    }

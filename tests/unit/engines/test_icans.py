"""The ICANS peak of an episode: which assessments count, and what the largest of several is."""

import datetime as dt
from pathlib import Path

import pytest

from tests.support.made_up import CAR_T, csv_folder, graded

ADULT, CHILD = dt.date(1970, 1, 1), dt.date(2019, 1, 1)
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def peaks(folder: Path, chart: str, birth: dt.date = ADULT) -> list[tuple[int | None, int | None]]:
    """Peak and set of each episode; a fever at 10 h starts the first, which resolves at 34 h with `c` = 10 h."""
    lines = ["10 body_temperature 38.5", *filter(None, (line.strip() for line in chart.split(";")))]
    events: list[str] = []
    for line in lines:
        hour, signal, said = line.split()
        time = (START + dt.timedelta(hours=float(hour))).isoformat()
        is_word = signal in ("consciousness", "seizure")
        events.append(f"1,{time},{signal},{'' if is_word else said},,{said if is_word else ''},")
    people = f"subject_id,birth_date\n1,{birth}\n"
    result = graded(csv_folder(folder, events, [CAR_T], subjects=people))
    return [(row["icans_peak"], row["icans_peak_set"]) for row in result.episodes.to_pylist()]


@pytest.mark.parametrize(
    ("chart", "peak", "bits"),
    [
        ("", None, None),
        ("11 ice_score 10", 0, 1),
        ("11 ice_score 8", 1, 2),
        ("11 ice_score 8; 12 ice_score 4; 13 ice_score 9", 2, 4),
        ("11 ice_score 1", 3, 8),
        ("9 ice_score 1; 11 ice_score 8", 1, 2),
        ("10 ice_score 4", 2, 4),
        ("178 ice_score 4", 2, 4),
        ("178.001 ice_score 4", None, None),
        ("11 ice_score 0", None, 24),
        ("11 ice_score 0; 11 consciousness unarousable", 4, 16),
        ("11 ice_score 0; 12 consciousness unarousable", None, 24),
        ("11 consciousness unarousable", None, None),
        ("11 ice_score 4; 11 ice_score 9", 2, 4),
        ("11 ice_score 9; 11 ice_score 4", 2, 4),
        ("11 ice_score 11", None, None),
    ],
    ids=lambda value: str(value) or "none charted",
)
def test_the_peak_of_an_adult(tmp_path: Path, chart: str, peak: int | None, bits: int | None) -> None:
    assert peaks(tmp_path, chart) == [(peak, bits)]


@pytest.mark.parametrize(
    ("chart", "peak"),
    [
        ("11 capd_score 12", 3),
        ("11 ice_score 3; 11 capd_score 12", 3),
        ("11 capd_score 5; 11 capd_score 12", 3),
        ("11 capd_score 12; 11 capd_score 5", 3),
    ],
)
def test_a_child_is_assessed_by_capd_and_the_worse_of_two_counts(
    tmp_path: Path, chart: str, peak: int
) -> None:
    assert [found for found, _ in peaks(tmp_path, chart, CHILD)] == [peak]


def test_of_two_words_at_one_instant_the_worse_counts_in_either_order(tmp_path: Path) -> None:
    one = peaks(tmp_path / "one", "11 ice_score 8; 11 consciousness voice; 11 consciousness unarousable")
    other = peaks(tmp_path / "other", "11 ice_score 8; 11 consciousness unarousable; 11 consciousness voice")
    assert one == other == [(4, 16)]


def test_each_episode_has_its_own(tmp_path: Path) -> None:
    """An assessment after the first has resolved counts for it for seven days, and for the second from its onset."""
    assert peaks(tmp_path, "20 ice_score 8; 50 body_temperature 39; 60 ice_score 4") == [(2, 4), (2, 4)]

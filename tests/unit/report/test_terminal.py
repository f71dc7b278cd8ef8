"""The whole picture: it fits, names what it shows, explains flags and doubts, and cuts long stories into views."""

from pathlib import Path

import pytest

from tests.unit.report.made_up import BORN, at, course
from tocsin.report.build import views
from tocsin.report.course import Course
from tocsin.report.terminal import NOTE, draw, draw_course

SICK = (
    "50 body_temperature 39.1; 52 systolic_bp 84; 52 mean_arterial_pressure 58; 53 iv_fluid_bolus 500;"
    "54 oxygen_device nasal_cannula; 54 inhaled_o2_flow 3; 58 fio2 30; 60 norepinephrine 8 until 70; 61 tocilizumab 640;"
    "62 dexamethasone 10; 55 acetaminophen 650; 63 ice_score 8; 66 attribution hypotension:other; 120 crp 5"
)
ENGAGER = "1,2024-01-01T00:00:00Z,t_cell_engager,"


def drawn(course: Course, width: int = 80) -> list[str]:
    return [line.plain for line in draw(course, width)]


@pytest.mark.parametrize("width", [80, 120, 160])
def test_no_line_is_wider_than_the_page(tmp_path: Path, width: int) -> None:
    lines = drawn(course(tmp_path, SICK), width)
    assert width - 12 < max(map(len, lines)) <= width


def test_every_lane_is_there_with_its_sign(tmp_path: Path) -> None:
    lanes = {line[:18].strip(): line[19:] for line in drawn(course(tmp_path, SICK)) if line[:1].isalpha()}
    signs = {
        "fluid bolus": "▼",
        "norepinephrine": "┣",
        "nasal cannula": "┣",
        "pressure not CRS": "┣",
        "tocilizumab": "1",
        "dexamethasone": "■",
        "acetaminophen": "■",
        "ICE": "8",
        "ICANS grade": "1",
        "fever held": "─",
        "fever waived": "─",
        "clock (UTC)": "│",
        "day": "│",
    }
    assert {name: sign in lanes.get(name, "") for name, sign in signs.items()} == dict.fromkeys(signs, True)


def test_onset_peak_and_end_are_dated(tmp_path: Path) -> None:
    said = " ".join(" ".join(drawn(course(tmp_path, SICK))).split())
    assert "CAR-T cells, 1 Jan 2024 00:00 UTC = day 0" in said
    assert "onset 3 Jan 02:00 (day +2.1); peak grade 3 (ASTCT) from 3 Jan 12:00 (day +2.5)" in said
    assert "Tocilizumab 1 dose; glucocorticoids on 1 day; vasopressors 10 h; oxygen up to low flow" in said
    for word in ("▾onset", "▾peak"):
        assert word in said


def test_a_peak_that_is_only_possible_is_called_so(tmp_path: Path) -> None:
    said = " ".join(
        " ".join(
            drawn(course(tmp_path, "50 body_temperature 39.1; 54 oxygen_device nasal_cannula; 60 crp 5"))
        ).split()
    )
    assert "peak undecided, 2-3 (ASTCT) from 3 Jan 06:00" in said
    assert "still going on when the record ends" in said


def test_rows_have_the_grades_of_three_scales_and_mark_the_one_of_record_and_the_recalled(
    tmp_path: Path,
) -> None:
    lines = drawn(course(tmp_path, SICK))
    head = next(line for line in lines if line.startswith("  time (UTC)"))
    assert head.split()[2:] == ["day", "ASTCT*", "CTCAE", "v5.0", "Lee", "2014", "driver"]
    row = next(line for line in lines if line.startswith("   3 Jan 12:00"))
    assert row.split()[3:] == ["+2.5", "3", "3", "2°", "hypotension"]
    assert any("° rests on a row of the scale that is recalled" in line for line in lines)


def test_flags_are_explained_and_the_page_says_what_it_is_not(tmp_path: Path) -> None:
    said = " ".join(" ".join(drawn(course(tmp_path, SICK, birth="subject_id,birth_date,sex\n"))).split())
    assert "Flags: age_unknown" in said
    assert "age_unknown: The birth date is unknown" in said
    assert said.endswith(NOTE)


def test_a_subject_without_an_episode_is_told_in_a_line(tmp_path: Path) -> None:
    assert drawn(course(tmp_path, "30 body_temperature 37.0"))[1].startswith("No episode")


def test_the_course_alone_has_no_rows(tmp_path: Path) -> None:
    assert not any("time (UTC)" in line.plain for line in draw_course(course(tmp_path, SICK), 80))


class TestViews:
    def test_one_from_the_therapy_on_when_the_onset_is_soon(self, tmp_path: Path) -> None:
        (view,) = views(course(tmp_path, "20 body_temperature 39; 60 crp 5"))
        assert (view.start, view.end) == (at(-6), at(44 + 12))

    def test_from_before_the_onset_when_it_is_late(self, tmp_path: Path) -> None:
        (view,) = views(course(tmp_path, "100 body_temperature 39; 200 crp 5"))
        assert view.start == at(88)

    @pytest.mark.parametrize(("second", "count"), [(150, 1), (300, 2)])
    def test_episodes_of_one_therapy_share_a_view_where_they_fit(
        self, tmp_path: Path, second: int, count: int
    ) -> None:
        found = course(tmp_path, f"50 body_temperature 39; {second} body_temperature 39; {second + 60} crp 5")
        assert len(found.episodes) == 2
        assert len(views(found)) == count

    def test_episodes_of_two_therapies_do_not(self, tmp_path: Path) -> None:
        doses = f"{ENGAGER}\n1,2024-01-04T00:00:00Z,t_cell_engager,"
        found = course(
            tmp_path, "20 body_temperature 39; 90 body_temperature 39; 150 crp 5", therapy=doses, birth=BORN
        )
        assert [view.therapy_time for view in views(found)] == [at(0), at(72)]

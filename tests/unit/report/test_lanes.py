"""The lanes in characters: heights, hatching, numerals, bars, marks, gaps and ticks stand where they should."""

import datetime as dt

import pytest

from tests.unit.report.made_up import at
from tocsin.report import lanes
from tocsin.report.canvas import Axis, Canvas
from tocsin.report.course import Bar, BarLane, Grades, Mark, MarkLane, Reading, Step

AXIS = Axis(at(0), at(20), 20)  # a column an hour


def step(start: float, end: float, *grades: int) -> Step:
    return Step(at(start), at(end), grades)


def plain(lines: object) -> list[str]:
    """The lines without their labels."""
    found = [lines] if hasattr(lines, "plain") else list(lines)  # type: ignore[call-overload]
    return [line.plain[lanes.LABEL :] for line in found]


class TestAxis:
    @pytest.mark.parametrize(
        ("start", "end", "columns"),
        [
            (0, 1, range(1)),
            (0.5, 1, range(1)),
            (0.5, 1.5, range(2)),
            (3, 3, range(3, 4)),
            (-5, 2, range(2)),
            (19, 30, range(19, 20)),
        ],
    )
    def test_a_stretch_has_every_column_that_it_touches(
        self, start: float, end: float, columns: range
    ) -> None:
        assert AXIS.span(at(start), at(end)) == columns

    @pytest.mark.parametrize(("start", "end"), [(-5, -1), (20, 25)])
    def test_what_is_out_of_sight_has_none(self, start: float, end: float) -> None:
        assert len(AXIS.span(at(start), at(end))) == 0

    def test_ticks_are_whole_steps_from_their_origin_even_before_it(self) -> None:
        assert list(AXIS.ticks(at(50), dt.timedelta(hours=8))) == [at(2), at(10), at(18)]


class TestGrades:
    def test_a_decided_step_is_full_as_high_as_its_grade_with_the_numeral_on_top(self) -> None:
        assert plain(lanes.grade_lane("ASTCT", [step(0, 5, 1), step(5, 10, 3), step(10, 13, 2)], AXIS)) == [
            "     ██3██",
            "     ██████2█",
            "██1██████████",
        ]

    def test_an_undecided_step_is_full_to_the_lowest_and_hatched_to_the_highest_grade(self) -> None:
        assert plain(lanes.grade_lane("ASTCT", [step(0, 7, 2, 3)], AXIS)) == ["╱╱2-3╱╱", "███████", "███████"]

    def test_an_undecided_step_too_narrow_for_its_set_is_only_hatched(self) -> None:
        assert plain(lanes.grade_lane("ASTCT", [step(0, 2, 0, 1)], AXIS)) == ["╱╱"]

    def test_where_steps_share_a_column_the_worst_is_shown(self) -> None:
        shown = lanes.shown_steps([step(0, 1.2, 1), step(1.2, 1.4, 4), step(1.4, 3, 2)], AXIS)
        assert shown == [(range(1), (1,)), (range(1, 2), (4,)), (range(2, 3), (2,))]

    @pytest.mark.parametrize(("grades", "sign"), [((0,), "0"), ((4, 5), "† 4-5")])
    def test_an_end_is_a_zero_or_a_death_beside_the_last_step(self, grades: Grades, sign: str) -> None:
        found = plain(
            lanes.grade_lane("ASTCT", [step(0, 4, 4), Step(at(4), at(4), grades, closing=True)], AXIS)
        )
        assert sign in "\n".join(found)
        assert found[-1].startswith("████")

    def test_the_rows_are_labelled_with_their_grades(self) -> None:
        found = [line.plain for line in lanes.grade_lane("ASTCT", [step(0, 5, 2)], AXIS)]
        assert [line.split()[:2] for line in found] == [["ASTCT", "2"], ["1", "█████"]]

    def test_another_scale_is_one_thin_line(self) -> None:
        steps = [
            step(0, 4, 1),
            step(4, 9, 2, 3),
            step(9, 10, 3),
            step(10, 13, 2),
            Step(at(13), at(13), (0,), closing=True),
        ]
        assert plain(lanes.strip("Lee 2014", steps, AXIS)) == ["1───2-3╱╱─2──0"]


class TestReadings:
    def test_fevers_are_filled_and_the_line_of_fever_is_drawn(self) -> None:
        readings = [
            Reading(at(1), 37.0, False, 1),
            Reading(at(3), 38.0, True, 2),
            Reading(at(5), 39.0, True, 3),
        ]
        found = plain(lanes.temperature_lane(readings, AXIS, 38.0))
        assert found[0] == "     ●"
        assert found[2] == "┄┄┄●┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄"
        assert found[-1] == " ○"

    def test_low_pressures_are_filled(self) -> None:
        systolic = [Reading(at(1), 120.0, False, 1), Reading(at(4), 80.0, True, 2)]
        mean = [Reading(at(1), 85.0, False, 3), Reading(at(4), 55.0, True, 4)]
        found = "\n".join(plain(lanes.pressure_lane(systolic, mean, AXIS)))
        assert [found.count(sign) for sign in "▽▼◇◆"] == [1, 1, 1, 1]

    def test_no_pressure_no_lane(self) -> None:
        assert plain(lanes.pressure_lane([], [], AXIS)) == []


class TestBarsAndMarks:
    @pytest.mark.parametrize(
        ("hours", "drawn"),
        [(10, "┣8 ug/min━"), (9, "┣8 ug/min"), (8, "┣8━━━━━━"), (2, "┣8"), (1, "┣")],
    )
    def test_a_bar_has_the_longest_label_that_fits(self, hours: int, drawn: str) -> None:
        lane = BarLane("norepinephrine", (Bar(at(0), at(hours), ("8 ug/min", "8"), 1),))
        line = lanes.bar_lane(lane, AXIS)
        assert line is not None
        assert plain(line) == [drawn]

    def test_a_lane_with_nothing_in_sight_is_left_out(self) -> None:
        assert lanes.bar_lane(BarLane("epinephrine", (Bar(at(30), at(31), ("8",), 1),)), AXIS) is None
        assert lanes.mark_lane(MarkLane("tocilizumab", (Mark(at(30), "1", 1),)), AXIS, "■") is None
        assert lanes.state_lane("fever held", [(at(30), at(31))], AXIS) is None

    def test_numbers_replace_the_sign_amounts_stand_beside_it(self) -> None:
        doses = MarkLane("tocilizumab", (Mark(at(1), "1", 1), Mark(at(9), "2", 2)))
        boluses = MarkLane("fluid bolus", (Mark(at(1), "500 mL", 1), Mark(at(2), "250 mL", 2)))
        shown = [lanes.mark_lane(lane, AXIS, "▼") for lane in (doses, boluses)]
        assert [plain(line) for line in shown if line] == [[" 1       2"], [" ▼▼250 mL"]]

    def test_moments_are_dated_with_words_that_never_run_into_each_other(self) -> None:
        moments = [(at(2), "onset"), (at(4), "peak"), (at(12), "resolved")]
        assert plain(lanes.moments_lane(moments, AXIS)) == ["  ▾ ▾peak   ▾"]


class TestTime:
    def test_a_silence_of_the_record_is_seen(self) -> None:
        axis = Axis(at(0), at(80), 40)
        recorded = [at(0), at(10), at(70)]
        assert plain(lanes.ruler(recorded, axis)) == ["─────┈┈┈┈┈┈ nothing charted ┈┈┈┈┈┈┈"]

    def test_days_count_from_the_therapy(self) -> None:
        assert plain(lanes.day_line(at(-24), Axis(at(0), at(48), 40))) == ["│+1                 │+2"]

    def test_the_clock_shows_dates_at_midnight(self) -> None:
        assert plain(lanes.clock_line(Axis(at(0), at(48), 40))) == ["│1 Jan    │12:00    │2 Jan    │12:00"]


def test_a_canvas_cuts_off_what_falls_outside() -> None:
    canvas = Canvas(4, 1)
    canvas.put(0, -2, "abc")
    canvas.put(0, 3, "xyz")
    assert next(canvas.lines()).plain == "c  x"

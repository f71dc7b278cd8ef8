"""The course as SVG: sound XML, no script and no style in it, every lane with its signs, and nothing unescaped."""

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.report.made_up import at, course
from tocsin.errors import UserError
from tocsin.report.course import BarLane, Course, Mark, MarkLane
from tocsin.report.svg import NARROW, PARTS, WIDE, Picture, course_svg, spark_svg, window_of
from tocsin.report.svg.marks import Frame, el

SICK = (
    "50 body_temperature 39.1; 52 systolic_bp 84; 52 mean_arterial_pressure 58; 53 iv_fluid_bolus 500;"
    "54 oxygen_device nasal_cannula; 54 inhaled_o2_flow 3; 58 fio2 30; 60 norepinephrine 8 until 70; 61 tocilizumab 640;"
    "62 dexamethasone 10; 55 acetaminophen 650; 63 ice_score 8; 66 attribution hypotension:other; 50 crp 120; 80 crp 5;"
    "50 ferritin 900; 80 ferritin 5000"
)
OPEN = "50 body_temperature 39; 54 oxygen_device nasal_cannula; 58 body_temperature 38.5"
RESOLVED = "50 body_temperature 39; 56 body_temperature 37; 90 body_temperature 37; 130 body_temperature 37"
DIED = "50 body_temperature 39; 54 oxygen_device invasive_ventilation; 60 death"
SVG = "{http://www.w3.org/2000/svg}"

Element = ElementTree.Element


def picture(drawn: Course, **beside: object) -> Picture:
    """The picture of a course over its own stretch."""
    return replace(Picture(drawn, window_of(drawn)), **beside)  # pyright: ignore[reportArgumentType]


def parsed(text: str) -> Element:
    """An SVG as a tree: it must be sound XML."""
    return ElementTree.fromstring(text)


def of_class(tree: Element, name: str) -> list[Element]:
    """The elements of a class."""
    return [one for one in tree.iter() if name in (one.get("class") or "").split()]


def titles(tree: Element, name: str) -> list[str]:
    """What a pointer over the elements of a class says."""
    return [one.findtext("title") or "" for one in of_class(tree, name)]


def texts(tree: Element) -> list[str]:
    """Every text that is drawn."""
    return [one.text or "" for one in tree.iter("text")]


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with something in every lane."""
    return course(tmp_path_factory.mktemp("sick"), SICK)


class TestSafety:
    @pytest.mark.parametrize("part", PARTS)
    def test_a_part_is_sound_xml_without_script_or_style(self, sick: Course, part: str) -> None:
        text = course_svg(picture(sick), part)
        tree = parsed(text)
        assert not [
            one.tag for one in tree.iter() if one.tag in ("script", "style", "image", "foreignObject")
        ]
        assert not [
            name for one in tree.iter() for name in one.attrib if name == "style" or name.startswith("on")
        ]

    def test_script_in_a_name_a_label_and_a_reason_is_text(self, sick: Course) -> None:
        evil = "<script>alert(1)</script>\"'&"
        bars = tuple(replace(bar, labels=(evil,)) for bar in sick.vasopressors[0].bars)
        marks = (Mark(at(60), evil, 1),)
        nasty = replace(
            sick,
            vasopressors=(BarLane(evil, bars),),
            neuro=(MarkLane(evil, marks),),
            rows=tuple(replace(row, why=evil, settled_by=evil) for row in sick.rows),
        )
        for part in PARTS:
            text = course_svg(picture(nasty, set_aside=[(at(60), evil)]), part)
            parsed(text)
            assert "<script" not in text

    def test_an_attribute_cannot_be_left(self) -> None:
        assert el("rect", class_='"><script>') == '<rect class="&quot;&gt;&lt;script&gt;"/>'


class TestWhoCannotSee:
    def test_each_part_is_named_and_described(self, sick: Course) -> None:
        for part in PARTS:
            tree = parsed(course_svg(picture(sick), part))
            ids = {one.get("id"): one.text for one in tree.iter() if one.get("id")}
            said = [ids[name] for name in (tree.get("aria-labelledby") or "").split()]
            assert all(said), part

    def test_the_description_says_onset_peak_and_end(self, sick: Course) -> None:
        text = parsed(course_svg(picture(sick), "grade")).findtext("desc") or ""
        assert "onset 3 Jan 02:00 (day +2.1); peak grade 3 (ASTCT)" in text
        lanes = parsed(course_svg(picture(sick), "lanes")).findtext("desc") or ""
        assert "1 temperatures, 1 of them fever, the highest 39.1 °C." in lanes
        assert "Support: norepinephrine, nasal cannula." in lanes

    def test_steps_are_links_with_a_name_and_the_rest_is_quiet(self, sick: Course) -> None:
        grade = parsed(course_svg(picture(sick), "grade"))
        steps = of_class(grade, "step")
        assert [step.tag for step in steps] == ["a"] * len(steps)
        assert steps[0].get("aria-label") == "Grade 1 (ASTCT), 3 Jan 02:00, day +2.1 to 3 Jan 04:00, day +2.2"
        lanes = parsed(course_svg(picture(sick), "lanes"))
        assert (lanes.get("role"), {one.get("aria-hidden") for one in lanes.findall("g")}) == (
            "img",
            {"true"},
        )


class TestGrades:
    def test_every_step_has_its_numeral_and_links_to_its_row(self, sick: Course) -> None:
        steps = of_class(parsed(course_svg(picture(sick), "grade")), "step")
        shown = ["".join(texts(step)) for step in steps]
        assert shown == ["-".join(map(str, step.grades)) for step in sick.steps["astct"]]
        assert steps[0].get("href") == "#row-0"

    def test_an_undecided_step_is_hatched_and_says_what_settles_it(self, tmp_path: Path) -> None:
        tree = parsed(course_svg(picture(course(tmp_path, OPEN)), "grade"))
        found = of_class(tree, "open")
        assert [("".join(texts(step)), len(of_class(step, "hatch"))) for step in found] == [("2-3", 1)]
        assert "Undecided, 2-3 (ASTCT)" in (found[0].findtext("title") or "")
        assert "To settle it:" in (found[0].findtext("title") or "")
        assert tree.find(".//pattern").get("id") == "hatch-grade"  # pyright: ignore[reportOptionalMemberAccess]

    def test_a_decided_step_is_not_hatched(self, sick: Course) -> None:
        steps = of_class(parsed(course_svg(picture(sick), "grade")), "step")
        hatched = {"".join(texts(step)): len(of_class(step, "hatch")) for step in steps}
        assert hatched == {text: int("-" in text) for text in hatched}

    @pytest.mark.parametrize(("chart", "sign"), [(RESOLVED, "0"), (DIED, "† 4-5")])
    def test_the_end_of_an_episode_is_its_zero_or_a_death(
        self, tmp_path: Path, chart: str, sign: str
    ) -> None:
        tree = parsed(course_svg(picture(course(tmp_path, chart)), "grade"))
        assert texts(of_class(tree, "step")[-1]) == [sign]

    def test_a_change_at_the_last_record_is_a_step_and_no_death(self, tmp_path: Path) -> None:
        drawn = course(tmp_path, "50 body_temperature 39; 54 norepinephrine 4 until 60; 54 systolic_bp 80")
        text = course_svg(picture(drawn, at=at(58)), "grade")
        assert "†" not in text
        last = of_class(parsed(text), "step")[-1]
        assert int(last.get("data-to") or 0) == int(at(58).timestamp())

    def test_onset_peak_and_end_are_dated(self, tmp_path: Path) -> None:
        said = [
            one.text
            for one in of_class(
                parsed(course_svg(picture(course(tmp_path, RESOLVED)), "grade")), "moment-word"
            )
        ]
        assert [(text or "").split()[0] for text in said] == ["onset", "resolved"]
        assert said[0] == "onset 3 Jan 02:00, day +2.1"

    def test_a_step_knows_the_records_that_it_rests_on(self, sick: Course) -> None:
        steps = of_class(parsed(course_svg(picture(sick), "grade")), "step")
        lanes = parsed(course_svg(picture(sick), "lanes"))
        third = next(step for step in steps if texts(step) == ["3"])
        ids = set((third.get("data-evidence") or "").split())
        lit = {
            one.findtext("title")
            for one in lanes.iter()
            if one.get("data-event") in ids and one.find("title") is not None
        }
        assert {(text or "").split(",")[0] for text in lit} >= {
            "norepinephrine 8 ug/min",
            "39.1 °C",
            "nasal cannula 3 L/min",
        }

    def test_other_scales_have_a_lane_each(self, sick: Course) -> None:
        names = [one.text for one in of_class(parsed(course_svg(picture(sick), "scales")), "lane-name")]
        assert names == ["CTCAE v5.0", "Lee 2014"]


class TestLanes:
    def test_every_lane_is_there(self, sick: Course) -> None:
        tree = parsed(course_svg(picture(sick, next_tocilizumab=at(69)), "lanes"))
        names = {one.text for one in of_class(tree, "lane-name")}
        assert names == {
            "temperature °C", "pressure mmHg", "norepinephrine", "nasal cannula", "pressure not CRS", "tocilizumab",
            "dexamethasone", "ICE", "ICANS grade",
        }  # fmt: skip
        assert {"fever held", "fever waived", "acetaminophen", "38.0"} <= set(texts(tree))

    @pytest.mark.parametrize(("celsius", "filled"), [("37.9", 0), ("38.0", 1), ("38.1", 1)])
    def test_a_fever_is_filled(self, tmp_path: Path, celsius: str, filled: int) -> None:
        drawn = course(tmp_path, f"50 body_temperature 39; 52 body_temperature {celsius}")
        points = of_class(parsed(course_svg(picture(drawn), "lanes")), "dot")
        assert sum("marked" in (one.get("class") or "") for one in points) == 1 + filled

    def test_low_pressures_are_filled_and_a_bolus_is_a_drop(self, sick: Course) -> None:
        tree = parsed(course_svg(picture(sick), "lanes"))
        assert [one.get("class") for one in of_class(tree, "systolic")] == ["point systolic marked"]
        assert titles(tree, "drop") == ["fluid bolus 500 mL, 3 Jan 05:00, day +2.2"]

    def test_support_has_rates_and_flows(self, sick: Course) -> None:
        said = titles(parsed(course_svg(picture(sick), "lanes")), "run")
        assert said[:2] == [
            "norepinephrine 8 ug/min, 3 Jan 12:00, day +2.5 to 3 Jan 22:00, day +2.9",
            "nasal cannula 3 L/min, 3 Jan 06:00, day +2.2 to 3 Jan 10:00, day +2.4",
        ]

    def test_doses_of_tocilizumab_are_numbered_and_the_next_is_open(self, tmp_path: Path) -> None:
        drawn = course(
            tmp_path, "50 body_temperature 39; 51 tocilizumab 640; 60 tocilizumab 640; 66 body_temperature 39"
        )
        tree = parsed(course_svg(picture(drawn, next_tocilizumab=at(68)), "lanes"))
        assert [one.text for one in of_class(tree, "dose-word")] == ["1", "2"]
        assert titles(tree, "given")[-1] == "tocilizumab 640 mg, dose 2, 3 Jan 12:00, day +2.5"
        assert titles(tree, "next") == ["earliest next dose of tocilizumab, 3 Jan 20:00, day +2.8"]
        assert "not before 20:00" in texts(tree)

    @pytest.mark.parametrize(("second", "runs"), [(72, 1), (74, 1), (74.1, 2)])
    def test_doses_of_a_glucocorticoid_within_a_day_are_one_run(
        self, tmp_path: Path, second: float, runs: int
    ) -> None:
        chart = (
            f"50 body_temperature 39; 50 dexamethasone 10; {second} dexamethasone 10; 70 body_temperature 39"
        )
        lane = of_class(parsed(course_svg(picture(course(tmp_path, chart)), "lanes")), "glucocorticoid")[0]
        assert (len(of_class(lane, "bar")), len(of_class(lane, "tick"))) == (runs, 2)

    def test_what_was_set_aside_is_a_cross_that_says_why(self, sick: Course) -> None:
        tree = parsed(
            course_svg(picture(sick, set_aside=[(at(60), "99 Cel, looks like fahrenheit")]), "lanes")
        )
        assert titles(tree, "set-aside") == [
            "set aside: 99 Cel, looks like fahrenheit, 3 Jan 12:00, day +2.5"
        ]

    @pytest.mark.parametrize(("hours", "gaps"), [(12, 0), (12.1, 1)])
    def test_a_silence_of_the_record_is_a_band_and_breaks_the_line(
        self, tmp_path: Path, hours: float, gaps: int
    ) -> None:
        chart = f"50 body_temperature 39; 52 body_temperature 39; {52 + hours} body_temperature 38.6; 68 body_temperature 38"
        tree = parsed(course_svg(picture(course(tmp_path, chart)), "lanes"))
        inside = [text for text in titles(tree, "gap") if "day +2.2 to" in text]
        assert (len(inside), len(of_class(tree, "trace"))) == (gaps, 1 + gaps)

    def test_both_clocks_are_on_the_axis(self, sick: Course) -> None:
        said = texts(of_class(parsed(course_svg(picture(sick), "lanes")), "lane-axis")[0])
        assert "clock (UTC)" in said
        assert [text for text in said if re.fullmatch(r"[+]\d[.]\d", text)]
        assert [text for text in said if re.fullmatch(r"\d\d:\d\d", text)]


class TestLaboratory:
    def test_crp_is_pale_after_tocilizumab_and_says_why(self, sick: Course) -> None:
        tree = parsed(course_svg(picture(sick), "laboratory"))
        said = dict(
            zip(titles(tree, "dot"), [one.get("class") for one in of_class(tree, "dot")], strict=True)
        )
        assert said == {
            "CRP 120 mg/L, 3 Jan 02:00, day +2.1": "point dot",
            "CRP 5 mg/L, 4 Jan 08:00, day +3.3; not a severity marker now": "point dot pale",
            "ferritin 900 ng/mL, 3 Jan 02:00, day +2.1": "point dot",
            "ferritin 5000 ng/mL, 4 Jan 08:00, day +3.3": "point dot",
        }

    def test_ferritin_is_logarithmic(self, sick: Course) -> None:
        assert "ferritin ng/mL, log" in texts(parsed(course_svg(picture(sick), "laboratory")))

    def test_nothing_is_drawn_of_tests_that_were_not_done(self, tmp_path: Path) -> None:
        assert course_svg(picture(course(tmp_path, OPEN)), "laboratory") == ""


class TestWindow:
    def test_the_default_is_the_last_episode(self, sick: Course) -> None:
        view = window_of(sick)
        assert (view.start, view.end) == (at(50 - 12), at(80 + 12))

    def test_a_stretch_shows_only_what_is_in_it(self, sick: Course) -> None:
        view = window_of(sick, at(59), at(65))
        tree = parsed(course_svg(Picture(sick, view), "lanes"))
        assert of_class(tree, "dot") == []
        assert titles(tree, "run")[0].startswith("norepinephrine")

    @pytest.mark.parametrize("end", [59, 60])
    def test_a_stretch_must_have_a_length(self, sick: Course, end: float) -> None:
        with pytest.raises(UserError, match="from must lie before to"):
            window_of(sick, at(60), at(end))

    def test_an_instant_has_its_place(self) -> None:
        frame = Frame(at(0), at(10), at(0))
        assert [frame.x(at(hours)) for hours in (0, 5, 10)] == [132, 562, 992]
        assert frame.span(at(11), at(12)) is None
        assert frame.span(at(-1), at(5)) == (132, 562)

    def test_a_course_without_an_episode_is_drawn_from_its_therapy_on(self, sick: Course) -> None:
        quiet = replace(
            sick, episodes=(), rows=(), steps={}, therapies=(MarkLane("CAR-T", (Mark(at(0), "", 1),)),)
        )
        assert window_of(quiet).start == at(-6)
        assert "No episode" in (parsed(course_svg(picture(quiet), "grade")).findtext("desc") or "")


class TestNarrow:
    @pytest.mark.parametrize("part", PARTS)
    def test_nothing_is_drawn_beside_the_paper(self, sick: Course, part: str) -> None:
        tree = parsed(course_svg(picture(sick, layout=NARROW), part))
        assert tree.get("viewBox", "").startswith("0 0 340 ")
        for one in tree.iter("rect"):
            x, width = float(one.get("x", 0)), float(one.get("width", 0))
            assert 0 <= x <= x + width <= NARROW.width, one.attrib

    def test_names_stand_above_their_lanes(self, sick: Course) -> None:
        wide, narrow = (
            parsed(course_svg(picture(sick, layout=layout), "lanes")) for layout in (WIDE, NARROW)
        )
        assert sorted(one.text or "" for one in of_class(wide, "lane-name")) == sorted(
            one.text or "" for one in of_class(narrow, "lane-name")
        )
        lane = of_class(narrow, "vasopressor")[0]
        body = lane.find("g")
        assert (lane.findtext("text"), body is not None and body.get("transform")) == (
            "norepinephrine",
            "translate(0 13)",
        )

    def test_a_script_is_told_where_time_begins_and_ends(self, sick: Course) -> None:
        for layout in (WIDE, NARROW):
            tree = parsed(course_svg(picture(sick, layout=layout), "lanes"))
            assert (tree.get("data-left"), tree.get("data-right")) == (
                f"{layout.left:g}",
                f"{layout.right:g}",
            )

    def test_the_time_of_the_next_dose_never_covers_a_dose(self, sick: Course) -> None:
        dose = sick.treatments[0].marks[0].time
        view = window_of(sick, dose - dt.timedelta(hours=12), dose + dt.timedelta(hours=9))
        drawn = picture(sick, view=view, next_tocilizumab=dose + dt.timedelta(hours=8))
        near, far = (
            "".join(texts(parsed(course_svg(replace(drawn, layout=layout), "lanes"))))
            for layout in (NARROW, WIDE)
        )
        assert "not before" in far
        assert "not before" not in near


class TestSpark:
    def test_it_says_its_grades_in_words_and_draws_the_open_part_lighter(self) -> None:
        text = spark_svg([(at(0), at(10), (1,)), (at(10), at(20), (2, 3))], at(0), at(20))
        tree = parsed(text)
        assert tree.findtext("title") == "Grades of the last 72 h: 1, then 2-3"
        assert [one.get("class") for one in tree.iter("rect")] == ["g1", "may", "g2"]

    def test_without_a_grade_it_says_so(self) -> None:
        assert parsed(spark_svg([], at(0), at(72))).findtext("title") == "Grades of the last 72 h: none"


def test_times_stand_on_the_clocks_of_a_zone(sick: Course) -> None:
    zone = dt.timezone(dt.timedelta(hours=2), "EET")
    frame = Frame(at(0).astimezone(zone), at(10).astimezone(zone), at(0).astimezone(zone))
    assert frame.said(at(5).astimezone(zone)) == "1 Jan 07:00, day +0.2"

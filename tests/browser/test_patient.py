"""The patient page: its order, evidence that lights up, zoom with and without a script, and what a clinician says."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor, visiting
from tests.support.service import Served
from tests.support.ward import SCRIPT

CAR_T = "/patients/1-car-t-tocilizumab"


def tile(page: Page) -> str:
    """The grade now, as it is shown."""
    return page.locator(".now .tile").inner_text().split()[-1]


def tab_to(page: Page, id: str) -> None:
    """Go to a field by the Tab key and nothing else."""
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.locator(f"#{id}:focus").count():
            return
    raise AssertionError(f"Tab never reaches {id}")


def test_the_page_is_in_the_order_that_people_need(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    heads = [text.strip() for text in page.locator("h1, h2").all_inner_texts()]
    assert heads == [
        "One Made-up",
        "Grade now",
        "What to do next",
        "Course",
        "Evidence",
        "Other toxicities",
        "Coding (ICD-10-CM)",
        "Missing, and set aside",
        "What clinicians said",
        "Say what the record cannot",
        "Sources",
    ]
    assert "Axicabtagene ciloleucel (Yescarta)" in page.locator("header.patient").inner_text()
    assert tile(page) == "3"
    assert "one vasopressor" in page.locator(".now .why").inner_text().lower()
    assert "1/4" in page.locator(".now dl").inner_text()


def test_times_carry_their_zone(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    assert re.search(r"As of .* CES?T", page.locator("header.patient").inner_text())
    assert re.search(r"clock \(CES?T\)", page.locator(".course-lanes").text_content() or "")


def test_a_step_of_the_grade_lights_up_its_evidence(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    page.locator("a.step").last.click()
    lit = page.locator(".course-lanes .lit title").all_text_contents()
    assert any(text.startswith("norepinephrine 8 ug/min") for text in lit)
    assert any(text.startswith("nasal cannula") for text in lit)
    assert page.locator(".evidence tr.lit").count() == 1
    page.locator("a.step").last.click()
    assert page.locator(".lit").count() == 0


def test_without_a_script_a_step_leads_to_its_row(without_script: Visitor) -> None:
    page = without_script.go(CAR_T)
    page.locator("a.step").first.click()
    assert page.url.endswith("#row-0")


def test_a_step_can_be_reached_and_chosen_by_keyboard(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    page.locator("a.step").last.focus()
    page.keyboard.press("Enter")
    assert page.locator(".course-lanes .lit").count() > 0


def test_the_readout_follows_the_pointer(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    page.locator(".course-lanes").scroll_into_view_if_needed()
    page.locator("g.run", has=page.locator("title", has_text="norepinephrine")).first.hover()
    expect(page.locator("#readout")).to_contain_text("norepinephrine")
    expect(page.locator("#readout")).to_contain_text("Grade 3 (ASTCT)")
    assert page.locator("svg .cursor").count() >= 3


def test_a_step_that_is_reached_by_keyboard_is_read_out(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    page.locator("a.step").last.focus()
    expect(page.locator("#readout")).to_contain_text("Grade 3 (ASTCT)")
    expect(page.locator("#readout")).to_contain_text("orepinephrine 4 ug/min")


def test_the_row_of_a_chosen_step_comes_into_sight(visitor: Visitor) -> None:
    page = visitor.go("/patients/8-death")
    rows = page.locator("#evidence .rows")
    assert rows.evaluate("one => one.scrollTop") > 0, "the latest rows are shown first"
    page.locator("a.step").first.click()
    assert rows.evaluate("one => one.scrollTop") == 0
    assert rows.evaluate("one => one.scrollHeight > one.clientHeight"), (
        "a long table does not make a long page"
    )


class TestPhone:
    @pytest.fixture
    def phone(self, browser: Browser, service: Served) -> Iterator[Visitor]:
        context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        yield from visiting(context, service)

    @pytest.mark.parametrize("id", ["1-car-t-tocilizumab", "8-death"])
    def test_the_course_fits_the_screen(self, phone: Visitor, id: str) -> None:
        page = phone.go(f"/patients/{id}")
        page.wait_for_selector(".sheet.slim")
        wide = page.evaluate(
            "[...document.querySelectorAll('.scroller')].map(one => one.scrollWidth - one.clientWidth)"
        )
        assert wide == [0, 0], "neither the course nor the evidence scrolls sideways"
        names = page.locator(".lane-name")
        assert min(box["x"] for one in names.all() if (box := one.bounding_box()) is not None) >= 0
        assert phone.violations() == []

    def test_a_zoom_stays_narrow_and_a_turned_phone_is_drawn_wide(self, phone: Visitor) -> None:
        page = phone.go(CAR_T)
        page.wait_for_selector(".sheet.slim")
        page.get_by_role("link", name="Last 24 h").tap()
        page.wait_for_url("**from=**")
        expect(page.locator(".course-lanes")).to_have_attribute("viewBox", re.compile(r"^0 0 340 "))
        page.set_viewport_size({"width": 844, "height": 390})
        expect(page.locator(".course-lanes")).to_have_attribute("viewBox", re.compile(r"^0 0 1000 "))
        assert "narrow" not in page.url

    def test_a_finger_reads_what_it_touches(self, phone: Visitor) -> None:
        page = phone.go(CAR_T)
        page.wait_for_selector(".sheet.slim")
        page.locator("a.step").last.tap()
        expect(page.locator("#readout")).to_contain_text("Grade 3 (ASTCT)")
        assert page.locator(".evidence tr.lit").count() == 1


@pytest.mark.parametrize("kind", ["visitor", "without_script"])
def test_the_course_can_be_zoomed(request: pytest.FixtureRequest, kind: str) -> None:
    who: Visitor = request.getfixturevalue(kind)
    page = who.go(CAR_T)
    before = page.locator(".course-lanes").get_attribute("data-start")
    page.get_by_role("link", name="Last 24 h").click()
    page.wait_for_url("**from=**")
    lanes = page.locator(".course-lanes")
    expect(lanes).not_to_have_attribute("data-start", before or "")
    start, end = (int(lanes.get_attribute(name) or 0) for name in ("data-start", "data-end"))
    assert end - start == 25 * 3600
    assert page.get_by_role("link", name="Last 24 h").get_attribute("aria-current") == "true"


def test_a_stretch_can_be_drawn_out_with_the_mouse(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    lanes = page.locator(".course-lanes")
    lanes.scroll_into_view_if_needed()
    box = lanes.bounding_box()
    assert box is not None
    y = box["y"] + 30
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=4)
    assert page.locator(".brush").count() == 1
    page.mouse.up()
    page.wait_for_url("**from=**")
    expect(page.locator(".brush")).to_have_count(0)
    page.go_back()
    expect(page).not_to_have_url(re.compile("from="))


def test_a_span_that_ends_before_it_begins_is_refused_in_words(visitor: Visitor) -> None:
    visitor.expected = ("422",)
    page = visitor.go(f"{CAR_T}?from=2026-02-02T00:00&to=2026-02-01T00:00")
    assert "From must lie before to" in page.get_by_role("alert").inner_text()


def test_an_earlier_moment_can_be_looked_at(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    page.get_by_text("See an earlier moment").click()
    page.locator("#at").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Show").click()
    assert "Seen as of 1 Jan 2020" in page.locator("header.patient").inner_text()
    assert page.locator("#record").count() == 0


def test_a_page_that_was_left_open_says_how_old_it_is(visitor: Visitor) -> None:
    visitor.page.clock.install()
    page = visitor.go(CAR_T)
    page.clock.run_for(570_000)
    assert page.locator("#aged").is_hidden()
    page.clock.run_for(60_000)
    assert page.locator("#aged").inner_text().startswith("This page is 10 min old")
    assert visitor.violations() == []
    page.get_by_role("link", name="Load it anew").click()
    assert page.locator("#aged").is_hidden()


def test_the_leaflet_is_offered_in_each_language(visitor: Visitor) -> None:
    page = visitor.go(CAR_T)
    for name, language in (("English", "en"), ("Español", "es")):
        page.get_by_role("link", name=name).click()
        assert page.locator("html").get_attribute("lang") == language
        page.go_back()


def test_what_is_missing_leads_to_the_form_and_to_the_rules_that_wait(visitor: Visitor) -> None:
    page = visitor.go("/patients/4-vasopressin-puzzle")
    item = page.locator("#missing li", has_text="judges this grade 2 to be severe")
    assert "severity:" not in item.inner_text(), "the words of the API are not for a ward"
    assert item.get_by_role("link", name="record it").get_attribute("href") == "#record"
    item.get_by_role("link", name="TOC-002").click()
    assert page.locator("h1").inner_text() == "Rule TOC-002"


def test_advice_has_its_dose_its_clock_and_its_source(visitor: Visitor) -> None:
    page = visitor.go("/patients/8-death")
    item = page.locator(".item", has_text="Tocilizumab 560 mg IV").first
    assert "8 mg/kg x 70 kg = 560 mg" in item.inner_text()
    item.locator("summary").click()
    link = item.locator(".basis a").first
    assert link.get_attribute("href") == f"#source-{link.inner_text().lower()}"
    assert page.locator(link.get_attribute("href") or "").count() == 1


def test_what_was_set_aside_is_told_with_its_reason(visitor: Visitor) -> None:
    page = visitor.go("/patients/hostile")
    section = page.locator("#missing").inner_text()
    assert "Missing, and set aside" in section


class TestSaying:
    def test_a_flow_settles_the_grade_at_once(self, visitor: Visitor) -> None:
        page = visitor.go("/patients/4-vasopressin-puzzle")
        assert tile(page) == "2"
        page.locator("#e-oxygen_device").select_option("high_flow_nasal_cannula")
        page.locator("#e-inhaled_o2_flow").fill("40")
        page.locator("#e-author").fill("Dr Made-up")
        page.get_by_role("button", name="Record").click()
        page.wait_for_url("**#said")
        assert tile(page) == "3"
        said = page.locator("#said").inner_text()
        assert "oxygen device: high-flow nasal cannula" in said
        assert said.count("Dr Made-up, entered") == 2

    def test_attribution_severity_and_response_are_kept_with_author_and_time(self, visitor: Visitor) -> None:
        page = visitor.go("/patients/7-recurrence")
        page.locator("#e-severity").select_option("severity:severe")
        page.locator("#e-response").select_option("response:not_improving")
        page.locator("#e-ice_score").fill("9")
        page.locator("#e-author").fill(SCRIPT)
        page.get_by_role("button", name="Record").click()
        page.wait_for_url("**#said")
        said = page.locator("#said").inner_text()
        for text in (
            "Grade 2 is managed as: severe",
            "Response to treatment: not improving",
            "ice score: 9",
            SCRIPT,
        ):
            assert text in said
        assert page.locator("#said li").count() == 3

    def test_the_ice_is_asked_point_by_point(self, visitor: Visitor) -> None:
        page = visitor.go("/patients/6-sepsis")
        page.get_by_text("Ask ICE point by point").click()
        points = page.locator(".worksheet [role=radiogroup]")
        for place in range(points.count()):
            points.nth(place).locator("label", has_text="right" if place < 8 else "wrong").click()
        expect(page.locator(".worksheet .sum")).to_contain_text("8 of 10")
        assert page.locator("#e-ice_score").input_value() == "8"
        page.locator("#e-author").fill("Dr Made-up")
        page.get_by_role("button", name="Record").click()
        page.wait_for_url("**#said")
        assert "ice score: 8" in page.locator("#said").inner_text()

    def test_an_ice_that_was_not_finished_is_no_score(self, without_script: Visitor) -> None:
        without_script.expected = ("422",)
        page = without_script.go("/patients/6-sepsis")
        before = page.locator("#said li").count()
        page.get_by_text("Ask ICE point by point").click()
        page.locator(".worksheet [role=radiogroup]").first.locator("label", has_text="wrong").click()
        page.locator("#e-author").fill("Dr Made-up")
        page.get_by_role("button", name="Record").click()
        expect(page.locator("#form-wrong")).to_contain_text("9 of its points were not asked")
        assert page.locator(".worksheet").get_attribute("open") is not None
        assert page.locator("#said li").count() == before

    def test_the_form_by_keyboard_alone_and_without_a_script(self, without_script: Visitor) -> None:
        page = without_script.go("/patients/3-haplo-fluids")
        tab_to(page, "e-fever")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")  # due to something else
        tab_to(page, "e-author")
        page.keyboard.type("Dr Made-up")
        page.keyboard.press("Enter")
        page.wait_for_url("**#said")
        assert "The fever: due to something else" in page.locator("#said").inner_text()

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("ice_score", "11", "ice_score is 0 to 10"),
            ("inhaled_o2_flow", "a lot", "is a number"),
            ("", "", "nothing was filled in"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_lost(
        self, visitor: Visitor, field: str, value: str, said: str
    ) -> None:
        visitor.expected = ("422",)
        page = visitor.go("/patients/2-blinatumomab-step")
        before = page.locator("#said li").count()
        if field:
            page.locator(f"#e-{field}").fill(value)
        page.locator("#e-author").fill("Dr Made-up")
        page.get_by_role("button", name="Record").click()
        expect(page.locator("#form-wrong")).to_contain_text(re.compile(said, re.IGNORECASE))
        assert page.locator("#e-author").input_value() == "Dr Made-up"
        if field:
            assert page.locator(f"#e-{field}").input_value() == value
        assert page.locator("#said li").count() == before
        assert visitor.violations() == []


def test_script_in_every_text_is_text(visitor: Visitor) -> None:
    page = visitor.go("/patients/hostile")
    assert page.locator("h1").inner_text() == f'"><img src=x onerror=alert(1)> Made-up {SCRIPT}'
    assert page.locator("main script, main img").count() == 0

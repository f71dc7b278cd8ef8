"""The calculator: every scale side by side as one types, by keyboard alone, without a script, and from a link."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor


def grade(page: Page, scale: str) -> str:
    """What a scale says, as it is shown."""
    return page.locator(f"[data-scale={scale}] .value").inner_text()


def choose(page: Page, field: str, word: str) -> None:
    """Choose yes, no or not known."""
    page.locator(f"[data-field={field}] label", has_text=word).last.click()


def test_the_answer_follows_what_is_typed(visitor: Visitor) -> None:
    page = visitor.go("/calculator")
    page.locator("#temp_c").fill("38.6")
    choose(page, "fever_attributed_to_crs", "yes")
    choose(page, "hypotension", "no")
    page.locator("#n_vasopressors_excl_vasopressin").fill("0")
    page.locator("#oxygen_device").select_option("nasal_cannula")
    expect(page.locator("[data-scale=astct] .value")).to_have_text("2-3")
    expect(page.locator("[data-scale=astct] .settles")).to_contain_text("Flow")
    page.locator("#o2_flow_lpm").fill("6")
    expect(page.locator("[data-scale=astct] .value")).to_have_text("2")
    page.locator("#o2_flow_lpm").fill("6.5")
    expect(page.locator("[data-scale=astct] .value")).to_have_text("3")
    expect(page.locator("[data-scale=astct] .settles")).to_be_hidden()
    assert {scale: grade(page, scale) for scale in ("ctcae5", "lee2014")} == {
        "ctcae5": "2-3",
        "lee2014": "2-3",
    }


def test_what_would_settle_it_leads_to_its_field(visitor: Visitor) -> None:
    page = visitor.go(
        "/calculator?temp_c=38.6&fever_attributed_to_crs=yes&hypotension=no&oxygen_device=nasal_cannula"
    )
    page.locator("[data-scale=astct] [data-goes=o2_flow_lpm]").click()
    expect(page.locator("#o2_flow_lpm")).to_be_focused()


def test_icans_stands_beside_crs(visitor: Visitor) -> None:
    page = visitor.go("/calculator")
    page.locator("#age_years").fill("54")
    page.locator("#ice").fill("3")
    expect(page.locator("[data-scale=icans] .value")).to_have_text("2")
    expect(page.locator("[data-scale=astct]")).to_be_hidden()
    page.locator("#ice").fill("2")
    expect(page.locator("[data-scale=icans] .value")).to_have_text("3")


def test_what_was_not_looked_at_is_named_and_leads_to_its_field(visitor: Visitor) -> None:
    page = visitor.go("/calculator")
    page.locator("#ice").fill("7")
    asks = page.locator("[data-scale=icans] .settles")
    expect(asks).to_contain_text("Not assessed:")
    expect(asks).not_to_contain_text("To settle it")
    asks.get_by_role("link", name="Seizure").click()
    expect(page.locator("#seizure")).to_be_focused()
    again = visitor.go("/calculator?ice=7")
    assert again.locator("[data-scale=icans] .settles").inner_text().startswith("Not assessed: ")


def test_the_ice_is_added_up_as_its_points_are_asked(visitor: Visitor) -> None:
    page = visitor.go("/calculator")
    page.get_by_text("Ask ICE point by point").click()
    points = page.locator(".worksheet [role=radiogroup]")
    assert points.count() == 10
    for place in range(9):
        points.nth(place).locator("label", has_text="right" if place < 6 else "wrong").click()
    expect(page.locator(".worksheet .sum")).to_contain_text("1 not asked: no score yet, 6 to 7")
    expect(page.locator("[data-scale=icans]")).to_be_hidden()
    points.nth(9).locator("label", has_text="wrong").click()
    assert page.locator("#ice").input_value() == "6"
    expect(page.locator("[data-scale=icans] .value")).to_have_text("2")
    again = visitor.go(page.locator("#link").get_attribute("href") or "")
    assert again.locator(".worksheet .sum").inner_text() == "ICE 6 of 10"
    assert grade(again, "icans") == "2"
    again.locator("#ice").fill("9")  # a score that is written by hand takes the place of the points
    expect(again.locator(".worksheet input[value='']:checked")).to_have_count(10)
    expect(again.locator("[data-scale=icans] .value")).to_have_text("1")
    assert visitor.violations() == []


def test_an_answer_is_never_left_in_a_fold(visitor: Visitor) -> None:
    page = visitor.go("/calculator")
    page.locator("#cartox10").fill("5")
    expect(page.locator("[data-scale=cres] .value")).to_be_visible()
    again = visitor.go("/calculator?cartox10=5")
    expect(again.locator("[data-scale=cres] .value")).to_be_visible()


def test_the_link_makes_the_state_again(visitor: Visitor) -> None:
    page = visitor.go("/calculator")
    page.locator("#temp_c").fill("39.2")
    choose(page, "fever_attributed_to_crs", "yes")
    page.locator("#n_vasopressors_excl_vasopressin").fill("1")
    expect(page.locator("[data-scale=astct] .value")).to_have_text("3-4")
    link = page.locator("#link").get_attribute("href") or ""
    assert parse_qs(urlsplit(link).query) == {
        "temp_c": ["39.2"],
        "fever_attributed_to_crs": ["yes"],
        "n_vasopressors_excl_vasopressin": ["1"],
    }
    assert page.url.endswith(link)
    again = visitor.go(link)
    assert (grade(again, "astct"), again.locator("#temp_c").input_value()) == ("3-4", "39.2")


def test_without_a_script_the_form_is_sent(without_script: Visitor) -> None:
    page = without_script.go("/calculator")
    page.locator("#temp_c").fill("38.6")
    choose(page, "fever_attributed_to_crs", "yes")
    page.locator("#n_vasopressors_excl_vasopressin").fill("2")
    page.get_by_role("button", name="Grade").click()
    assert grade(page, "astct") == "4"
    assert page.locator("#temp_c").input_value() == "38.6"


@pytest.mark.parametrize(
    ("celsius", "said"), [("101", "Fahrenheit"), ("38,6", "decimal point"), ("hot", "number")]
)
def test_a_value_that_cannot_be_is_said_at_its_field(visitor: Visitor, celsius: str, said: str) -> None:
    visitor.expected = ("422",)
    page = visitor.go("/calculator")
    page.locator("#temp_c").fill(celsius)
    expect(page.locator("#wrong")).to_contain_text(said)
    expect(page.locator("#temp_c")).to_have_attribute("aria-invalid", "true")
    page.locator("#temp_c").fill("38.6")
    expect(page.locator("#wrong")).to_be_hidden()
    expect(page.locator("#temp_c")).not_to_have_attribute("aria-invalid", "true")


def test_the_keyboard_alone_is_enough(visitor: Visitor) -> None:
    page = visitor.go("/calculator")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#temp_c")).to_be_focused()
    page.keyboard.type("38.6")
    page.keyboard.press("Tab")  # into the first row of choices: not known
    page.keyboard.press("ArrowRight")  # yes
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")  # no low pressure
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.locator("#n_vasopressors_excl_vasopressin")).to_be_focused()
    page.keyboard.type("0")
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.locator("#oxygen_device")).to_be_focused()
    page.keyboard.type("room")
    expect(page.locator("[data-scale=astct] .value")).to_have_text("1")
    visitor.shoot("calculator-by-keyboard")


def test_script_in_the_address_is_text(visitor: Visitor) -> None:
    page = visitor.go(
        "/calculator?temp_c=%3Cscript%3Ealert(1)%3C/script%3E&oxygen_device=%22%3E%3Cimg%20src=x%3E"
    )
    assert page.locator("#temp_c").input_value() == "<script>alert(1)</script>"
    assert page.locator("main script, main img").count() == 0

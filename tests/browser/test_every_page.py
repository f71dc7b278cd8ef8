"""Every page in every dress: no violation of WCAG 2.2 AA, no complaint of the browser, nothing wider than the screen."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize

from tests.browser.conftest import Visitor, visiting
from tests.support.service import Served
from tests.support.ward import MOMENTS

PAGES = {
    "home": "/",
    "calculator": "/calculator",
    "calculator-undecided": "/calculator?temp_c=38.6&fever_attributed_to_crs=yes&oxygen_device=nasal_cannula&ice=7",
    "calculator-refused": "/calculator?temp_c=101",
    "board": "/board",
    "board-wall": "/board?wall=1",
    "feedback": "/feedback",
    **{f"patient-{id}": f"/patients/{id}" for id in MOMENTS},
    "patient-seen-earlier": "/patients/1-car-t-tocilizumab?at=2020-01-01T00:00",
    "hostile": "/patients/hostile",
    "leaflet": "/patients/1-car-t-tocilizumab/leaflet",
}
DRESSES: dict[str, tuple[ViewportSize, Literal["light", "dark"]]] = {
    "light": ({"width": 1280, "height": 900}, "light"),
    "dark": ({"width": 1280, "height": 900}, "dark"),
    "tablet": ({"width": 1024, "height": 768}, "light"),
    "phone": ({"width": 390, "height": 844}, "light"),
    "phone-dark": ({"width": 320, "height": 640}, "dark"),  # also what 400 % zoom makes of a desktop
}


# One patient stands for the others in the dark, and on the smallest screen.
TELLING = [name for name in PAGES if not name.startswith("patient-") or name == "patient-8-death"]
LOOKS = [(name, dress) for dress in DRESSES for name in (PAGES if dress in ("light", "phone") else TELLING)]


@pytest.fixture
def dressed(browser: Browser, service: Served, dress: str) -> Iterator[Visitor]:
    """A visitor with a screen and a scheme."""
    size, scheme = DRESSES[dress]
    context = browser.new_context(viewport=size, color_scheme=scheme)
    yield from visiting(context, service)


@pytest.mark.parametrize(("name", "dress"), LOOKS)
def test_a_page_is_for_everybody(dressed: Visitor, name: str, dress: str) -> None:
    page = dressed.go(PAGES[name])
    page.wait_for_load_state("load")
    dressed.shoot(f"{name}-{dress}")
    assert dressed.violations() == []
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], "the page is wider than the screen"


@pytest.mark.parametrize("name", ["board", "patient-8-death", "calculator-undecided", "leaflet"])
def test_a_page_prints(visitor: Visitor, name: str) -> None:
    page = visitor.go(PAGES[name])
    page.emulate_media(media="print")
    visitor.shoot(f"{name}-print")
    assert len(page.pdf(format="A4")) > 10_000
    hidden = ("header.top", "#record", ".zoom")
    assert [one for one in hidden if page.locator(one).count() and page.locator(one).first.is_visible()] == []
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(0, 0, 0)"


def test_a_printed_calculator_says_what_was_said_and_nothing_else(visitor: Visitor) -> None:
    page = visitor.go(PAGES["calculator-undecided"])
    page.emulate_media(media="print")
    shown = [one for one in page.locator("#findings .field").all() if one.is_visible()]
    said = [one.get_attribute("data-field") for one in shown]
    assert said == ["temp_c", "fever_attributed_to_crs", "oxygen_device", "ice"]
    answer = shown[1].locator("input:checked + span")
    assert (answer.inner_text(), answer.evaluate("one => getComputedStyle(one).color")) == (
        "yes",
        "rgb(0, 0, 0)",
    )


@pytest.mark.parametrize("path", [path for name, path in PAGES.items() if name != "leaflet"])
def test_a_page_says_that_it_is_no_medical_device(without_script: Visitor, path: str) -> None:
    page = without_script.go(path)
    assert "Not a medical device" in page.locator("footer.calm").inner_text()


def test_who_is_not_there_is_said_in_a_page(visitor: Visitor) -> None:
    visitor.expected = ("404",)
    page = visitor.go("/patients/nobody")
    assert "no patient nobody" in page.get_by_role("alert").inner_text().lower()
    assert visitor.violations() == []

"""A real browser against a real service: Debian's chromium, a ward of made-up patients, and what no page may ever do."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # pyright: ignore[reportMissingTypeStubs]
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    sync_playwright,
)

from tests.support.service import Served, served
from tests.support.ward import hostile, ward
from tocsin.service.config import Config, Limits
from tocsin.service.store.cards import SentCard

_CHROMIUM = "chromium"
_RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SHOTS = Path(__file__).resolve().parents[2] / "out" / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    found = shutil.which(_CHROMIUM)
    if found is None:
        pytest.skip("chromium is not installed (make install-system)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service with a ward of made-up patients, each in an interesting moment now; the clocks are those of Paris."""
    store = str(tmp_path_factory.mktemp("ward") / "store.db")
    # A browser that tests asks for more than a person does.
    config = Config(store=store, zone="Europe/Paris", limits=Limits(requests_per_minute=0))
    with served(config) as found:
        for id, bundle in [*ward(), hostile()]:
            found.context.patients.ingest(id, bundle)
            found.context.patients.changed(id)
        kept = found.context.store
        kept.cards.note(
            [SentCard("card-1", "tocsin-patient-view", "hostile", "CRS grade 1 (ASTCT). A made-up card.")]
        )
        said = {
            "overrideReason": {"userComment": "A made-up <b>comment</b> that is rather long for a phone."}
        }
        kept.feedback.append("card-1", "tocsin-patient-view", "overridden", said, "https://ehr.example")
        yield found


@dataclass
class Visitor:
    """One who looks at pages, and notes what pages must not do."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list[str])
    expected: tuple[str, ...] = ()  # what the browser itself says of an answer that is meant

    def go(self, path: str) -> Page:
        """Open a page."""
        self.page.goto(self.url + path)
        return self.page

    def shoot(self, name: str) -> None:
        """Keep a picture of the page as test output."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def violations(self) -> list[str]:
        """What axe finds against WCAG 2.2 A and AA."""
        answer = cast("dict[str, Any]", Axe().run(self.page, options=_RULES).response)
        found: list[dict[str, Any]] = answer["violations"]
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]

    def note(self, message: ConsoleMessage) -> None:
        """Note an error or a warning of the console: a broken policy is one."""
        if message.type in ("error", "warning") and not any(
            re.search(one, message.text) for one in self.expected
        ):
            self.complaints.append(f"{message.type}: {message.text}")

    def note_dialog(self, dialog: Dialog) -> None:
        """Note a dialog: no page opens one, so a script of somebody else did."""
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note_request(self, request: Request) -> None:
        """Note a request that leaves for elsewhere."""
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"a request to {request.url}")


@pytest.fixture
def visitor(browser: Browser, service: Served) -> Iterator[Visitor]:
    """A visitor with a desktop screen and scripts."""
    yield from visiting(browser.new_context(viewport={"width": 1280, "height": 900}), service)


@pytest.fixture
def without_script(browser: Browser, service: Served) -> Iterator[Visitor]:
    """A visitor whose browser runs no script."""
    yield from visiting(browser.new_context(java_script_enabled=False), service)


def visiting(context: BrowserContext, service: Served) -> Iterator[Visitor]:
    """A visitor in a context of a browser; at the end nothing may have been noted."""
    page = context.new_page()
    found = Visitor(page, service.url)
    page.on("console", found.note)
    page.on("pageerror", lambda error: found.complaints.append(f"script: {error}"))
    page.on("request", found.note_request)
    page.on("dialog", found.note_dialog)
    yield found
    context.close()
    assert found.complaints == []

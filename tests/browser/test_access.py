"""Signing in, in a real browser: it calls the origin of our forms `null`, keeps cookies, and obeys the policy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visitor, visiting
from tests.support.entry import PASSWORD, People, config_of
from tests.support.service import Served, served
from tests.support.ward import MOMENTS, ward


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with accounts, and one patient."""
    with served(config_of("accounts", tmp_path_factory.mktemp("accounts"))) as found:
        People(found, "accounts")
        id, bundle = next(iter(ward()))
        found.context.patients.ingest(id, bundle)
        yield found


@pytest.fixture(params=["with scripts", "without"])
def reader(request: pytest.FixtureRequest, browser: Browser, guarded: Served) -> Iterator[Visitor]:
    """A visitor of it."""
    yield from visiting(browser.new_context(java_script_enabled=request.param == "with scripts"), guarded)


def sign_in(reader: Visitor, name: str, password: str) -> None:
    reader.page.get_by_label("Name").fill(name)
    reader.page.get_by_label("Password").fill(password)
    reader.page.get_by_role("button", name="Sign in").click()


def test_from_the_door_to_a_patient_and_out(reader: Visitor) -> None:
    reader.expected = ("status of 401", "status of 403", "Clear-Site-Data")
    patient = f"/patients/{next(iter(MOMENTS))}"
    page = reader.go(patient)
    assert page.url.startswith(f"{reader.url}/sign-in?next=")
    reader.shoot("sign-in")
    sign_in(reader, "user-write", "wrong")
    assert page.get_by_role("alert").inner_text() == "Name or password is wrong."
    reader.shoot("sign-in-wrong")
    sign_in(reader, "user-write", PASSWORD)
    page.wait_for_url(reader.url + patient)
    assert page.url == reader.url + patient, "where one wanted to go"
    cookie = next(one for one in page.context.cookies() if one.get("name") == "tocsin")
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")
    reader.go("/audit")
    assert "This asks for the role admin" in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{reader.url}/sign-in")  # a click does not wait for the page that it leads to
    assert page.url == f"{reader.url}/sign-in"
    page.go_back()
    reader.go(patient)
    assert page.url.startswith(f"{reader.url}/sign-in"), "the session has ended"


def test_who_may_only_read_sees_no_form_and_is_told_why(reader: Visitor, guarded: Served) -> None:
    reader.expected = ("status of 401", "status of 403")
    id = next(iter(MOMENTS))
    page = reader.go(f"/patients/{id}")
    sign_in(reader, "user-read", PASSWORD)
    assert page.locator("form.record, a[href='#record']").count() == 0
    assert "asks for the role write" in page.locator("#may-read").inner_text()
    reader.shoot("patient-read-only")
    token = page.locator("input[name=csrf_token]").first.input_value()
    # A page that was open before the role was taken away still has its form.
    page.set_content(
        f"<form method=post action='{reader.url}/patients/{id}/annotations'><input name=fever value='fever:other'>"
        f"<input name=csrf_token value='{token}'><button>Record</button></form>"
    )
    page.get_by_role("button").click()
    assert "This asks for the role write" in page.get_by_role("alert").inner_text()
    assert guarded.context.store.annotations(id) == []
    for path in ("/", "/board", "/calculator"):
        assert reader.go(path).locator("h1").count() == 1


def test_a_board_whose_session_has_ended_does_not_seem_empty(browser: Browser, guarded: Served) -> None:
    for reader in visiting(browser.new_context(), guarded):
        reader.expected = ("status of 401",)
        reader.page.clock.install()
        page = reader.go("/board")
        sign_in(reader, "user-read", PASSWORD)
        expect(page.locator("#live")).to_have_attribute("data-live", "on")
        page.context.clear_cookies()
        page.clock.fast_forward(61_000)  # the board looks again every minute
        expect(page.locator("#live")).to_contain_text("signed out")
        assert page.locator("#rows tr").count() == len(guarded.context.patients.board())
        page.get_by_role("link", name="sign in again").click()
        page.wait_for_url("**/sign-in?next=**")


def test_another_password(reader: Visitor, guarded: Served) -> None:
    reader.expected = ("status of 422",)
    page = reader.go("/account")
    sign_in(reader, "user-read", PASSWORD)
    for new, again in (("a new made-up phrase", "another"), (PASSWORD, PASSWORD)):
        page.get_by_label("Old password").fill(PASSWORD)
        page.get_by_label("New password").fill(new)
        page.get_by_label("The new one again").fill(again.ljust(12, "."))
        page.get_by_role("button", name="Change the password").click()
        if new != again:
            assert page.get_by_role("alert").inner_text() == "The two new passwords differ."
            reader.shoot("account")
    assert page.url == f"{guarded.url}/"
    assert page.get_by_text("user-read").is_visible()


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/audit"])
@pytest.mark.parametrize("width", [1280, 320])
def test_the_pages_of_access_are_for_everyone(
    browser: Browser, guarded: Served, path: str, width: int
) -> None:
    for reader in visiting(
        browser.new_context(viewport={"width": width, "height": 800}, color_scheme="dark"), guarded
    ):
        if path != "/sign-in":
            reader.go(path)
            sign_in(reader, "user-admin", PASSWORD)
        page = reader.go(path)
        assert reader.violations() == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            "nothing is wider than the screen"
        )
        reader.shoot(f"access{path.replace('/', '-')}-{width}")

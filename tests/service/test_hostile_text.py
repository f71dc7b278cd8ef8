"""Markup in every text of a record, tricks in ids and old requests sent again: shown as text, refused, or without effect."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.cds_calls import PATIENT, request, severe
from tests.service.conftest import bundle
from tests.support.service import Served, error_of, served
from tocsin.demo import demo_folder
from tocsin.service.config import Config

Json = dict[str, Any]
HOSTILE = (
    "</script><script>mark()</script>",
    '"><img src=x onerror=mark()>',
    "' onmouseover='mark()' x='",
    "<svg/onload=mark()>",
    "{{ 7 * 191 }}{% raise %}",
    "[mark](javascript:mark())![](http://evil.example/p.png)",
    "</title></textarea></style><b data-mark>",
    "\u202e\u0000\u2028mark",
)
# What would not be read at all if it were changed: the structure, the codes that map, times, ids and references.
KEPT = {
    "resourceType",
    "id",
    "reference",
    "status",
    "system",
    "code",
    "birthDate",
    "gender",
    "fullUrl",
    "type",
    "versionId",
}


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """A resource with a text appended to every text in it that is free."""
    if isinstance(value, dict):
        return {name: poisoned(one, text, name) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, text, key) for one in value]
    if (
        isinstance(value, str)
        and key not in KEPT
        and not key.endswith(("DateTime", "start", "end", "issued"))
    ):
        return value + text
    return value


def hostile_patient(text: str, id: str) -> bytes:
    """A made-up patient after CAR-T with markup in names, words, units, notes and codes that nobody knows."""
    whole = json.loads((demo_folder() / "1-car-t-tocilizumab.json").read_bytes())
    found: list[Json] = []
    for entry in whole["entry"]:
        one = json.loads(json.dumps(entry["resource"]).replace("1-car-t-tocilizumab", id))
        found.append(
            {**one, "note": [{"text": text}], "text": {"status": "generated", "div": f"<div>{text}</div>"}}
        )
    person = next(one for one in found if one["resourceType"] == "Patient")
    person["name"] = [{"family": text, "given": [text]}]
    subject = {"reference": f"Patient/{id}"}
    when = next(one["effectiveDateTime"] for one in found if "effectiveDateTime" in one)
    odd: Json = {"status": "final", "subject": subject, "effectiveDateTime": when, "valueString": text}
    temperature = {
        "coding": [{"system": "http://loinc.org", "code": "8310-5", "display": text}],
        "text": text,
    }
    coded = {
        "coding": [{"system": f"http://loinc.org/{text}", "code": text, "version": text, "display": text}]
    }
    found += [
        {**odd, "resourceType": "Observation", "id": "o-unit", "code": temperature, "valueQuantity": {"value": 39, "unit": text}},
        {**odd, "resourceType": "Observation", "id": "o-text", "code": temperature},
        {**odd, "resourceType": "Observation", "id": "o-code", "code": {"text": text}},
        {**odd, "resourceType": "Observation", "id": "o-coding", "code": coded},
        {**odd, "resourceType": "Observation", "id": "o-status", "code": temperature, "status": text},
        {**odd, "resourceType": "Procedure", "id": "p-code", "code": coded, "performedDateTime": when},
        {**odd, "resourceType": "Condition", "id": "c-code", "code": coded, "onsetDateTime": when},
        {**odd, "resourceType": "Observation", "id": "o-meta", "code": temperature, "meta": {"lastUpdated": text}},
        {**odd, "resourceType": "Observation", "id": "o-time", "code": temperature, "effectiveDateTime": text},
        {**odd, "resourceType": "MedicationAdministration", "id": "m-name", "status": "completed",
         "medicationCodeableConcept": {"text": f"norepinephrine {text}"}, "dosage": {"route": {"text": text}}},
    ]  # fmt: skip
    return bundle(*[poisoned(one, text) if one["id"].startswith(("1-", id)) else one for one in found])


class Seen(HTMLParser):
    """What a browser would make of a page: elements, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.scripts = ""
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        self._in = tag
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Leave it."""
        self._in = ""

    def handle_data(self, data: str) -> None:
        """Take what it says."""
        if self._in in ("script", "style"):
            self.scripts += data
        else:
            self.text += data


def seen(page: httpx.Response) -> Seen:
    """A page as a browser sees it, none of the hostile texts having become a part of it."""
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "'unsafe" not in page.headers["content-security-policy"]
    found = Seen()
    found.feed(page.text)
    names = {name for name, _ in found.attributes}
    assert not {name for name in names if name.startswith("on") or name == "data-mark"}
    assert not [
        value
        for name, value in found.attributes
        if name in ("href", "src", "action") and ":" in value.split("/")[0]
    ]
    assert "mark()" not in found.scripts
    assert "1337" not in page.text
    assert not {"\x00", "\u202e", "\u2028"} & set(page.text)  # nor does it turn round the words that follow
    return found


@pytest.fixture(scope="module", params=range(len(HOSTILE)), ids=lambda place: f"text{place}")
def text(request: pytest.FixtureRequest) -> str:
    """A text that means harm."""
    return HOSTILE[request.param]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, text: str) -> Iterator[Served]:
    """A service with one patient whose every text means harm."""
    with served(Config(store=str(tmp_path_factory.mktemp("hostile") / "store.db"))) as found:
        sent = found.http.post(
            "/api/patients/p1/bundle",
            content=hostile_patient(text, "p1"),
            headers={"content-type": "application/json"},
        )
        assert sent.status_code == 200, sent.text
        assert sent.json()["grade"] is not None
        for said in ({"word": "fever:other"}, {"signal": "ice_score", "value": 7}):
            plain = "".join(sign for sign in text if sign.isprintable())[:90]
            noted = found.http.post("/api/patients/p1/annotations", json={**said, "author": plain})
            assert noted.status_code == 200, noted.text
        found.context.patients.refresh("p1")
        yield found


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/board",
        "/board/rows",
        "/patients/p1",
        "/patients/p1?at=2026-02-12T20:00Z",
        "/patients/p1/course",
        "/patients/p1/leaflet",
        "/audit",
    ],
)
def test_pages_show_it_as_text(hostile: Served, path: str) -> None:
    page = hostile.http.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    seen(page)


def test_the_name_is_there_to_be_read(hostile: Served, text: str) -> None:
    shown = seen(hostile.http.get("/patients/p1", headers={"Accept": "text/html"})).text
    word = "191" if "191" in text else "mark"
    assert word in shown


@pytest.mark.parametrize("place", ["path", "query", "at", "form"])
def test_an_error_repeats_it_as_text(hostile: Served, text: str, place: str) -> None:
    quoted = str(httpx.QueryParams({"x": text}))[2:]
    html = {"Accept": "text/html"}
    if place == "path":
        page = hostile.http.get(f"/patients/{quoted.replace('%2F', '_')}", headers=html)
    elif place == "form":
        page = hostile.http.post(
            "/patients/p1/annotations", data={"author": text, "time": text, "word": text}, headers=html
        )
    else:
        page = hostile.http.get(
            f"/patients/p1?{place}={quoted}&from={quoted}&language={quoted}", headers=html
        )
    assert page.status_code in (200, 400, 403, 404, 422)
    if "html" in page.headers["content-type"]:
        seen(page)


def test_the_calculator_takes_no_markup_from_its_link(hostile: Served, text: str) -> None:
    values = dict.fromkeys(("temperature", "oxygen", "cause", "vasopressors", "ice", text), text)
    page = hostile.http.get("/calculator", params=values, headers={"Accept": "text/html"})
    assert page.status_code in (200, 422)
    seen(page)


def test_the_api_gives_it_back_as_json_and_never_as_a_page(hostile: Served) -> None:
    for path in (
        "/api/patients/p1",
        "/api/patients/p1?at=<script>",
        "/api/audit",
        "/cds-services",
        "/api/patients/<b>",
    ):
        answer = hostile.http.get(path)
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
        answer.json()


def test_cards_hold_neither_markup_nor_links_from_the_record(hostile: Served, text: str) -> None:
    prefetch = poisoned(severe(), text)
    answer = hostile.http.post("/cds-services/tocsin-patient-view", json=request(prefetch=prefetch))
    assert answer.status_code == 200, answer.text
    for card in answer.json()["cards"]:
        for said in (card["summary"], card.get("detail", "")):
            unescaped = said.replace("\\<", "").replace("\\[", "").replace("\\]", "")
            assert "<script" not in unescaped
            assert "<img" not in unescaped
            assert "<svg" not in unescaped
            assert "](javascript" not in unescaped
        links = [link["url"] for link in card.get("links", ())] + [card["source"].get("url", "")]
        assert not any(link.lower().startswith(("javascript", "data")) for link in links)


TRICKS = (
    "../p1",
    "..",
    ".",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2fp1",
    "p1%00",
    "p1%0d%0aSet-Cookie:x=1",
    "p1;x",
    "p1%2f..%2fp2",
    "%5c..%5cp1",
    "p1%3Fat=1",
    "'%20OR%201=1--",
    "%F0%9F%92%89",
    "x" * 129,
    "",
)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with one ordinary patient."""
    with served(Config(store=str(tmp_path_factory.mktemp("quiet") / "store.db"))) as found:
        body = hostile_patient("", "p1")
        assert found.http.post(
            "/api/patients/p1/bundle", content=body, headers={"content-type": "application/json"}
        ).is_success
        yield found


def raw(service: Served, method: str, path: str, body: bytes = b"") -> httpx.Response:
    """A request whose path is sent as it stands."""
    address = httpx.URL(service.url).copy_with(raw_path=path.encode())
    return service.http.request(method, address, content=body, headers={"content-type": "application/json"})


@pytest.mark.parametrize("id", TRICKS, ids=range(len(TRICKS)))
def test_a_trick_in_an_id_leads_nowhere(quiet: Served, id: str) -> None:
    before = [one.patient for one in quiet.context.store.patients()]
    for method, path in (
        ("GET", f"/api/patients/{id}"),
        ("POST", f"/api/patients/{id}/bundle"),
        ("POST", f"/api/patients/{id}/annotations"),
        ("GET", f"/patients/{id}"),
        ("GET", f"/patients/{id}/leaflet"),
        ("POST", f"/cds-services/{id}"),
        ("GET", f"/static/{id}"),
        ("GET", f"/rules/{id}"),
    ):
        answer = raw(quiet, method, path, b'{"resourceType":"Bundle"}' if method == "POST" else b"")
        assert answer.status_code < 500, path
        assert "set-cookie" not in answer.headers or "x=1" not in answer.headers["set-cookie"]
        assert "root:" not in answer.text
        if path.startswith("/api"):
            assert answer.status_code in (404, 405, 422), path
            assert error_of(answer)["message"]
    assert [one.patient for one in quiet.context.store.patients()] == before


def test_an_old_request_sent_again_changes_nothing(quiet: Served, tmp_path: Path) -> None:
    """Whoever kept an old Bundle can neither double it nor bring back what was corrected since."""
    first = {
        "resourceType": "Observation", "id": "again", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]}, "effectiveDateTime": "2026-02-12T20:00:00Z",
        "valueQuantity": {"value": 41, "code": "Cel"}, "meta": {"lastUpdated": "2026-02-12T20:01:00Z"},
    }  # fmt: skip
    mended = {**first, "status": "entered-in-error", "meta": {"lastUpdated": "2026-02-12T21:00:00Z"}}

    def send(resource: Json) -> Json:
        answer = quiet.http.post(
            "/api/patients/p1/bundle", content=bundle(resource), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200
        return answer.json()

    send(first)
    version = send(mended)["version"]
    grades = quiet.http.get("/api/patients/p1").json()["grades"]
    for again in (first, mended, first):
        answer = send(again)
        assert (answer["new"], answer["version"]) == (0, version)
    assert quiet.http.get("/api/patients/p1").json()["grades"] == grades


def test_a_hook_asked_again_gives_the_same_card(quiet: Served) -> None:
    asked = request(prefetch=severe())
    first, second = (
        quiet.http.post("/cds-services/tocsin-patient-view", json=asked).json() for _ in range(2)
    )
    assert [card["uuid"] for card in first["cards"]] == [card["uuid"] for card in second["cards"]]
    assert PATIENT not in json.dumps(quiet.http.get("/cds-services").json())

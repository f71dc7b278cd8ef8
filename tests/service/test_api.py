"""The API: every promise of interface.md, and one shape for everything that fails."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from jsonschema import Draft202012Validator

from tests.service.conftest import CAR_T, bundle, resource
from tests.support.service import Served, error_of, served
from tocsin.api import grade_bundle
from tocsin.grading.calc import calc
from tocsin.guidance.advice import NOTE
from tocsin.knowledge.version import knowledge_hash
from tocsin.report.advice import advise
from tocsin.service.config import Config

JSON = {"content-type": "application/json"}
EVENING = "2026-02-12T20:00:00Z"
SCRIPT = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def kept(service: Served, car_t: bytes) -> Served:
    """The service, with the patient after CAR-T in its store."""
    answer = service.http.post(f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON)
    assert answer.status_code == 200, answer.text
    return service


def fits(service: Served, answer: httpx.Response, path: str, method: str) -> Any:
    """The body of an answer, which must be what /openapi.json says of it."""
    document = service.http.get("/openapi.json").json()
    shape = document["paths"][path][method]["responses"][str(answer.status_code)]["content"][
        "application/json"
    ]["schema"]
    Draft202012Validator({**shape, "components": document["components"]}).validate(answer.json())
    return answer.json()


def test_health_says_what_is_running(service: Served) -> None:
    answer = service.http.get("/health")
    body = fits(service, answer, "/health", "get")
    assert body["status"] == "ok"
    assert body["knowledge"] == knowledge_hash()
    assert body["store"] == "sqlite"
    assert body["note"] == NOTE


def test_who_watches_may_ask_for_the_head_alone(service: Served) -> None:
    answer = service.http.head("/health")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "said",
    [
        {
            "temp_c": 38.6,
            "fever_attributed_to_crs": True,
            "hypotension": False,
            "oxygen_device": "nasal_cannula",
        },
        {"temp_c": "38.6", "fever_attributed_to_crs": "yes", "hypotension": "unknown", "oxygen_device": None},
        {"ice": 6, "consciousness": "awake", "age_years": 54},
        {"n_vasopressors_excl_vasopressin": 2, "vasopressin": "no"},
    ],
)
def test_calc_answers_as_the_function_does(service: Served, said: dict[str, Any]) -> None:
    answer = service.http.post("/api/calc", json=said)
    assert fits(service, answer, "/api/calc", "post") == calc(**said)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"temp": 38}, 422, "did you mean temp_c?"),
        ({"temp_c": 101}, 422, "is this Fahrenheit?"),
        ({"temp_c": [38]}, 422, "write a number, a word, yes or no"),
        ({"temp_c": {"a": 1}}, 422, "write a number, a word, yes or no"),
        ({"temp_c": 10**400}, 422, "write a number"),
        ({"ice": 11}, 422, "must be a whole number from 0 to 10"),
        ({}, 422, "nothing to grade"),
        ([], 422, "body"),
        ({"oxygen_device": SCRIPT}, 422, "must be none or one of"),
    ],
)
def test_calc_says_what_is_wrong(service: Served, body: Any, status: int, says: str) -> None:
    answer = service.http.post("/api/calc", content=json.dumps(body), headers=JSON)
    assert answer.status_code == status
    assert says in error_of(answer)["message"]


@pytest.mark.parametrize("text", ["{", "", "NaN}", '{"temp_c": }', "\x00"])
def test_what_is_not_json_is_a_bad_request(service: Served, text: str) -> None:
    answer = service.http.post("/api/calc", content=text, headers=JSON)
    assert answer.status_code in (400, 422)
    error_of(answer)


def test_infinities_are_no_findings(service: Served) -> None:
    for word in ("NaN", "Infinity", "1e999"):
        answer = service.http.post("/api/calc", content=f'{{"temp_c": {word}}}', headers=JSON)
        assert answer.status_code in (400, 422)
        error_of(answer)


def test_grade_gives_grades_episodes_and_advice(service: Served, car_t: bytes) -> None:
    answer = service.http.post("/api/grade", content=car_t, headers={"content-type": "application/fhir+json"})
    body = fits(service, answer, "/api/grade", "post")
    here = grade_bundle(car_t, events="all")
    assert len(body["grades"]) == here.grades.num_rows
    assert [row["ended"] for row in body["episodes"]] == here.episodes["ended"].to_pylist()
    assert body["advice"] == json.loads(json.dumps([advise(here, CAR_T).as_json()]))
    assert body["run"]["knowledge"] == knowledge_hash()
    for row, bits in zip(body["grades"], here.grades["astct_set"].to_pylist(), strict=True):
        assert row["astct_set"] == [grade for grade in range(6) if bits >> grade & 1]
        assert row["astct_set"] == sorted(row["astct_set"])


def test_grade_keeps_nothing(service: Served, demo: Callable[[str], bytes]) -> None:
    before = service.context.store.mark()
    assert service.http.post("/api/grade", content=demo("6-sepsis"), headers=JSON).status_code == 200
    assert service.context.store.mark() == before
    assert service.context.store.patient("6-sepsis") is None


def test_a_bundle_without_a_therapy_is_graded_to_nothing(service: Served) -> None:
    body = service.http.post("/api/grade", content=bundle(resource(code={"text": "x"})), headers=JSON).json()
    assert (body["grades"], body["episodes"], body["advice"]) == ([], [], [])
    run = body["run"]
    assert run["rows_read"] == run["rows_used"] + run["not_of_interest"] + run["quarantined"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "not_json"),
        (b"", 400, "not_json"),
        (b"\xff", 400, "not_json"),
        (b"[]", 422, "not_fhir"),
        (b"null", 422, "not_fhir"),
        (b'{"a": 1}', 422, "not_fhir"),
        (b'{"resourceType": 7}', 422, "not_fhir"),
    ],
)
@pytest.mark.parametrize("path", ["/api/grade", "/api/patients/p/bundle"])
def test_what_is_no_bundle_is_refused_alike(
    service: Served, path: str, body: bytes, status: int, code: str
) -> None:
    answer = service.http.post(path, content=body, headers=JSON)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


def test_ingest_says_what_was_kept_and_the_grade(kept: Served, car_t: bytes) -> None:
    answer = kept.http.post(f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON)
    body = fits(kept, answer, "/api/patients/{id}/bundle", "post")
    assert (body["patient"], body["version"], body["new"], body["same"]) == (CAR_T, 1, 0, 154)
    assert body["grade"]["set"] == [0]


def test_ingest_piece_by_piece_is_ingest_at_once(service: Served, demo: Callable[[str], bytes]) -> None:
    name = "3-haplo-fluids"
    entries = json.loads(demo(name))["entry"]
    parts = [entries[at : at + 7] for at in range(0, len(entries), 7)]
    for part in [*reversed(parts), *parts]:
        body = orjson.dumps({"resourceType": "Bundle", "type": "batch", "entry": part})
        assert (
            service.http.post(f"/api/patients/{name}/bundle", content=body, headers=JSON).status_code == 200
        )
    whole = grade_bundle(demo(name))
    kept = service.http.get(f"/api/patients/{name}").json()
    assert [row["astct_set"] for row in kept["grades"]] == [
        [grade for grade in range(6) if bits >> grade & 1] for bits in whole.grades["astct_set"].to_pylist()
    ]


def test_a_patient_is_shown_whole(kept: Served) -> None:
    answer = kept.http.get(f"/api/patients/{CAR_T}", params={"at": EVENING})
    body = fits(kept, answer, "/api/patients/{id}", "get")
    assert body["grade"]["grade"] == 3
    assert body["grade"]["why"].startswith("Grade 3 (ASTCT): one vasopressor.")
    assert body["advice"]["items"]
    assert [line["code"] for line in body["code"]["codes"]] == ["T80.82XA", "D89.833", "G92.01"]
    assert body["name"] == "One Made-up"
    assert body["birth_date"] == "1964-03-12"
    assert max(row["time"] for row in body["grades"]) <= body["at"]
    assert body["note"] == NOTE


def test_nothing_after_the_asked_instant_is_seen(kept: Served) -> None:
    early = kept.http.get(f"/api/patients/{CAR_T}", params={"at": "2026-02-10T12:00:00Z"}).json()
    assert early["grade"]["set"] == [0]
    assert early["episodes"] == []
    before = kept.http.get(f"/api/patients/{CAR_T}", params={"at": "2020-01-01T00:00:00Z"}).json()
    assert (before["grade"], before["advice"]) == (None, None)


@pytest.mark.parametrize(
    "at", ["soon", "2026-02-12T20:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "1"]
)
def test_an_instant_that_is_none_is_refused(kept: Served, at: str) -> None:
    answer = kept.http.get(f"/api/patients/{CAR_T}", params={"at": at})
    assert answer.status_code == 422
    assert error_of(answer)["message"].startswith("query.at")


def test_a_record_from_a_clock_that_is_ahead_is_kept_and_seen_in_its_time(service: Served) -> None:
    now = datetime.now(UTC)
    fever = resource(
        "Observation", "f", "skew", status="final", code={"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        valueQuantity={"value": 39, "code": "Cel"}, effectiveDateTime=(now + timedelta(hours=2)).isoformat(),
    )  # fmt: skip
    mine = bundle(resource("Patient", "skew"), fever, *therapy("skew", now - timedelta(days=1)))
    assert service.http.post("/api/patients/skew/bundle", content=mine, headers=JSON).status_code == 200
    assert service.http.get("/api/patients/skew").json()["grade"]["set"] == [0]
    later = (now + timedelta(hours=2, minutes=1)).isoformat()
    assert service.http.get("/api/patients/skew", params={"at": later}).json()["grade"]["set"] == [1]


def therapy(patient: str, time: datetime) -> list[dict[str, Any]]:
    """A blinatumomab infusion, which is an index therapy."""
    coding = {
        "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
        "code": "1597258",
        "display": "blinatumomab",
    }
    return [
        resource(
            "MedicationAdministration", "t", patient, status="completed",
            medicationCodeableConcept={"coding": [coding], "text": "blinatumomab"}, effectiveDateTime=time.isoformat(),
        )
    ]  # fmt: skip


def test_an_unknown_patient_is_not_found(service: Served) -> None:
    for answer in (
        service.http.get("/api/patients/nobody"),
        service.http.post("/api/patients/nobody/annotations", json={"word": "fever:other"}),
    ):
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "unknown_patient"
    assert service.context.store.patient("nobody") is None


def test_a_bundle_of_somebody_else_leaves_nothing(service: Served, car_t: bytes) -> None:
    answer = service.http.post("/api/patients/somebody-else/bundle", content=car_t, headers=JSON)
    assert answer.status_code == 422
    assert error_of(answer)["code"] == "other_patient"
    assert service.context.store.patient("somebody-else") is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/patients/..%2F..%2Fetc%2Fpasswd", 404),
        ("/api/patients/%2e%2e/bundle", 422),
        ("/api/patients/a%00b/bundle", 422),
        ("/api/patients/a%0Ab/bundle", 422),
        ("/api/patients/%3Cscript%3E/bundle", 422),
        ("/api/patients/a;b/bundle", 422),
        ("/api/patients/" + "x" * 129 + "/bundle", 422),
        ("/api/patients/%ff/bundle", 422),
        ("/api/patients//bundle", 404),
    ],
)
def test_ids_are_no_paths(service: Served, path: str, status: int) -> None:
    before = service.context.store.mark()
    answer = service.http.post(path, content=b"{}", headers=JSON)
    assert answer.status_code in (status, 404)
    error_of(answer)
    assert service.context.store.mark() == before


def test_script_in_every_text_comes_back_as_text(service: Served) -> None:
    patient = resource("Patient", "s", name=[{"text": SCRIPT}], birthDate="1980-01-01")
    seen = resource("Observation", SCRIPT, "s", code={"coding": [{"system": SCRIPT, "code": SCRIPT}], "text": SCRIPT},
                    status="final", valueString=SCRIPT, note=[{"text": SCRIPT}])  # fmt: skip
    wrong = resource("Observation", "w", "s", status="final", effectiveDateTime=SCRIPT,
                     code={"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
                     valueQuantity={"value": 39, "unit": SCRIPT})  # fmt: skip
    mine = bundle(patient, seen, wrong, *therapy("s", datetime(2026, 2, 9, tzinfo=UTC)))
    assert service.http.post("/api/patients/s/bundle", content=mine, headers=JSON).status_code == 200
    answer = service.http.get("/api/patients/s")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["name"] == SCRIPT
    assert answer.json()["quarantine"], "the time that is none was set aside"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/health/", 404, "not_found"),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
        ("PUT", "/api/calc", 405, "method_not_allowed"),
        ("DELETE", f"/api/patients/{CAR_T}", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("PROPFIND", "/api/calc", 405, "method_not_allowed"),
    ],
)
def test_every_failure_has_one_shape(service: Served, method: str, path: str, status: int, code: str) -> None:
    answer = service.http.request(method, path)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/api/calc", "/api/grade", "/api/patients/p/bundle", "/api/patients/p/annotations"]
)
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/xml", None],
)
def test_a_body_that_is_not_called_json_is_refused(service: Served, path: str, kind: str | None) -> None:
    answer = service.http.post(path, content=b"{}", headers={"content-type": kind} if kind else {})
    assert (answer.status_code, error_of(answer)["code"]) == (415, "unsupported_media_type")


def test_a_bug_of_ours_has_the_shape_too_and_tells_nothing(
    service: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("Jane Doe, born 1964")

    monkeypatch.setattr(service.context.patients, "state", fail)
    answer = service.http.get("/api/patients/p1")
    assert answer.status_code == 500
    assert error_of(answer)["code"] == "internal"
    assert "Jane" not in answer.text
    assert "Jane" not in caplog.text
    assert answer.headers["x-request-id"] == error_of(answer)["detail"]["id"]


def test_what_takes_too_long_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from tocsin.service.config import Limits

    with served(Config(store=str(tmp_path / "s.db"), limits=Limits(answer_seconds=1))) as found:
        monkeypatch.setattr(found.context.patients, "state", lambda *_: time.sleep(1.6))
        answer = found.http.get("/api/patients/p1")
        assert (answer.status_code, error_of(answer)["code"]) == (503, "timeout")
        assert answer.headers["retry-after"]


def test_two_callers_at_once_get_the_same_answers(kept: Served, car_t: bytes) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def ask(_: int) -> tuple[Any, Any]:
        graded = httpx.post(
            f"{kept.url}/api/grade", content=car_t, headers=JSON, timeout=60, trust_env=False
        ).json()
        return graded["grades"], graded["advice"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))
    assert all(one == answers[0] for one in answers)


@pytest.mark.slow
def test_ten_thousand_resources(service: Served, car_t: bytes) -> None:
    entries = json.loads(car_t.replace(CAR_T.encode(), b"many"))["entry"]
    seen = [one["resource"] for one in entries if one["resource"]["resourceType"] == "Observation"]
    more = [{"resource": {**seen[place % len(seen)], "id": f"more-{place}"}} for place in range(10_000)]
    body = orjson.dumps({"resourceType": "Bundle", "type": "batch", "entry": [*entries, *more]})
    assert service.http.post("/api/grade", content=body, headers=JSON).status_code == 200
    first, again = (
        service.http.post("/api/patients/many/bundle", content=body, headers=JSON).json() for _ in range(2)
    )
    assert (first["new"], again["new"], again["same"]) == (10_154, 0, 10_154)

"""What clinicians say of a patient through the API: graded at once, append-only, and refused where it says nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.service.conftest import CAR_T
from tests.service.test_api import EVENING, JSON, SCRIPT, fits
from tests.support.service import Served, error_of


@pytest.fixture(scope="module")
def kept(service: Served, car_t: bytes) -> Served:
    """The service, with the patient after CAR-T in its store."""
    answer = service.http.post(f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON)
    assert answer.status_code == 200, answer.text
    return service


def test_an_annotation_changes_the_grade_at_once(service: Served, car_t: bytes) -> None:
    name = "annotated"
    mine = car_t.replace(CAR_T.encode(), name.encode())
    assert service.http.post(f"/api/patients/{name}/bundle", content=mine, headers=JSON).status_code == 200
    said = {"word": "hypotension:other", "time": "2026-02-12T18:30:00Z", "author": "Dr Made-up"}
    answer = service.http.post(f"/api/patients/{name}/annotations", json=said)
    body = fits(service, answer, "/api/patients/{id}/annotations", "post")
    assert body["version"] == 2
    assert body["annotation"]["author"] == "Dr Made-up"
    now = service.http.get(f"/api/patients/{name}", params={"at": EVENING}).json()
    assert now["grade"]["grade"] == 2, "low-flow oxygen alone is left"
    assert [one["value"] for one in now["annotations"]] == ["hypotension:other"]
    back = {"word": "hypotension:crs", "time": "2026-02-12T19:00:00Z"}
    service.http.post(f"/api/patients/{name}/annotations", json=back)
    now = service.http.get(f"/api/patients/{name}", params={"at": EVENING}).json()
    assert now["grade"]["grade"] == 3
    assert [one["value"] for one in now["annotations"]] == ["hypotension:other", "hypotension:crs"], (
        "append-only"
    )


def test_a_finding_that_is_entered_is_graded_like_one_of_the_record(service: Served, car_t: bytes) -> None:
    name = "entered"
    mine = car_t.replace(CAR_T.encode(), name.encode())
    service.http.post(f"/api/patients/{name}/bundle", content=mine, headers=JSON)
    for said in (
        {"signal": "oxygen_device", "value": "high_flow_nasal_cannula", "time": "2026-02-12T19:40:00Z"},
        {"signal": "inhaled_o2_flow", "value": 40, "unit": "L/min", "time": "2026-02-12T19:40:00Z"},
    ):
        answer = service.http.post(f"/api/patients/{name}/annotations", json=said)
        assert answer.status_code == 200, answer.text
    row = service.http.get(f"/api/patients/{name}", params={"at": EVENING}).json()["grades"][-1]
    assert row["oxygen"] == "high_flow"


@pytest.mark.parametrize(("unit", "fahrenheit"), [("[degF]", 100.4), ("Cel", 38.0), (None, 38.0)])
def test_a_finding_may_be_entered_in_any_unit_that_the_record_may_have(
    service: Served, car_t: bytes, unit: str | None, fahrenheit: float
) -> None:
    name = f"unit-{unit}".replace("[", "").replace("]", "")
    service.http.post(
        f"/api/patients/{name}/bundle", content=car_t.replace(CAR_T.encode(), name.encode()), headers=JSON
    )
    time = "2026-02-20T12:00:00Z"
    said = {"signal": "body_temperature", "value": fahrenheit, "time": time, "unit": unit}
    answer = service.http.post(f"/api/patients/{name}/annotations", json=said)
    assert answer.status_code == 200, answer.text
    kept = service.http.get(f"/api/patients/{name}", params={"at": time}).json()
    assert kept["quarantine"] == []
    assert kept["grades"][-1]["time"].startswith("2026-02-20T12:00")
    assert kept["grades"][-1]["fever"]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"word": "fever:none"}, "word: write one of fever:other"),
        ({"word": SCRIPT}, "word: write one of"),
        ({"signal": "ice_score", "value": 11}, "ice_score is 0 to 10"),
        ({"signal": "ice_score", "value": "many"}, "ice_score is a number"),
        ({"signal": "ice_score", "value": "nan"}, "ice_score is 0 to 10"),
        ({"signal": "ice_score"}, "give either word, or signal and value"),
        ({"word": "fever:other", "signal": "ice_score", "value": 1}, "give either word"),
        ({}, "give either word"),
        ({"signal": "tocilizumab", "value": 1}, "signal: write one of"),
        ({"signal": "oxygen_device", "value": "tent"}, "value: write one of room_air"),
        ({"word": "fever:other", "time": "2026-02-12T18:00:00"}, "body.time"),
        ({"word": "fever:other", "time": "0001-01-01T00:00:00+14:00"}, "before 1970"),
        ({"word": "fever:other", "extra": 1}, "body.extra"),
        ({"word": "fever:other", "author": "a\nb"}, "body.author"),
        ({"word": "fever:other", "author": "a\u202eb"}, "body.author"),
        ({"signal": "body_temperature", "value": 38, "unit": "furlong"}, "unit: body_temperature is in Cel"),
        ({"signal": "body_temperature", "value": 101}, "body_temperature is 25 to 45 Cel"),
        ({"signal": "body_temperature", "value": 38, "unit": "[degF]"}, "body_temperature is 25 to 45 Cel"),
        ({"word": "x" * 65}, "body.word"),
        ({"word": "fever:other", "time": 1770000000}, "body.time"),
        ({"word": "fever:other", "time": "1770000000"}, "body.time"),
    ],
)
def test_an_annotation_that_is_none_is_refused_and_leaves_nothing(
    kept: Served, said: dict[str, Any], says: str
) -> None:
    before = kept.context.store.mark()
    answer = kept.http.post(f"/api/patients/{CAR_T}/annotations", json=said)
    assert answer.status_code == 422
    assert says in error_of(answer)["message"]
    assert kept.context.store.mark() == before


@pytest.mark.parametrize(("ahead", "status"), [(timedelta(minutes=4), 200), (timedelta(minutes=6), 422)])
def test_a_clock_may_be_a_little_ahead(kept: Served, ahead: timedelta, status: int) -> None:
    said = {"word": "fever:crs", "time": (datetime.now(UTC) + ahead).isoformat()}
    assert kept.http.post(f"/api/patients/{CAR_T}/annotations", json=said).status_code == status

"""The shapes that drafts of orders come in: doses, rates, ranges, bounds, other releases of FHIR, and what makes no sense."""

from typing import Any

import pytest

from tests.service.cds_calls import given, order, order_request, severe, without
from tests.service.test_cds_orders import EVERY_8H, call, told
from tests.support.service import Served, error_of

Json = dict[str, Any]


def amount(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "code": unit}


ML_H = {"rateQuantity": amount(100, "mL/h")}
OF_24_H = {"rateRatio": {"numerator": amount(28, "ug"), "denominator": amount(24, "h")}}
A_DAY = {"frequency": 1, "period": 1, "periodUnit": "d"}


@pytest.mark.parametrize(
    ("drug", "part", "repeat", "loud"),
    [
        # How fast the bag runs says nothing of the drug: the dose beside it counts.
        ("tocilizumab", {"doseQuantity": amount(560, "mg"), **ML_H}, {}, ""),
        ("tocilizumab", {"doseQuantity": amount(801, "mg"), **ML_H}, {}, "critical"),
        ("tocilizumab", ML_H, {}, "warning"),
        ("blinatumomab", {"doseQuantity": amount(28, "ug"), **ML_H}, A_DAY, ""),
        ("blinatumomab", {"doseQuantity": amount(29, "ug"), **ML_H}, A_DAY, "critical"),
        ("blinatumomab", {"doseQuantity": amount(28, "ug"), "rateQuantity": amount(28, "ug/d")}, {}, ""),
        ("blinatumomab", {"doseQuantity": amount(28, "mg"), "rateQuantity": amount(28, "ug/d")}, {}, "critical"),
        ("blinatumomab", {"doseQuantity": amount(28, "ug"), "rateQuantity": amount(28, "mg/d")}, {}, "critical"),
        ("blinatumomab", OF_24_H, {}, ""),
        ("blinatumomab", {"rateQuantity": amount(28, "ug/(24.h)")}, {}, ""),
        ("blinatumomab", {"rateQuantity": amount(29, "ug/(24.h)")}, {}, "critical"),
        ("blinatumomab", {"rateQuantity": amount(15, "mg/m2/d")}, {}, "critical"),  # wrong whatever the surface is
        # Both ends of a range, or the one that is there.
        ("tocilizumab", {"doseRange": {"low": amount(520, "mg"), "high": amount(600, "mg")}}, {}, ""),
        ("tocilizumab", {"doseRange": {"low": amount(400, "mg"), "high": amount(560, "mg")}}, {}, "warning"),
        ("tocilizumab", {"doseRange": {"low": amount(560, "mg"), "high": amount(801, "mg")}}, {}, "critical"),
        ("tocilizumab", {"doseRange": {"low": amount(801, "mg")}}, {}, "critical"),
        ("tocilizumab", {"doseQuantity": {**amount(560, "mg"), "comparator": "<"}}, {}, "warning"),
        ("tocilizumab", {"doseQuantity": amount(560_000, "mcg")}, {}, ""),
    ],
)  # fmt: skip
def test_a_dose_is_found_in_whatever_shape_it_is_written(
    service: Served, drug: str, part: Json, repeat: Json, loud: str
) -> None:
    draft = order(drug, repeat=repeat)
    draft["dosageInstruction"][0]["doseAndRate"] = [part]
    sent = severe()
    if drug == "blinatumomab":
        sent["medications"] = None
    assert told(call(service, sent, draft))[0] == loud


def bounds(hours: float) -> Json:
    return {"boundsDuration": {"value": hours, "code": "h"}}


@pytest.mark.parametrize(
    ("end", "loud"),
    [
        (bounds(32), ""),  # at 0, 8, 16 and 24 h
        (bounds(33), "critical"),
        ({"boundsDuration": {"value": 1, "unit": "d"}}, ""),
        ({"boundsPeriod": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T08:00:00Z"}}, ""),
        ({"boundsPeriod": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T08:01:00Z"}}, "critical"),
        ({"boundsPeriod": {"start": "2026-01-01T00:00:00Z"}}, "warning"),
        ({"boundsPeriod": {"start": "soon", "end": "later"}}, "warning"),
    ],
)
def test_a_repeated_order_may_have_an_end(service: Served, end: Json, loud: str) -> None:
    draft = order("tocilizumab", 560, repeat={**EVERY_8H, **end})
    level, detail = told(call(service, severe(), draft))
    assert level == loud
    assert ("TOC-005" in detail) == bool(loud)


@pytest.mark.parametrize("status", ["cancelled", "stopped", "entered-in-error"])
def test_an_order_that_was_called_off_is_let_be(service: Served, status: str) -> None:
    assert call(service, severe(), {**order("tocilizumab", 900), "status": status}) == []


def test_a_draft_without_an_id_cannot_be_updated(service: Served) -> None:
    sent = order_request("order-sign", severe(), order("tocilizumab", 400))
    del sent["context"]["draftOrders"]["entry"][0]["resource"]["id"]
    (card,) = service.http.post("/cds-services/tocsin-order-sign", json=sent).json()["cards"]
    assert card["indicator"] == "warning"
    assert "suggestions" not in card


def test_a_draft_in_the_shape_of_r5_is_refused_not_passed_over(service: Served) -> None:
    draft = without(order("tocilizumab", 900), "medicationCodeableConcept")
    draft["medication"] = {"concept": order("tocilizumab")["medicationCodeableConcept"]}
    answer = service.http.post(
        "/cds-services/tocsin-order-sign", json=order_request("order-sign", severe(), draft)
    )
    assert answer.status_code == 422
    assert error_of(answer)["detail"][0] == {
        "where": "context.draftOrders",
        "message": "write a Bundle whose entries hold resources of FHIR R4",
    }


def test_the_card_of_an_order_belongs_to_the_state(service: Served) -> None:
    """The id of a draft may come again: what was waved through in one state is asked again in another."""
    draft = order("tocilizumab", 900)
    once, again = call(service, severe(), draft), call(service, severe(), draft)
    second = given("norepinephrine", 5, rate=(4.0, "ug/min"), until=-1.0)
    second["medicationCodeableConcept"]["coding"][0]["code"] = "3992"  # epinephrine
    worse = call(service, severe(medications=[second]), draft)
    assert worse[0]["detail"] == once[0]["detail"]
    assert once[0]["uuid"] == again[0]["uuid"] != worse[0]["uuid"]


@pytest.mark.parametrize(
    "dosage",
    [
        [{"doseAndRate": [{"doseQuantity": {"value": "many"}}]}],
        [
            {
                "doseAndRate": [
                    {
                        "rateRatio": {
                            "numerator": {"value": 1, "code": "mg"},
                            "denominator": {"value": 0, "code": "h"},
                        }
                    }
                ]
            }
        ],
        [{"timing": {"repeat": {"period": 0, "periodUnit": "h", "frequency": 0}}}],
        [{"timing": "daily"}],
        [{"timing": {"repeat": {"period": 1, "periodUnit": {}, "frequency": 1}}}],
        [{"timing": {"repeat": {"count": "1e999"}}}],
        [
            {
                "timing": {
                    "repeat": {
                        "period": 1e-300,
                        "periodUnit": "h",
                        "boundsDuration": {"value": 1e308, "code": "wk"},
                    }
                }
            }
        ],
        [{"doseAndRate": [{"doseQuantity": {"value": "nan", "unit": "mg"}}]}],
        [None, 1, "x"],
        "text",
        {},
    ],
)
def test_a_dosage_that_makes_no_sense_breaks_nothing(service: Served, dosage: Any) -> None:
    draft = {**order("tocilizumab", 560), "dosageInstruction": dosage}
    assert told(call(service, severe(), draft))[0] in ("", "warning", "critical")

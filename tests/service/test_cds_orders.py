"""order-select and order-sign: dose, interval and count of drafts; thresholds at, just under and just over."""

from typing import Any

import pytest

from tests.service.cds_calls import (
    FEVER,
    LOINC,
    PATIENT,
    RXNORM,
    chart,
    given,
    observation,
    order,
    order_request,
    severe,
    without,
)
from tests.support.service import Served, error_of
from tocsin.knowledge.cds import against, checks, order_rules
from tocsin.knowledge.dosing import doses
from tocsin.knowledge.rules import rules

Json = dict[str, Any]


def call(
    service: Served, prefetch: Json | None, *orders: Json, hook: str = "order-sign", **more: Any
) -> list[Json]:
    answer = service.http.post(
        f"/cds-services/tocsin-{hook}", json=order_request(hook, prefetch, *orders, **more)
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["cards"]


def told(found: list[Json]) -> tuple[str, str]:
    """How loud the only card is, and what it says; nothing where there is none."""
    if not found:
        return "", ""
    (only,) = found
    return only["indicator"], only["detail"]


def toci(*hours: float) -> list[Json]:
    return [given("tocilizumab", one, dose=(560, "mg")) for one in hours]


EVERY_8H = {"frequency": 1, "period": 8, "periodUnit": "h"}
EVERY_6H = {"frequency": 1, "period": 6, "periodUnit": "h"}


# --- tocilizumab -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "amount", "unit", "loud"),
    [
        (70, 560, "mg", ""),
        (70, 0.56, "g", ""),
        (70, 8, "mg/kg", ""),
        (70, 616, "mg", ""),  # 10 % over
        (70, 617, "mg", "warning"),
        (70, 504, "mg", ""),  # 10 % under
        (70, 503, "mg", "warning"),
        (70, 12, "mg/kg", "critical"),  # 840 mg
        (100, 800, "mg", ""),
        (100, 801, "mg", "critical"),
        (30, 240, "mg", ""),
        (30, 360, "mg", "warning"),
        (29.9, 358.8, "mg", ""),
        (29.9, 239, "mg", "warning"),
        (70, 560, "mL", "warning"),  # tells no dose
        (70, 560, "", "warning"),  # an order without a unit
        (None, 560, "mg", "warning"),  # no weight to compare by
        (None, 801, "mg", "critical"),
    ],
)
def test_the_dose_of_tocilizumab(
    service: Served, weight: float | None, amount: float, unit: str, loud: str
) -> None:
    sent = severe(weight=weight)
    sent["patient"]["birthDate"] = "2016-03-01" if weight is not None and weight < 40 else "1960-03-01"
    assert told(call(service, sent, order("tocilizumab", amount, unit)))[0] == loud


def test_a_wrong_dose_is_changed_with_the_arithmetic_and_all_else_is_kept(service: Served) -> None:
    draft = {**order("tocilizumab", 400), "priority": "stat"}
    (card,) = call(service, severe(), draft)
    action = card["suggestions"][0]["actions"][0]
    assert action["type"] == "update"
    assert action["resource"]["id"] == "draft-1"
    assert action["resource"]["priority"] == "stat"
    assert action["resource"]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 560
    assert "8 mg/kg x 70 kg = 560 mg" in action["description"]
    assert card["summary"] == "Tocilizumab 400 mg is ordered; the guidance works out 560 mg."
    assert "8 mg/kg x 70 kg = 560 mg" in card["detail"]
    assert card["selectionBehavior"] == "at-most-one"


@pytest.mark.parametrize(
    ("hours", "loud", "rule"),
    [
        ((7.9,), "critical", "TOC-004"),
        ((8.1,), "", ""),
        ((40, 30, 20), "", ""),
        ((41, 31, 21, 11), "critical", "TOC-005"),
    ],
)
def test_interval_and_count_of_tocilizumab(
    service: Served, hours: tuple[float, ...], loud: str, rule: str
) -> None:
    sent = severe(medications=[*toci(*hours), *_long_ill()])
    sent["vitals"] = chart(vitals=_ill_since(45))["vitals"]
    level, detail = told(call(service, sent, order("tocilizumab", 560)))
    assert level == loud
    assert rule in detail


def _ill_since(hours: int) -> list[Json]:
    return [observation("8310-5", 39.0, "Cel", one + 0.5) for one in range(0, hours, 4)]


def _long_ill() -> list[Json]:
    return [given("norepinephrine", 45, rate=(8.0, "ug/min"), until=-1.0)]


def test_three_within_a_day_is_a_soft_stop(service: Served) -> None:
    sent = severe(medications=[*toci(23, 15.5, 8.1 - 0.0), *_long_ill()])
    sent["vitals"] = chart(vitals=_ill_since(45))["vitals"]
    level, detail = told(call(service, sent, order("tocilizumab", 560)))
    assert level == "warning"
    assert "TOC-014" in detail
    assert "suggestions" not in call(service, sent, order("tocilizumab", 400))[0]


def test_an_order_that_waits_for_the_eight_hours_is_fine(service: Served) -> None:
    later = observation("8310-5", 1, "Cel", -6.1)["effectiveDateTime"]
    sooner = observation("8310-5", 1, "Cel", -5.8)["effectiveDateTime"]
    sent = severe(medications=toci(2))
    for start, loud in ((later, ""), (sooner, "critical")):
        draft = order("tocilizumab", 560, repeat={"boundsPeriod": {"start": start}, "count": 1})
        assert told(call(service, sent, draft))[0] == loud


@pytest.mark.parametrize(
    ("repeat", "loud", "rule"),
    [
        ({**EVERY_8H, "count": 4}, "", ""),
        ({**EVERY_8H, "count": 5}, "critical", "TOC-005"),
        (EVERY_8H, "warning", "TOC-005"),
        ({**EVERY_6H, "count": 2}, "critical", "TOC-004"),
        ({"frequency": 3, "period": 1, "periodUnit": "d", "count": 3}, "", ""),
        ({"frequency": 4, "period": 1, "periodUnit": "d", "count": 3}, "critical", "TOC-004"),
    ],
)
def test_an_order_at_odds_with_itself(service: Served, repeat: Json, loud: str, rule: str) -> None:
    level, detail = told(call(service, severe(), order("tocilizumab", 560, repeat=repeat)))
    assert level == loud
    assert rule in detail


@pytest.mark.parametrize(
    ("code", "loud"), [("Q6H", "critical"), ("Q8H", "warning"), ("TID", "warning"), ("QID", "critical")]
)
def test_a_timing_may_be_a_code(service: Served, code: str, loud: str) -> None:
    draft = order("tocilizumab", 560)
    draft["dosageInstruction"][0]["timing"] = {"code": {"coding": [{"code": code}]}}
    assert told(call(service, severe(), draft))[0] == loud


def test_two_drafts_at_once_are_one_too_many(service: Served) -> None:
    found = call(service, severe(), order("tocilizumab", 560), order("tocilizumab", 560, id="draft-2"))
    assert told(found)[0] == "critical"
    assert "twice" in found[0]["detail"]


def test_mild_crs_speaks_against_tocilizumab(service: Served) -> None:
    mild = chart(vitals=FEVER)
    level, detail = told(call(service, mild, order("tocilizumab", 560)))
    assert level == "warning"
    assert "MGT-008" in detail


def test_tocilizumab_for_something_else_is_let_be(service: Served) -> None:
    nobody = chart(vitals=FEVER)
    nobody["medications"] = None
    assert call(service, nobody, order("tocilizumab", 162)) == []


@pytest.mark.parametrize("name", ["Actemra 80 mg/4 mL", "TOCILIZUMAB-aazg inj", "tocilizumab"])
def test_a_drug_is_known_by_its_name_where_the_code_is_of_a_product(service: Served, name: str) -> None:
    draft = order("tocilizumab", 900)
    draft["medicationCodeableConcept"] = {"coding": [{"system": RXNORM, "code": "1657974", "display": name}]}
    assert told(call(service, severe(), draft))[0] == "critical"


def test_a_drug_may_be_a_reference(service: Served) -> None:
    draft = without(order("tocilizumab", 900), "medicationCodeableConcept")
    draft["contained"] = [
        {"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": RXNORM, "code": "612865"}]}}
    ]
    draft["medicationReference"] = {"reference": "#m"}
    assert told(call(service, severe(), draft))[0] == "critical"


# --- glucocorticoids ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drug", "amount", "repeat", "loud"),
    [
        ("dexamethasone", 10, EVERY_6H, ""),
        ("dexamethasone", 11, EVERY_6H, "warning"),  # over the 10 mg that the guidance names
        ("dexamethasone", 4, EVERY_6H, "warning"),
        ("dexamethasone", 10, {"frequency": 1, "period": 4, "periodUnit": "h"}, "warning"),
        ("methylprednisolone", 70, {"frequency": 1, "period": 1, "periodUnit": "d"}, ""),
        ("methylprednisolone", 35, {"frequency": 2, "period": 1, "periodUnit": "d"}, ""),
        ("methylprednisolone", 70, {"frequency": 2, "period": 1, "periodUnit": "d"}, "warning"),
        ("prednisone", 60, None, "info"),
    ],
)
def test_the_options_of_a_glucocorticoid(
    service: Served, drug: str, amount: float, repeat: Json | None, loud: str
) -> None:
    assert told(call(service, severe(), order(drug, amount, repeat=repeat)))[0] == loud


def test_no_option_is_swapped_for_another(service: Served) -> None:
    for drug, amount in (("dexamethasone", 4), ("prednisone", 60)):
        for card in call(service, severe(), order(drug, amount)):
            for one in card.get("suggestions", ()):
                (action,) = one["actions"]
                assert action["type"] == "update"
                named = action["resource"]["medicationCodeableConcept"]["coding"][0]["code"]
                assert named == order(drug, amount)["medicationCodeableConcept"]["coding"][0]["code"]


def test_eye_drops_and_days_without_crs_are_let_be(service: Served) -> None:
    drops = order("dexamethasone", 40)
    drops["dosageInstruction"][0]["route"] = {"text": "ophthalmic"}
    assert call(service, severe(), drops) == []
    assert call(service, chart(), order("dexamethasone", 40)) == []


# --- blinatumomab ------------------------------------------------------------------------------------------------------------

DAILY = {"frequency": 1, "period": 1, "periodUnit": "d"}


@pytest.mark.parametrize(
    ("amount", "unit", "rate", "repeat", "loud"),
    [
        (28, "ug/d", True, None, ""),
        (28.1, "ug/d", True, None, "critical"),
        (28, "mcg/day", True, None, ""),
        (1.16, "ug/h", True, None, ""),
        (1.2, "ug/h", True, None, "critical"),
        (28, "ug", False, DAILY, ""),
        (29, "ug", False, DAILY, "critical"),
        (28, "mg", False, DAILY, "critical"),
        (0.028, "mg", False, DAILY, "critical"),
        (28, "mg/d", True, None, "critical"),
        (28, "", False, None, "critical"),
    ],
)
def test_blinatumomab_is_dosed_in_micrograms_up_to_28_a_day(
    service: Served, amount: float, unit: str, rate: bool, repeat: Json | None, loud: str
) -> None:
    """With no therapy on record, and with nothing sent along, too."""
    draft = order("blinatumomab", amount, unit, rate=rate, repeat=repeat)
    nobody = chart(vitals=FEVER)
    nobody["medications"] = None
    assert told(call(service, nobody, draft))[0] == loud
    if loud:
        assert told(call(service, None, draft))[0] == loud


def engaged(*, ended: float | None, vitals: list[Json], medications: tuple[Json, ...] = ()) -> Json:
    """A patient on blinatumomab since 60 h; the infusion ended so many hours ago, or still runs."""
    infusion = given("blinatumomab", 60, rate=(9.0, "ug/d"), until=-1.0 if ended is None else ended)
    found = chart(vitals=vitals)
    found["medications"]["entry"] = [{"resource": one} for one in (infusion, *medications)]
    return found


def test_blinatumomab_is_not_resumed_before_crs_is_over(service: Served) -> None:
    sent = engaged(
        ended=2.0, vitals=list(FEVER), medications=(given("norepinephrine", 5, rate=(8, "ug/min"), until=-1),)
    )
    level, detail = told(call(service, sent, order("blinatumomab", 9, "ug/d", rate=True)))
    assert level == "critical"
    assert "BLN-008" in detail
    assert "suggestions" not in call(service, sent, order("blinatumomab", 15, "ug/d", rate=True))[0]


def test_blinatumomab_never_again_after_grade_4(service: Served) -> None:
    two = tuple(given("norepinephrine", 5, rate=(8, "ug/min"), until=-1) for _ in range(1))
    epi = given("norepinephrine", 5, rate=(4, "ug/min"), until=-1)
    epi["medicationCodeableConcept"]["coding"][0]["code"] = "3992"
    sent = engaged(ended=2.0, vitals=list(FEVER), medications=(*two, epi))
    level, detail = told(call(service, sent, order("blinatumomab", 9, "ug/d", rate=True)))
    assert level == "critical"
    assert "BLN-006" in detail or "BLN-008" in detail


# --- which orders are looked at ----------------------------------------------------------------------------------------------


def test_only_what_was_selected_is_judged(service: Served) -> None:
    drafts = order("tocilizumab", 900), order("dexamethasone", 40, id="draft-2")
    found = call(service, severe(), *drafts, hook="order-select", selected=["draft-2"])
    assert told(found)[0] == "warning"
    assert len(call(service, severe(), *drafts, hook="order-select")) == 2
    assert len(call(service, severe(), *drafts)) == 2


def test_select_and_sign_are_answered_to_apart(service: Served) -> None:
    draft = order("tocilizumab", 900)
    select, sign = call(service, severe(), draft, hook="order-select"), call(service, severe(), draft)
    assert select[0]["summary"] == sign[0]["summary"]
    assert select[0]["uuid"] != sign[0]["uuid"]


def test_other_orders_are_let_be_whatever_was_sent(service: Served) -> None:
    aspirin = order("tocilizumab", 100)
    aspirin["medicationCodeableConcept"] = {"coding": [{"system": RXNORM, "code": "1191"}]}
    laboratory = {
        "resourceType": "ServiceRequest",
        "id": "s",
        "status": "draft",
        "code": {"coding": [{"system": LOINC, "code": "1988-5"}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
    }
    assert call(service, None, aspirin, laboratory) == []
    never = {**order("tocilizumab", 900), "doNotPerform": True}
    assert call(service, None, never) == []


def test_without_a_record_only_what_is_never_right_is_told(service: Served) -> None:
    fine = service.http.post(
        "/cds-services/tocsin-order-sign", json=order_request("order-sign", None, order("tocilizumab", 560))
    )
    assert fine.status_code == 412
    assert {one["where"] for one in error_of(fine)["detail"]} >= {"prefetch.medications", "prefetch.vitals"}


def test_an_order_for_somebody_else_is_refused(service: Served) -> None:
    draft = {**order("tocilizumab", 560), "subject": {"reference": "Patient/somebody-else"}}
    answer = service.http.post(
        "/cds-services/tocsin-order-sign", json=order_request("order-sign", severe(), draft)
    )
    assert answer.status_code == 422
    assert error_of(answer)["detail"][0]["where"] == "context.draftOrders"


# --- the data ----------------------------------------------------------------------------------------------------------------


def test_every_rule_that_is_named_is_there_and_of_that_kind() -> None:
    for drug, check in checks().items():
        assert check.over_rule in rules()
        for speaks in against(drug):
            rule = rules()[speaks.rule]
            assert speaks.kind in {one.kind for one in (rule.cases or (rule,))}
            assert set(speaks.spares) <= set(doses())
    named = order_rules()
    assert {named.interval_rule, named.count_rule, named.unswapped_rule} <= set(rules())

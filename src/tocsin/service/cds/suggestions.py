"""Suggestions: draft MedicationRequests with the dose that the guidance worked out, and how it came about."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from tocsin.guidance.advice import Advice, Item
from tocsin.guidance.dosing import WorkedDose
from tocsin.knowledge.cds import against
from tocsin.knowledge.dosing import dose
from tocsin.knowledge.drugs import glucocorticoids
from tocsin.knowledge.fhir_export import fhir_systems, verified_codes
from tocsin.report.labels import unit_name
from tocsin.service.cds.orders import Order
from tocsin.sources.fhir.concepts import Json, as_list, as_object

_RXNORM = "RxNorm"
_NOTE = "Suggested by Tocsin, not a medical device: check dose and arithmetic before signing."


def groups_of(advice: Advice) -> tuple[list[Item], list[Item]]:
    """Return the advice that can become an order: that for one drug each, and the glucocorticoids to choose one of.

    Only what is certain, has one dose and not a range, is named once, and is not spoken against.
    """
    ready = [item for item in advice.of_kind("treat") if _is_ready(item, advice)]
    ready = list({item.dose.id: item for item in reversed(ready) if item.dose is not None}.values())[::-1]
    steroids = [item for item in ready if item.dose is not None and item.dose.drug in glucocorticoids()]
    others = [item for item in ready if item not in steroids]
    named = [item.dose.drug for item in others if item.dose is not None]
    return [item for item in others if item.dose is not None and named.count(item.dose.drug) == 1], steroids


def _is_ready(item: Item, advice: Advice) -> bool:
    one = item.dose
    if one is None or one.amount_to is not None or item.condition or item.not_before is not None:
        return False
    disputed = any(other.id in item.beside and _names_other_dose(other, one) for other in advice.items)
    return not disputed and not is_forbidden(one.drug, advice, one)


def _names_other_dose(other: Item, one: WorkedDose) -> bool:
    return other.dose is not None and other.dose.drug == one.drug and other.dose.amount != one.amount


def is_forbidden(drug: str, advice: Advice, wanted: WorkedDose | None = None) -> bool:
    """Whether advice of now speaks against giving a drug, for certain or perhaps."""
    return any(
        (item.id, item.kind) == (rule.rule, rule.kind) and (wanted is None or wanted.id not in rule.spares)
        for rule in against(drug)
        for item in advice.items
    )


def create(items: Sequence[Item], patient: str, card: UUID) -> list[Json]:
    """Return a suggestion for each item: a new order."""
    return [_created(item.dose, item.id, patient, card) for item in items if item.dose is not None]


def _created(one: WorkedDose, rule: str, patient: str, card: UUID) -> Json:
    uuid, label = uuid5(card, one.id), label_of(one)
    resource = {
        "resourceType": "MedicationRequest",
        "id": str(uuid5(uuid, "resource")),
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": _medication(one.drug),
        "subject": {"reference": f"Patient/{patient}"},
        "dosageInstruction": [dosage(one)],
        "note": [{"text": f"{rule}: {one.arithmetic}. {_NOTE}"}],
    }
    action = {"type": "create", "description": f"{label}: {one.arithmetic}", "resource": resource}
    return {"label": label, "uuid": str(uuid), "actions": [action]}


def update(order: Order, one: WorkedDose, rule: str, card: UUID) -> Json:
    """Return the suggestion to change the dose of a draft order; all else in it stays as it was."""
    label = f"Change to {label_of(one)}"
    first = as_object(next(iter(as_list(order.resource.get("dosageInstruction"))), None))
    kept = {name: first[name] for name in ("site", "method", "asNeededBoolean") if name in first}
    resource = {
        **order.resource,
        "dosageInstruction": [{**kept, **dosage(one)}],
        "note": [*as_list(order.resource.get("note")), {"text": f"{rule}: {one.arithmetic}. {_NOTE}"}],
    }
    action = {"type": "update", "description": f"{label}: {one.arithmetic}", "resource": resource}
    return {"label": label, "uuid": str(uuid5(card, one.id)), "actions": [action]}


def label_of(one: WorkedDose) -> str:
    """Return a dose as the text of a button."""
    a_day = " a day" if one.per == "day" and not one.unit.endswith("/d") else ""
    every = f" every {one.interval_h:g} h" if _repeats(one) and one.per == "dose" else ""
    route = f" {one.route}" if one.route else ""
    most = f" to {one.amount_to:g}" if one.amount_to is not None else ""
    return f"{one.drug.replace('_', ' ').capitalize()} {one.amount:g}{most} {unit_name(one.unit)}{a_day}{every}{route}"


def dosage(one: WorkedDose) -> Json:
    """Return a dose as FHIR writes it; what no source names (a route, how a day is split) stays out."""
    found: Json = {"text": f"{label_of(one)}: {one.arithmetic}"}
    if one.route:
        found["route"] = {"text": one.route}
    timing = _timing(one)
    if timing:
        found["timing"] = {"repeat": timing}
    amount = _quantity(one.amount, one.unit)
    if one.unit.endswith("/d"):
        found["doseAndRate"] = [{"rateQuantity": amount}]
    elif one.per == "dose":
        found["doseAndRate"] = [{"doseQuantity": amount}]
    most = dose(one.id).max_per_day or (
        one.amount if one.per == "day" and not one.unit.endswith("/d") else None
    )
    if most is not None:
        day = {"value": 1, "unit": "d", "system": fhir_systems()["UCUM"], "code": "d"}
        found["maxDosePerPeriod"] = {"numerator": _quantity(most, one.unit), "denominator": day}
    return found


def _repeats(one: WorkedDose) -> bool:
    return one.interval_h is not None and dose(one.id).max_per_day is not None


def _timing(one: WorkedDose) -> dict[str, Any]:
    known = dose(one.id)
    timing: dict[str, Any] = {"duration": known.infuse_h, "durationUnit": "h"} if known.infuse_h else {}
    if _repeats(one):
        timing |= {"frequency": 1, "period": one.interval_h, "periodUnit": "h"}
    elif one.per == "dose":
        timing |= {"count": 1}
    if one.max_days:
        timing |= {"boundsDuration": _quantity(one.max_days, "d")}
    return timing


def _quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": fhir_systems()["UCUM"], "code": unit}


def _medication(drug: str) -> Json:
    code = next((code for name, system, code in verified_codes() if (name, system) == (drug, _RXNORM)), None)
    coding = [] if code is None else [{"system": fhir_systems()[_RXNORM], "code": code, "display": drug}]
    return {**({"coding": coding} if coding else {}), "text": drug.replace("_", " ").capitalize()}

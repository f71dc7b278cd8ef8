"""CodeableConcepts, quantities and doses of one resource as the texts and numbers of a flat row."""

from functools import cache, lru_cache
from typing import Any, Final

import orjson

Json = dict[str, Any]
# What a measurement says: unit, text, value, comparator.
Amount = tuple[str | None, str | None, float | None, str | None]

NOTHING: Final[Amount] = (None, None, None, None)
# Blanks, and the marks without width that some exports carry.
TRIMMED: Final = " \t\n\r\f\v\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff"
VALUES: Final = ("valueQuantity", "valueCodeableConcept", "valueString", "valueInteger", "valueBoolean")
_EMPTY: Final[Json] = {}
_SHORT: Final = 1000  # what is longer is not remembered


def as_object(value: Any) -> Json:
    """Return a JSON object, or an empty one in place of anything else."""
    found: Any = value
    return found if isinstance(value, dict) else _EMPTY


def as_list(value: Any) -> list[Any]:
    """Return a JSON array, or an empty one in place of anything else."""
    found: Any = value
    return found if isinstance(value, list) else []


def as_text(value: Any) -> str | None:
    """Return a scalar as the text that stands for it."""
    return value if isinstance(value, str) or value is None else str(value)


def clean(value: Any) -> str | None:
    """Return words without what surrounds them; a TAB would split a code."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    return _cleaned(text) if len(text) < _SHORT else _trimmed(text)


def _trimmed(text: str) -> str | None:
    return text.strip(TRIMMED).replace("\t", " ") or None


_cleaned = lru_cache(maxsize=8192)(_trimmed)


def as_number(value: Any) -> float | None:
    """Return a number, also one written as a text."""
    if isinstance(value, bool) or not isinstance(value, float | int | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def at(resource: Json, path: str) -> Any:
    """Return what stands at a path of `shapes`."""
    if path in resource:  # most are plain fields
        return resource[path]
    steps = _steps(path)
    if steps[0][0] not in resource:
        return None
    found: Any = resource
    for name, first_of_list in steps:
        found = as_object(found).get(name)
        if first_of_list:
            found = next(iter(as_list(found)), None)
        if found is None:
            break
    return found


@cache
def _steps(path: str) -> tuple[tuple[str, bool], ...]:
    return tuple((part.removesuffix("[1]"), part.endswith("[1]")) for part in path.split("."))


def _codings(concept: Json) -> list[str]:
    return [
        f"{coding.get('system') or ''}|{coding['code']}"
        for coding in as_list(concept.get("coding"))
        if isinstance(coding, dict) and coding.get("code")
    ]


def _words(concept: Json) -> str | None:
    """Return the text of a concept, or the first coding's display."""
    text = concept.get("text")
    if text is None and (codings := as_list(concept.get("coding"))):
        text = as_object(codings[0]).get("display")
    return clean(text)


def concept_code(concept: Json) -> str | None:
    """Return `system|code` of each coding and `text|words`, joined by TAB."""
    if not concept:
        return None
    try:
        written = orjson.dumps(concept)
    except orjson.JSONEncodeError:  # not from JSON, or nested too deep to be FHIR
        return _code_of(concept)
    return _remembered(written) if len(written) < _SHORT else _code_of(concept)


@lru_cache(maxsize=8192)
def _remembered(written: bytes) -> str | None:
    """Return the same of a concept as it is written: a chart says the same few hundred again and again."""
    return _code_of(orjson.loads(written))


def _code_of(concept: Json) -> str | None:
    parts = _codings(concept)
    if words := _words(concept):
        parts.append("text|" + words)
    return "\t".join(parts) or None


def concept_text(concept: Json) -> str | None:
    """Return a coded value: `system|code` of each coding and its words, joined by TAB."""
    parts = _codings(concept)
    if words := _words(concept):
        parts.append(words)
    return "\t".join(parts) or None


def quantity(value: Any) -> Amount:
    """Return the number of a Quantity in its UCUM code, else in its unit as written."""
    found = as_object(value)
    unit = clean(found.get("code")) or clean(found.get("unit"))
    value, comparator = found.get("value"), found.get("comparator")
    number = value if value.__class__ is float else as_number(value)
    return unit, None, number, None if comparator is None else clean(comparator)


def observed(item: Json) -> Amount:
    """Return the value of an Observation or of a component."""
    if item.get("valueQuantity") is not None:
        return quantity(item["valueQuantity"])
    if item.get("valueCodeableConcept") is not None:
        return None, concept_text(as_object(item["valueCodeableConcept"])), None, None
    if item.get("valueString") is not None:
        words = clean(item["valueString"])
        number = as_number(words)
        return None, words if number is None else None, number, None
    if item.get("valueInteger") is not None:
        return None, None, as_number(item["valueInteger"]), None
    if isinstance(item.get("valueBoolean"), bool):
        return None, str(item["valueBoolean"]).lower(), None, None
    return NOTHING


def given(dosage: Json) -> Amount:
    """Return the rate of a drug, else its dose: the unit tells which (an amount is never a rate)."""
    if dosage.get("rateQuantity") is not None:
        return quantity(dosage["rateQuantity"])
    if dosage.get("rateRatio") is not None:
        return _ratio(as_object(dosage["rateRatio"]))
    return quantity(dosage.get("dose"))


def _ratio(ratio: Json) -> Amount:
    """Return `5 ug/kg` in `1 min` as 5 ug/kg/min."""
    unit, _, value, comparator = quantity(ratio.get("numerator"))
    per, _, time, _ = quantity(ratio.get("denominator"))
    time = 1.0 if time is None else time
    rate = value / time if value is not None and time else None
    return f"{unit}/{per}" if unit and per else None, None, rate, comparator


def dosage_of(resource: Json, field: str | None) -> Json:
    """Return dose, rate and route of an administration, or of the first instruction of an order."""
    if field != "dosageInstruction":
        return as_object(resource.get(field)) if field else _EMPTY
    instruction = as_object(at(resource, "dosageInstruction[1]"))
    asked = as_object(at(instruction, "doseAndRate[1]"))
    return {**asked, "dose": asked.get("doseQuantity"), "route": instruction.get("route")}

"""The columns that DuckDB reads of a resource, and SQL for concepts, quantities and references.

Each expression is the twin of a function of `concepts` or `references`, and gives the same.
"""

from collections.abc import Collection, Iterable
from typing import Final

from tocsin.sources.fhir.concepts import TRIMMED, VALUES
from tocsin.sources.fhir.references import BY_IDENTIFIER, PATIENT, URN
from tocsin.sources.fhir.shapes import NAMED, SHAPES
from tocsin.sources.source import sql_text

_CODING: Final = 'STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)'
_CONCEPT: Final = f'STRUCT(coding {_CODING}[], "text" VARCHAR)'
_QUANTITY: Final = 'STRUCT("value" VARCHAR, unit VARCHAR, code VARCHAR, comparator VARCHAR)'
_RATIO: Final = f"STRUCT(numerator {_QUANTITY}, denominator {_QUANTITY})"
_PERIOD: Final = 'STRUCT("start" VARCHAR, "end" VARCHAR)'
_TIMING: Final = 'STRUCT("event" VARCHAR[])'
_REFERENCE: Final = (
    f'STRUCT(reference VARCHAR, display VARCHAR, identifier STRUCT("value" VARCHAR), concept {_CONCEPT})'
)
_NAMED: Final = f'code {_CONCEPT}, "type" {_CONCEPT}, deviceName STRUCT("name" VARCHAR)[]'
_MEASURED: Final = {
    "code": _CONCEPT,
    "valueQuantity": _QUANTITY,
    "valueCodeableConcept": _CONCEPT,
    "valueString": "VARCHAR",
    "valueInteger": "VARCHAR",
    "valueBoolean": "VARCHAR",
    "dataAbsentReason": _CONCEPT,
}
_RATES: Final = f"rateQuantity {_QUANTITY}, rateRatio {_RATIO}"
_ASKED: Final = f"STRUCT(doseQuantity {_QUANTITY}, {_RATES})"
# What is not listed is a plain text: most moments and codes are.
_TYPES: Final = {
    **_MEASURED,
    "meta": "STRUCT(versionId VARCHAR)",
    "subject": _REFERENCE,
    "patient": _REFERENCE,
    "verificationStatus": _CONCEPT,
    "component": f"STRUCT({', '.join(f'{name} {type}' for name, type in _MEASURED.items())})[]",
    "hasMember": "JSON[]",
    "effectivePeriod": _PERIOD,
    "effectiveTiming": _TIMING,
    "performedPeriod": _PERIOD,
    "timingPeriod": _PERIOD,
    "timingTiming": _TIMING,
    "onsetPeriod": _PERIOD,
    "medicationCodeableConcept": _CONCEPT,
    "medicationReference": _REFERENCE,
    "device": _REFERENCE,
    "dosage": f"STRUCT(route {_CONCEPT}, dose {_QUANTITY}, {_RATES})",
    "dosageInstruction": f"STRUCT(route {_CONCEPT}, doseAndRate {_ASKED}[])[]",
    "contained": f"STRUCT(resourceType VARCHAR, id VARCHAR, {_NAMED})[]",
    "type": _CONCEPT,
    "deviceName": 'STRUCT("name" VARCHAR)[]',
    "identifier": 'STRUCT("system" VARCHAR, "value" VARCHAR)[]',
}
_ALWAYS: Final = ("resourceType", "subject", "patient")
_PATIENT: Final = ("id", "deceasedDateTime", "deceasedBoolean")
_OBSERVATION: Final = (*_MEASURED, "component", "hasMember")
_EDGE: Final = f"^[{TRIMMED}]|[{TRIMMED}]$|\t"


def columns_of(kinds: Collection[str]) -> tuple[str, ...]:
    """Return the columns that resources of these types need."""
    wanted: list[str] = [*_ALWAYS, *(_PATIENT if "Patient" in kinds else [])]
    for shape in (SHAPES[kind] for kind in kinds if kind in SHAPES):
        others = (shape.status, shape.reference, shape.known, shape.dosage)
        paths = (*shape.times, *shape.ends, *shape.concepts, *others)
        wanted += [path.split(".")[0] for path in paths if path]
        wanted += ["contained"] if shape.reference else []
        wanted += _OBSERVATION if shape.kind == "Observation" else []
    return tuple(dict.fromkeys(wanted))


def columns_sql(names: Iterable[str]) -> str:
    """Return the explicit columns of a JSON scan."""
    return "{" + ", ".join(f'"{name}": {sql_text(_TYPES.get(name, "VARCHAR"))}' for name in names) + "}"


def path_sql(path: str) -> str:
    """Return a path of `shapes` as SQL."""
    return ".".join(
        f'"{part.removesuffix("[1]")}"' + part[len(part.removesuffix("[1]")) :] for part in path.split(".")
    )


def clean_sql(text: str) -> str:
    """Twin of `concepts.clean`. Trimming is dear: only what needs it is trimmed."""
    trimmed = f"replace(trim({text}, {sql_text(TRIMMED)}), chr(9), ' ')"
    return f"nullif(CASE WHEN regexp_matches({text}, {sql_text(_EDGE)}) THEN {trimmed} ELSE {text} END, '')"


def _codings(concept: str) -> str:
    coding = "coalesce(k.\"system\", '') || '|' || nullif(k.code, '')"
    return f"nullif(array_to_string(list_transform({concept}.coding, lambda k: {coding}), chr(9)), '')"


def _words(concept: str) -> str:
    return clean_sql(f'coalesce({concept}."text", {concept}.coding[1].display)')


def concept_code_sql(concept: str) -> str:
    """Twin of `concepts.concept_code`."""
    return f"nullif(concat_ws(chr(9), {_codings(concept)}, 'text|' || {_words(concept)}), '')"


def concept_text_sql(concept: str) -> str:
    """Twin of `concepts.concept_text`."""
    return f"nullif(concat_ws(chr(9), {_codings(concept)}, {_words(concept)}), '')"


def number_sql(text: str) -> str:
    """Twin of `concepts.as_number`."""
    return f"TRY_CAST({text} AS DOUBLE)"


def unit_sql(quantity: str) -> str:
    """The unit of `concepts.quantity`."""
    return f"coalesce({clean_sql(quantity + '.code')}, {clean_sql(quantity + '.unit')})"


def observed_sql(prefix: str) -> dict[str, str]:
    """Twin of `concepts.observed`: SQL for unit, text, value and comparator; `prefix` leads to a component."""
    quantity, concept, text, integer, boolean = (f"{prefix}{name}" for name in VALUES)
    words = clean_sql(text)
    number = number_sql(words)
    return {
        "unit": f"CASE WHEN {quantity} IS NOT NULL THEN {unit_sql(quantity)} END",
        "text": f"CASE WHEN {quantity} IS NOT NULL THEN NULL "
        f"WHEN {concept} IS NOT NULL THEN {concept_text_sql(concept)} "
        f"WHEN {text} IS NOT NULL THEN CASE WHEN {number} IS NULL THEN {words} END "
        f"WHEN {integer} IS NULL THEN {boolean} END",
        "value": f"CASE WHEN {quantity} IS NOT NULL THEN {number_sql(quantity + '.value')} "
        f"WHEN {concept} IS NOT NULL THEN NULL WHEN {text} IS NOT NULL THEN {number} ELSE {number_sql(integer)} END",
        "comparator": f"CASE WHEN {quantity} IS NOT NULL THEN {clean_sql(quantity + '.comparator')} END",
    }


def given_sql(dosage: str) -> dict[str, str]:
    """Twin of `concepts.given`: SQL for unit, text, value and comparator."""
    rate, ratio, dose = (f"{dosage}.{name}" for name in ("rateQuantity", "rateRatio", "dose"))
    over, under = f"{ratio}.numerator", f"{ratio}.denominator"
    time = f"nullif(coalesce({number_sql(under + '.value')}, 1.0), 0.0)"

    def case(of_rate: str, of_ratio: str, of_dose: str) -> str:
        first = f"CASE WHEN {rate} IS NOT NULL THEN {of_rate}"
        return f"{first} WHEN {ratio} IS NOT NULL THEN {of_ratio} ELSE {of_dose} END"

    return {
        "unit": case(unit_sql(rate), f"{unit_sql(over)} || '/' || {unit_sql(under)}", unit_sql(dose)),
        "text": "NULL",
        "value": case(
            number_sql(f"{rate}.value"),
            f"{number_sql(over + '.value')} / {time}",
            number_sql(f"{dose}.value"),
        ),
        "comparator": case(*(clean_sql(f"{part}.comparator") for part in (rate, over, dose))),
    }


def subject_sql(who: str) -> str:
    """Twin of `references.subject_of`, for a Reference to a patient: SQL for the id."""
    reference = f"{who}.reference"
    plain = f"substr({reference}, {len('Patient/') + 1})"
    searched = " ".join(
        f"WHEN regexp_matches({reference}, {pattern}) THEN regexp_extract({reference}, {pattern}, 1)"
        for pattern in map(sql_text, (BY_IDENTIFIER.pattern, PATIENT.pattern, f"^{URN.pattern}$"))
    )
    # Nearly all are Patient/id, and a search costs four times as much.
    simple = f"starts_with({reference}, 'Patient/') AND NOT contains({plain}, '/')"
    return (
        f"CASE WHEN {reference} IS NULL THEN {clean_sql(who + '.identifier.value')} "
        f"WHEN {simple} THEN nullif({plain}, '') {searched} END"
    )


def by_identifier_sql(who: str) -> str:
    """Whether the id of `subject_sql` is only an identifier."""
    searched = f"regexp_matches({who}.reference, {sql_text(BY_IDENTIFIER.pattern)})"
    return f'coalesce({searched}, {who}.identifier."value" IS NOT NULL, false)'


def named_code_sql(resource: str, kind: str) -> str:
    """Twin of `references.named_code`."""
    cases = " ".join(
        f"WHEN '{name}' THEN " + concept_code_sql(f'{resource}"{field}"') for name, field in NAMED.items()
    )
    words = clean_sql(f"{resource}deviceName[1].name")
    return f"coalesce(CASE {kind} {cases} END, 'text|' || {words})"

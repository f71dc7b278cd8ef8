"""Observations, one line each: what stands in the resource (left) and what is new in its row (right)."""

from typing import Any

import pytest

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
TEMPERATURE = {"coding": [{"system": LOINC, "code": "8310-5"}], "text": "Body temperature"}
CODE = f"{LOINC}|8310-5\ttext|Body temperature"
WHO = {"subject": {"reference": "Patient/p1"}}
WHEN = {"effectiveDateTime": "2024-03-01T10:00:00Z"}
TIME = "2024-03-01T10:00:00"
CEL = {"value": 38.5, "unit": "degrees C", "system": UCUM, "code": "Cel"}


def observation(**fields: Any) -> dict[str, Any]:
    """A made-up Observation of a temperature; None takes a field away."""
    whole = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": TEMPERATURE,
        **WHO,
        **WHEN,
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


ROW = {"subject": "p1", "time": TIME, "code": CODE}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # the UCUM code is preferred to the unit as written
        ({"valueQuantity": CEL}, {"value": 38.5, "unit": "Cel"}),
        ({"valueQuantity": {"value": 38, "unit": "C"}}, {"value": 38.0, "unit": "C"}),
        ({"valueQuantity": {"value": 38, "unit": " C\u200b", "code": ""}}, {"value": 38.0, "unit": "C"}),
        ({"valueQuantity": {"value": 38}}, {"value": 38.0}),
        ({"valueQuantity": {"value": "38.5"}}, {"value": 38.5}),
        ({"valueQuantity": {"value": 0.01, "comparator": "<"}}, {"value": 0.01, "comparator": "<"}),
        ({"valueInteger": 3}, {"value": 3.0}),
        ({"valueString": "98.6"}, {"value": 98.6}),
        ({"valueString": " Nasal cannula\u200b "}, {"text": "Nasal cannula"}),
        ({"valueBoolean": True}, {"text": "true"}),
        ({"valueCodeableConcept": {"text": "BiPAP"}}, {"text": "BiPAP"}),
        (
            {"valueCodeableConcept": {"coding": [{"system": "urn:x", "code": "1"}], "text": "BiPAP"}},
            {"text": "urn:x|1\tBiPAP"},
        ),
        ({"valueCodeableConcept": {"coding": [{"code": "1", "display": "BiPAP"}]}}, {"text": "|1\tBiPAP"}),
        # no value
        ({}, {"trouble": "no_value", "trouble_column": "valueQuantity"}),
        (
            {"valueQuantity": {"value": "high", "unit": "Cel"}},
            {
                "unit": "Cel",
                "trouble": "no_value",
                "trouble_column": "valueQuantity",
                "trouble_value": "high",
            },
        ),
        (
            {"dataAbsentReason": {"coding": [{"system": "urn:a", "code": "unknown"}]}},
            {"trouble": "no_value", "trouble_column": "valueQuantity", "trouble_value": "urn:a|unknown"},
        ),
        ({"dataAbsentReason": {"text": "why"}, "valueQuantity": CEL}, {"value": 38.5, "unit": "Cel"}),
        ({"hasMember": [{"reference": "Observation/o2"}]}, {"fate": "no_clinical_content"}),
        ({"hasMember": [{"reference": "Observation/o2"}], "valueInteger": 1}, {"value": 1.0}),
    ],
)
def test_value(read: Any, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(observation(**fields)) == [{**ROW, **expected}]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"effectiveDateTime": "2024-03-01T10:00:00.1234567+05:30"}, {"time": "2024-03-01T04:30:00.123456"}),
        ({"effectiveDateTime": "2024-03-01T23:00:00-04:00"}, {"time": "2024-03-02T03:00:00"}),
        ({"effectiveDateTime": None, "effectiveInstant": "2024-03-01T10:00:00Z"}, {"time": TIME}),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": TIME, "end": "2024-03-01T11:00:00Z"}},
            {"time": TIME, "until": "2024-03-01T11:00:00"},
        ),
        (
            {"effectiveDateTime": None, "effectiveTiming": {"event": [TIME, "2024-03-02T10:00:00"]}},
            {"time": TIME},
        ),
        ({"issued": "2024-03-01T10:05:00Z"}, {"time": TIME, "known": "2024-03-01T10:05:00"}),
        ({"issued": "soon"}, {"time": TIME}),
        (
            {"effectiveDateTime": None},
            {"trouble": "no_time", "trouble_column": "effectiveDateTime"},
        ),
        (
            {"effectiveDateTime": "2024-03"},
            {"trouble": "bad_time", "trouble_column": "effectiveDateTime", "trouble_value": "2024-03"},
        ),
        (
            {"effectiveDateTime": "2024-03-01"},
            {"trouble": "date_only", "trouble_column": "effectiveDateTime", "trouble_value": "2024-03-01"},
        ),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": TIME, "end": "2024-03-01T09:59:59Z"}},
            {
                "time": TIME,
                "until": "2024-03-01T09:59:59",
                "trouble": "end_before_start",
                "trouble_column": "effectivePeriod.end",
                "trouble_value": "2024-03-01T09:59:59Z",
            },
        ),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": TIME, "end": "later"}},
            {
                "time": TIME,
                "trouble": "bad_time",
                "trouble_column": "effectivePeriod.end",
                "trouble_value": "later",
            },
        ),
        # an end at the very start is none before it
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": TIME, "end": TIME}},
            {"time": TIME, "until": TIME},
        ),
    ],
)
def test_time(read: Any, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    row = {"subject": "p1", "code": CODE, "value": 38.5, "unit": "Cel"}
    assert read(observation(valueQuantity=CEL, **fields)) == [{**row, **expected}]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("final", None),
        ("preliminary", None),
        ("amended", None),
        ("corrected", None),
        ("unknown", None),
        (None, None),
        (" Final ", None),
        ("registered", "not_given"),
        ("cancelled", "not_given"),
        ("entered-in-error", "entered_in_error"),
    ],
)
def test_status(read: Any, status: str | None, fate: str | None) -> None:
    assert [row.get("fate") for row in read(observation(status=status, valueQuantity=CEL))] == [fate]


def test_what_does_not_count_has_no_trouble(read: Any) -> None:
    rows = read(observation(status="entered-in-error", effectiveDateTime="2024"))
    assert rows == [{"subject": "p1", "code": CODE, "fate": "entered_in_error"}]


def component(code: str, **fields: Any) -> dict[str, Any]:
    """A made-up component."""
    return {"code": {"coding": [{"system": LOINC, "code": code}]}, **fields}


PRESSURES = [
    component("8480-6", valueQuantity={"value": 80, "code": "mm[Hg]"}),
    component("8462-4", dataAbsentReason={"text": "not heard"}),
]
SYSTOLIC = {"subject": "p1", "time": TIME, "code": f"{LOINC}|8480-6", "value": 80.0, "unit": "mm[Hg]"}
DIASTOLIC = {
    "subject": "p1",
    "time": TIME,
    "code": f"{LOINC}|8462-4",
    "trouble": "no_value",
    "trouble_column": "valueQuantity",
    "trouble_value": "not heard",
}


def test_each_component_is_a_row_and_the_panel_is_none(read: Any) -> None:
    assert read(observation(component=PRESSURES)) == [SYSTOLIC, DIASTOLIC]


def test_a_panel_with_a_value_of_its_own_is_a_row_too(read: Any) -> None:
    own = {**ROW, "value": 38.5, "unit": "Cel"}
    assert read(observation(component=PRESSURES, valueQuantity=CEL)) == [own, SYSTOLIC, DIASTOLIC]


def test_an_empty_list_of_components_is_none(read: Any) -> None:
    assert read(observation(component=[], valueQuantity=CEL)) == [{**ROW, "value": 38.5, "unit": "Cel"}]


def test_components_share_the_fate_of_the_whole(read: Any) -> None:
    rows = read(observation(component=PRESSURES, status="cancelled"))
    assert [row["fate"] for row in rows] == ["not_given", "not_given"]
    assert not any("trouble" in row for row in rows)


@pytest.mark.parametrize(
    ("concept", "code"),
    [
        (
            {
                "coding": [{"system": LOINC, "code": "8310-5"}, {"system": LOINC, "code": "8331-1"}],
                "text": "T",
            },
            f"{LOINC}|8310-5\t{LOINC}|8331-1\ttext|T",
        ),
        ({"text": "NOREPI\tDRIP \u200b"}, "text|NOREPI DRIP"),
        ({"coding": [{"system": LOINC, "code": "1", "display": "shown"}]}, f"{LOINC}|1\ttext|shown"),
        ({"coding": [{"display": "only shown"}]}, "text|only shown"),
        ({"coding": [{"system": LOINC}]}, None),
        ({"coding": []}, None),
        (None, None),
    ],
)
def test_code(read: Any, concept: dict[str, Any] | None, code: str | None) -> None:
    assert [row.get("code") for row in read(observation(code=concept, valueInteger=1))] == [code]

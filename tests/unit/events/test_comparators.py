"""A value that is only known to lie under or over a figure is kept on that side of it."""

import json
from typing import Any

import pytest

from tocsin import grade_bundle


def bundle(*resources: dict[str, Any]) -> bytes:
    """A Bundle of one made-up patient with CAR-T on the first of January."""
    therapy = {
        "resourceType": "Procedure",
        "status": "completed",
        "subject": {"reference": "Patient/1"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1156961008"}]},
        "performedDateTime": "2024-01-01T00:00:00Z",
    }
    patient = {"resourceType": "Patient", "id": "1", "birthDate": "1970-01-01"}
    entries = [{"resource": one} for one in (patient, therapy, *resources)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def observation(code: str, value: float, unit: str, comparator: str | None, hour: int) -> dict[str, Any]:
    """A measurement by its LOINC code."""
    quantity = {"value": value, "unit": unit, **({"comparator": comparator} if comparator else {})}
    return {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": f"2024-01-01T{hour:02}:00:00Z",
        "valueQuantity": quantity,
    }


@pytest.mark.parametrize(
    ("comparator", "is_fever"), [(None, True), ("<", False), ("<=", True), (">", True), (">=", True)]
)
def test_a_temperature_under_38_is_no_fever(comparator: str | None, is_fever: bool) -> None:
    result = grade_bundle(bundle(observation("8310-5", 38.0, "Cel", comparator, 10)))
    assert (result.episodes.num_rows == 1) is is_fever


@pytest.mark.parametrize(
    ("comparator", "is_low"), [(None, False), ("<", True), ("<=", False), (">", False), (">=", False)]
)
def test_a_pressure_under_90_is_low(comparator: str | None, is_low: bool) -> None:
    fever = observation("8310-5", 39.0, "Cel", None, 10)
    result = grade_bundle(bundle(fever, observation("8480-6", 90, "mm[Hg]", comparator, 11)))
    assert ("untreated" in result.grades["hypotension"].to_pylist()) is is_low


def test_the_comparator_stays_with_the_event() -> None:
    fever = observation("8310-5", 39.0, "Cel", None, 10)
    result = grade_bundle(bundle(fever, observation("1988-5", 5, "mg/L", "<", 11)))
    [event] = [row for row in result.events.to_pylist() if row["signal"] == "crp"]
    assert event["text_value"] == "<"
    assert 4.999 < event["numeric_value"] < 5

"""Drugs, procedures, devices, conditions, people: a resource (left) and its rows (right)."""

from typing import Any

import pytest

NOREPINEPHRINE = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "7512"}]}
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm|7512"
START, END = "2024-03-01T10:00:00", "2024-03-01T14:00:00"
PERIOD = {"start": START + "Z", "end": END + "Z"}
ROW = {"subject": "p1", "time": START, "until": END, "code": RXNORM}


def act(kind: str, **fields: Any) -> dict[str, Any]:
    """A made-up resource about the made-up patient p1; None takes a field away."""
    whole = {"resourceType": kind, "id": "a1", "subject": {"reference": "Patient/p1"}, **fields}
    return {name: value for name, value in whole.items() if value is not None}


def administration(**fields: Any) -> dict[str, Any]:
    """A made-up infusion of norepinephrine."""
    given = {"status": "completed", "medicationCodeableConcept": NOREPINEPHRINE, "effectivePeriod": PERIOD}
    return act("MedicationAdministration", **{**given, **fields})


def ratio(over: float | None, unit: str, under: float | None, per: str) -> dict[str, Any]:
    """A rate as FHIR writes one."""
    return {"numerator": {"value": over, "code": unit}, "denominator": {"value": under, "code": per}}


@pytest.mark.parametrize(
    ("dosage", "expected"),
    [
        (None, {}),
        ({}, {}),
        ({"rateQuantity": {"value": 8, "code": "ug/min"}}, {"value": 8.0, "unit": "ug/min"}),
        ({"rateRatio": ratio(0.1, "ug/kg", 1, "min")}, {"value": 0.1, "unit": "ug/kg/min"}),
        ({"rateRatio": ratio(250, "mL", 2, "h")}, {"value": 125.0, "unit": "mL/h"}),
        ({"rateRatio": ratio(250, "mL", None, "h")}, {"value": 250.0, "unit": "mL/h"}),
        ({"rateRatio": ratio(250, "mL", 0, "h")}, {"unit": "mL/h"}),
        ({"rateRatio": ratio(None, "mL", 1, "h")}, {"unit": "mL/h"}),
        # an amount stands where a rate would: its unit tells
        ({"dose": {"value": 4, "code": "mg"}}, {"value": 4.0, "unit": "mg"}),
        (
            {"dose": {"value": 4, "code": "mg"}, "rateQuantity": {"value": 8, "code": "ug/min"}},
            {"value": 8.0, "unit": "ug/min"},
        ),
        (
            {"route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}], "text": "IV"}},
            {"route": "http://snomed.info/sct|47625008\ttext|IV"},
        ),
        ({"route": {"text": "eye"}}, {"route": "text|eye"}),
    ],
)
def test_rate_dose_and_route(read: Any, dosage: dict[str, Any] | None, expected: dict[str, Any]) -> None:
    assert read(administration(dosage=dosage)) == [{**ROW, **expected}]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("completed", None),
        ("in-progress", None),
        ("stopped", None),
        ("not-done", "not_given"),
        ("unknown", "not_given"),
        (None, "not_given"),
        ("no such status", "not_given"),
        ("entered-in-error", "entered_in_error"),
    ],
)
def test_status_of_an_administration(read: Any, status: str | None, fate: str | None) -> None:
    assert [row.get("fate") for row in read(administration(status=status))] == [fate]


def test_an_infusion_without_an_end_is_open(read: Any) -> None:
    open_row = {name: value for name, value in ROW.items() if name != "until"}
    assert read(administration(effectivePeriod={"start": START})) == [open_row]
    assert read(administration(effectivePeriod=None, effectiveDateTime=START)) == [open_row]


def test_a_period_without_a_start_has_no_time(read: Any) -> None:
    (row,) = read(administration(effectivePeriod={"end": END}))
    assert (row["trouble"], row.get("time")) == ("no_time", None)


ORDER = act(
    "MedicationRequest",
    status="active",
    authoredOn=START + "Z",
    medicationCodeableConcept=NOREPINEPHRINE,
    dosageInstruction=[
        {"route": {"text": "IV"}, "doseAndRate": [{"rateQuantity": {"value": 8, "code": "ug/min"}}]}
    ],
)
ORDERED = {
    "subject": "p1",
    "time": START,
    "code": RXNORM,
    "route": "text|IV",
    "value": 8.0,
    "unit": "ug/min",
}


def test_an_order_is_no_administration_unless_asked(read: Any) -> None:
    assert read(ORDER) == [{**ORDERED, "fate": "order"}]
    assert read(ORDER, orders_count=True) == [ORDERED]


def test_what_a_patient_is_said_to_take_is_never_an_administration(read: Any) -> None:
    statement = act("MedicationStatement", medicationCodeableConcept=NOREPINEPHRINE, effectiveDateTime=START)
    assert [row["fate"] for row in read(statement, orders_count=True)] == ["order"]


VENTILATED = {"coding": [{"system": "http://snomed.info/sct", "code": "40617009"}]}
SNOMED = "http://snomed.info/sct|40617009"


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (
            act("Procedure", status="completed", code=VENTILATED, performedPeriod=PERIOD),
            {"time": START, "until": END, "code": SNOMED},
        ),
        (
            act("Procedure", status="in-progress", code=VENTILATED, performedDateTime=START),
            {"time": START, "code": SNOMED},
        ),
        (
            act("Procedure", status="not-done", code=VENTILATED, performedDateTime=START),
            {"time": START, "code": SNOMED, "fate": "not_given"},
        ),
        (
            act("Procedure", status="completed", code=VENTILATED, performedString="once"),
            {"code": SNOMED, "trouble": "no_time", "trouble_column": "performedDateTime"},
        ),
        (
            act("Condition", code=VENTILATED, onsetDateTime=START, recordedDate=END),
            {"time": START, "code": SNOMED},
        ),
        (act("Condition", code=VENTILATED, recordedDate=END), {"time": END, "code": SNOMED}),
        (
            act(
                "Condition",
                code=VENTILATED,
                onsetDateTime=START,
                verificationStatus={"coding": [{"code": "refuted"}]},
            ),
            {"time": START, "code": SNOMED, "fate": "not_given"},
        ),
        (
            act("DeviceUseStatement", status="active", device={"concept": VENTILATED}, timingPeriod=PERIOD),
            {"time": START, "until": END, "code": SNOMED},
        ),
        (
            act("DeviceUseStatement", status="intended", device={"display": "BiPAP"}, timingDateTime=START),
            {"time": START, "code": "text|BiPAP", "fate": "not_given"},
        ),
        (act("Encounter", status="finished"), {"code": "resource|Encounter", "fate": "no_clinical_content"}),
        (act("Claim"), {"code": "resource|Claim", "fate": "no_interest_type"}),
    ],
)
def test_acts(read: Any, resource: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(resource) == [{"subject": "p1", **expected}]


def test_other_types_name_their_patient_in_their_own_field(read: Any) -> None:
    shot = {"resourceType": "Immunization", "patient": {"reference": "Patient/p1"}}
    assert read(shot) == [{"subject": "p1", "code": "resource|Immunization", "fate": "no_interest_type"}]


PATIENT = {"resourceType": "Patient", "id": "p1"}
PERSON = {"subject": "p1", "code": "resource|Patient", "fate": "no_clinical_content"}


@pytest.mark.parametrize(
    ("fields", "death"),
    [
        ({}, None),
        ({"deceasedBoolean": False}, None),
        ({"deceasedDateTime": "2024-03-01T10:00:00-04:00"}, {"time": "2024-03-01T14:00:00"}),
        # known to the day: after that day's last event, whatever the settings
        ({"deceasedDateTime": "2024-03-01"}, {"time": "2024-03-01T23:59:59.999999"}),
        (
            {"deceasedDateTime": "2024-03"},
            {"trouble": "bad_time", "trouble_column": "deceasedDateTime", "trouble_value": "2024-03"},
        ),
        ({"deceasedBoolean": True}, {"trouble": "no_time", "trouble_column": "deceasedDateTime"}),
    ],
)
def test_death(read: Any, fields: dict[str, Any], death: dict[str, Any] | None) -> None:
    expected = PERSON if death is None else {"subject": "p1", "code": "tocsin|death", **death}
    assert read({**PATIENT, **fields}) == [expected]


def test_a_death_takes_the_place_of_its_patient_and_of_nobody_else(read: Any) -> None:
    panel = act("Observation", code=VENTILATED, component=[{"valueInteger": n} for n in range(4)])
    rows = read(panel, PATIENT, {**PATIENT, "id": "p2", "deceasedDateTime": START}, act("Encounter"))
    assert sorted(str(row.get("code")) for row in rows) == [
        *["None"] * 4,
        "resource|Encounter",
        "resource|Patient",
        "tocsin|death",
    ]


def test_a_day_of_death_ends_in_the_zone_of_the_settings(read: Any) -> None:
    (row,) = read({**PATIENT, "deceasedDateTime": "2024-03-01"}, zone="America/New_York", date_only="start")
    assert row["time"] == "2024-03-02T04:59:59.999999"


@pytest.mark.parametrize(
    ("settings", "time"),
    [
        ({"date_only": "start"}, "2024-07-01T00:00:00"),
        ({"date_only": "noon", "zone": "Europe/Berlin"}, "2024-07-01T10:00:00"),
        ({"date_only": "end"}, "2024-07-01T23:59:59.999999"),
    ],
)
def test_a_date_alone_stands_where_the_settings_say(read: Any, settings: dict[str, Any], time: str) -> None:
    (row,) = read(administration(effectivePeriod=None, effectiveDateTime="2024-07-01"), **settings)
    assert (row["time"], row.get("trouble")) == (time, None)

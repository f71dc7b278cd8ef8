"""What the door makes of a value and its unit: one line of our CSV layout in, an event in canonical units or a reason out."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.made_up import csv_folder, graded
from tocsin.knowledge.signals import signals
from tocsin.results import Result


class Line(NamedTuple):
    """A line of events.csv, beside others, and what must come of it: a value (None: unknown), or a reason."""

    name: str
    signal: str
    value: str
    unit: str
    expected: float | str | None
    others: tuple[str, ...] = ()  # more lines: hour, signal, value, unit


WEIGHT_70 = ("0 weight 70 kg",)
FAHRENHEIT, OUT, AMBIGUOUS, NO_UNIT = (
    "looks_like_fahrenheit",
    "out_of_bounds",
    "ambiguous_unit",
    "unknown_unit",
)
LINES = [
    # Temperature: the marked unit, and what only makes sense in another
    Line("Celsius", "body_temperature", "38.5", "Cel", 38.5),
    Line("99.0 marked Celsius", "body_temperature", "99.0", "Cel", FAHRENHEIT),
    Line("95 marked Celsius", "body_temperature", "95", "Cel", FAHRENHEIT),
    Line("110 marked Celsius", "body_temperature", "110", "C", FAHRENHEIT),
    Line("94.9 marked Celsius is no fever in any unit", "body_temperature", "94.9", "Cel", OUT),
    Line("110.1 marked Celsius", "body_temperature", "110.1", "Cel", OUT),
    Line("Fahrenheit", "body_temperature", "101.3", "[degF]", 38.5),
    Line("F, as records write it", "body_temperature", "98.6", "F", 37.0),
    Line("100.4 F is 38.0, and fever", "body_temperature", "100.4", "°F", 38.0),
    Line("kelvin", "body_temperature", "311.65", "K", 38.5),
    Line("no unit, 25 is Celsius", "body_temperature", "25", "", 25.0),
    Line("no unit, 45 is Celsius", "body_temperature", "45", "", 45.0),
    Line("no unit, 45.1 is neither", "body_temperature", "45.1", "", AMBIGUOUS),
    Line("no unit, 24.9 is neither", "body_temperature", "24.9", "", AMBIGUOUS),
    Line("no unit, 49.9 is neither", "body_temperature", "49.9", "", AMBIGUOUS),
    Line("no unit, 101.3 is Fahrenheit", "body_temperature", "101.3", "", 38.5),
    Line("no unit, 113 is Fahrenheit", "body_temperature", "113", "", 45.0),
    Line("no unit, 113.1 is neither", "body_temperature", "113.1", "", AMBIGUOUS),
    # FiO2: fractions and percentages
    Line("FiO2 0.4 without a unit", "fio2", "0.4", "", 40.0),
    Line("FiO2 40 without a unit", "fio2", "40", "", 40.0),
    Line("FiO2 0.4 marked percent", "fio2", "0.4", "%", 40.0),
    Line("FiO2 40 percent", "fio2", "40", "%", 40.0),
    Line("FiO2 as a fraction", "fio2", "0.4", "{fraction}", 40.0),
    Line("FiO2 1.0 without a unit is all oxygen", "fio2", "1.0", "", 100.0),
    Line("FiO2 0.2 without a unit", "fio2", "0.2", "", 20.0),
    Line("FiO2 0.19 without a unit", "fio2", "0.19", "", OUT),
    Line("FiO2 2 without a unit", "fio2", "2", "", OUT),
    Line("FiO2 0", "fio2", "0", "%", OUT),
    # Pressure
    Line("kilopascal", "systolic_bp", "12", "kPa", 12 * 7.500617),
    Line("mmHg", "mean_arterial_pressure", "65", "mmHg", 65.0),
    Line("no unit is the canonical one", "systolic_bp", "85", "", 85.0),
    Line("a word that means no unit", "systolic_bp", "85", "unknown", 85.0),
    Line("blanks", "systolic_bp", " 85 ", "  ", 85.0),
    Line("zero is a flushed line", "systolic_bp", "0", "mm[Hg]", OUT),
    Line("a unit of something else", "systolic_bp", "85", "Cel", NO_UNIT),
    Line("a unit that is none", "systolic_bp", "85", "bananas", NO_UNIT),
    # Rates
    Line("per minute", "norepinephrine", "8", "ug/min", 8.0),
    Line("mcg", "norepinephrine", "8", "mcg/min", 8.0),
    Line("shouted", "norepinephrine", "8", "MCG/MIN", 8.0),
    Line("per hour", "norepinephrine", "0.3", "mg/h", 5.0),
    Line("per kg, by the weight", "norepinephrine", "0.1", "mcg/kg/min", 7.0, WEIGHT_70),
    Line("per kg without a weight: running at an unknown rate", "norepinephrine", "0.1", "ug/kg/min", None),
    Line("per kg at 0 needs no weight: it is a stop", "norepinephrine", "0", "ug/kg/min", 0.0),
    Line("no unit is ug/min", "norepinephrine", "8", "", 8.0),
    Line("no rate: unknown", "norepinephrine", "", "", None),
    Line("mL/h tells no dose: running at an unknown rate", "norepinephrine", "12", "mL/h", None),
    Line("0 mL/h is a stop all the same", "norepinephrine", "0", "mL/h", 0.0),
    Line("an amount tells no rate", "norepinephrine", "4", "mg", None),
    Line("a unit that is none, of a drug", "norepinephrine", "8", "bananas", NO_UNIT),
    Line("dopamine is per kg", "dopamine", "5", "ug/kg/min", 5.0),
    Line("dopamine in ug/min, by the weight", "dopamine", "700", "ug/min", 10.0, WEIGHT_70),
    Line("dopamine in ug/min without a weight", "dopamine", "700", "ug/min", None),
    Line("vasopressin per hour", "vasopressin", "2.4", "units/hr", 0.04),
    Line("vasopressin per minute", "vasopressin", "0.04", "U/min", 0.04),
    Line("vasopressin 2.4 without a unit is over its bound", "vasopressin", "2.4", "", OUT),
    Line("angiotensin II", "angiotensin_ii", "20", "ng/kg/min", 20.0),
    Line("a negative rate", "norepinephrine", "-1", "ug/min", OUT),
    # Which weight
    Line(
        "the latest weight before",
        "norepinephrine",
        "1",
        "ug/kg/min",
        60.0,
        ("-9 weight 50 kg", "-1 weight 60 kg", "12 weight 90 kg"),
    ),
    Line(
        "the weight of its instant",
        "norepinephrine",
        "1",
        "ug/kg/min",
        60.0,
        ("-1 weight 50 kg", "10 weight 60 kg"),
    ),
    Line(
        "else the first after",
        "norepinephrine",
        "1",
        "ug/kg/min",
        90.0,
        ("12 weight 90 kg", "20 weight 80 kg"),
    ),
    Line(
        "of two weights at one instant the higher",
        "norepinephrine",
        "1",
        "ug/kg/min",
        70.0,
        ("1 weight 70 kg", "1 weight 60 kg"),
    ),
    Line(
        "a weight from years before counts",
        "norepinephrine",
        "1",
        "ug/kg/min",
        50.0,
        ("-20000 weight 50 kg",),
    ),
    Line(
        "a weight in pounds", "norepinephrine", "1", "ug/kg/min", 154 * 0.45359237, ("1 weight 154 [lb_av]",)
    ),
    Line("a weight in lbs", "norepinephrine", "1", "ug/kg/min", 154 * 0.45359237, ("1 weight 154 lbs",)),
    Line("a weight out of bounds is none", "norepinephrine", "1", "ug/kg/min", None, ("1 weight 700 kg",)),
    # Other things that are no number
    Line("a measurement without a value", "body_temperature", "", "Cel", "no_value"),
    Line("not a number", "body_temperature", "NaN", "Cel", "not_a_number"),
    Line("infinity", "body_temperature", "inf", "Cel", "not_a_number"),
    Line("minus infinity, of a drug", "norepinephrine", "-Infinity", "", "not_a_number"),
    Line("a word", "body_temperature", "warm", "Cel", "not_a_number"),
    Line("a flow in mL/min", "inhaled_o2_flow", "2000", "mL/min", 2.0),
    Line("spO2 as a fraction", "spo2", "0.93", "", 93.0),
    Line("a percentage of neutrophils is no count", "neutrophils", "60", "%", NO_UNIT),
    Line("our layout without a unit is canonical", "neutrophils", "2", "", 2.0),
]


def stamp(hour: float) -> str:
    """A time so many hours after the first day, however far."""
    import datetime as dt

    return (dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour)).isoformat()


def outcomes(folder: Path, lines: list[Line]) -> tuple[dict[str, Any], Result]:
    """Grade all lines at once, each as a subject of its own with CAR-T; what came of each, by name."""
    events: list[str] = []
    place_of: dict[int, str] = {}
    for subject, line in enumerate(lines, 1):
        events.append(f"{subject},{stamp(10)},{line.signal},{line.value},{line.unit},,")
        place_of[len(events)] = line.name
        for other in line.others:
            hour, signal, value, unit = other.split()
            events.append(f"{subject},{stamp(float(hour))},{signal},{value},{unit},,")
    therapies = [f"{subject},{stamp(0)},car_t," for subject in range(1, len(lines) + 1)]
    result = graded(csv_folder(folder, events, therapies))
    found: dict[str, Any] = {}
    for event in result.events.to_pylist():
        if event["event_id"] in place_of:
            found[place_of[event["event_id"]]] = event["numeric_value"]
    for row in result.quarantine.to_pylist():
        if row["row"] in place_of:
            found[place_of[row["row"]]] = row["reason"]
    return found, result


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each line."""
    return outcomes(tmp_path_factory.mktemp("values"), LINES)[0]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_value_and_unit(found: dict[str, Any], line: Line) -> None:
    if isinstance(line.expected, float):
        assert found[line.name] == pytest.approx(line.expected, rel=1e-9)
    else:
        assert found[line.name] == line.expected


def test_101_3_fahrenheit_is_fever_and_100_3_is_not(tmp_path: Path) -> None:
    """The figure is converted first and compared unrounded."""
    lines = [
        f"{n},{stamp(1)},body_temperature,{value},[degF],," for n, value in enumerate(("100.4", "100.3"), 1)
    ]
    result = graded(csv_folder(tmp_path, lines, [f"{n},{stamp(0)},car_t," for n in (1, 2)]))
    assert result.episodes["subject_id"].to_pylist() == [1]


def _bounds() -> list[Line]:
    """Every signal with bounds: at each, and a little beyond it."""
    lines: list[Line] = []
    for row in signals():
        if not row.numeric:
            continue
        for name, bound, beyond in (("least", row.hard_min, -math.inf), ("most", row.hard_max, math.inf)):
            if bound is not None:
                over = math.nextafter(bound, beyond)
                lines.append(Line(f"{row.name}: {name}", row.name, repr(bound), row.unit, float(bound)))
                lines.append(Line(f"{row.name}: beyond the {name}", row.name, repr(over), row.unit, OUT))
    return lines


def test_hard_bounds_hold_and_nothing_beyond_them(tmp_path: Path) -> None:
    lines = _bounds()
    found, _ = outcomes(tmp_path, lines)
    assert len(lines) > 300
    assert {line.name: found[line.name] for line in lines} == {line.name: line.expected for line in lines}


def test_assumed_units_are_counted_where_a_value_was_read(tmp_path: Path) -> None:
    lines = [
        Line("no unit", "systolic_bp", "85", "", 85.0),
        Line("a word for no unit", "systolic_bp", "86", "N/A", 86.0),
        Line("a unit", "systolic_bp", "87", "mmHg", 87.0),
        Line("no unit, no rate", "norepinephrine", "", "", None),
        Line("no unit, out of bounds", "fio2", "2", "", OUT),
        Line("no unit, a rate", "norepinephrine", "5", "", 5.0),
    ]
    _, result = outcomes(tmp_path, lines)
    assert result.run["assumed_units"] == {"norepinephrine": 1, "systolic_bp": 2}

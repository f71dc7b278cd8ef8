"""Units: every spelling that is accepted, what it converts to, and what the size of a value tells."""

import pytest

from tocsin.knowledge.signals import Reading, Unit, blank_units, signals, unit_readings, units

TABLE = {(row.signal, row.spelling): row for row in units()}


def convert(signal: str, value: float, spelling: str) -> float:
    row = TABLE[signal, spelling]
    assert row.weight_op == "none"
    return value * row.factor + row.offset


def test_every_numeric_signal_has_its_own_unit_and_no_other_has_any() -> None:
    own = {(row.name, row.unit) for row in signals() if row.numeric}
    assert {(row.signal, row.unit) for row in units()} >= own
    assert {row.signal for row in units()} == {name for name, _ in own}
    assert all(TABLE[key].factor == 1 and TABLE[key].offset == 0 for key in own)
    assert all(TABLE[key].weight_op == "none" for key in own)


def test_a_spelling_means_one_thing_and_is_trimmed() -> None:
    assert len(TABLE) == len(units())
    assert all(spelling == spelling.strip() != "" for _, spelling in TABLE)
    assert not blank_units() & {spelling for _, spelling in TABLE}


@pytest.mark.parametrize(
    ("signal", "value", "spelling", "canonical"),
    [
        ("body_temperature", 100.4, "[degF]", 38.0),
        ("body_temperature", 100.4, "°F", 38.0),
        ("body_temperature", 38.0, "Deg. C", 38.0),
        ("body_temperature", 311.15, "K", 38.0),
        ("systolic_bp", 12.0, "kPa", 90.0074),
        ("systolic_bp", 90.0, "mmHg", 90.0),
        ("fio2", 0.4, "{fraction}", 40.0),
        ("inhaled_o2_flow", 6000.0, "mL/min", 6.0),
        ("inhaled_o2_flow", 6.0, "LPM", 6.0),
        ("norepinephrine", 1.2, "mg/h", 20.0),
        ("norepinephrine", 20.0, "mcg/min", 20.0),
        ("norepinephrine", 20.0, "μg/min", 20.0),
        ("vasopressin", 2.4, "units/hour", 0.04),
        ("vasopressin", 40.0, "mU/min", 0.04),
        ("weight", 220.46226218, "lbs", 100.0),
        ("height", 70.0, "Inch", 177.8),
        ("crp", 1.0, "mg/dL", 10.0),
        ("platelets", 50.0, "K/uL", 50.0),
        ("platelets", 50000.0, "/mm3", 50.0),
    ],
)
def test_conversion(signal: str, value: float, spelling: str, canonical: float) -> None:
    assert convert(signal, value, spelling) == pytest.approx(canonical, rel=1e-5)


@pytest.mark.parametrize("tenths", range(950, 1100))
def test_fahrenheit_falls_on_the_right_side_of_the_threshold(tenths: int) -> None:
    assert (convert("body_temperature", tenths / 10, "[degF]") >= 38.0) == (tenths >= 1004)


@pytest.mark.parametrize(("value", "spelling"), [(1200.0, "ug/h"), (1.2, "mg/h"), (0.02, "mg/min")])
def test_a_rate_at_the_high_dose_cut_off_stays_there(value: float, spelling: str) -> None:
    assert convert("norepinephrine", value, spelling) >= 20
    assert convert("norepinephrine", value * 0.999, spelling) < 20


@pytest.mark.parametrize(
    ("signal", "spelling", "operation"),
    [
        ("norepinephrine", "mcg/kg/min", "multiply"),
        ("norepinephrine", "ug/min", "none"),
        ("dopamine", "mcg/kg/min", "none"),
        ("dopamine", "mcg/min", "divide"),
        ("angiotensin_ii", "ng/min", "divide"),
        ("iv_fluid_bolus", "mL/kg", "multiply"),
    ],
)
def test_weight_enters_where_the_canonical_unit_asks_for_it(
    signal: str, spelling: str, operation: str
) -> None:
    assert TABLE[signal, spelling].weight_op == operation


@pytest.mark.parametrize(
    ("signal", "spelling"),
    [
        ("norepinephrine", "mL/h"),  # needs a concentration
        ("d_dimer", "ng/mL"),  # neither FEU nor DDU
        ("neutrophils", "%"),
        ("il6", "U/mL"),
        ("il2_receptor", "pg/mL"),
        ("fio2", "torr"),
        ("body_temperature", "mmHg"),
    ],
)
def test_units_that_are_not_guessed(signal: str, spelling: str) -> None:
    assert (signal, spelling) not in TABLE


def test_only_safe_upper_case() -> None:
    mega = [row for row in units() if row.spelling.startswith(("MU/", "MIU/", "M[IU]/"))]
    assert mega == []


def read_as(signal: str, unit: str, value: float) -> str | None:
    found = [r for r in unit_readings() if r.signal == signal and r.unit == unit and r.low <= value <= r.high]
    assert len(found) <= 1
    return found[0].read_as if found else None


@pytest.mark.parametrize(
    ("signal", "unit", "value", "expected"),
    [
        ("body_temperature", "", 24.9, None),
        ("body_temperature", "", 25.0, "Cel"),
        ("body_temperature", "", 45.0, "Cel"),
        ("body_temperature", "", 45.1, None),
        ("body_temperature", "", 49.9, None),
        ("body_temperature", "", 50.0, "[degF]"),
        ("body_temperature", "", 113.0, "[degF]"),
        ("body_temperature", "", 113.1, None),
        ("body_temperature", "Cel", 99.0, None),
        ("spo2", "", 1.0, "{fraction}"),
        ("spo2", "", 1.1, None),
        ("spo2", "%", 0.97, None),
        ("fio2", "", 0.19, None),
        ("fio2", "", 0.2, "{fraction}"),
        ("fio2", "%", 0.4, "{fraction}"),
        ("fio2", "%", 1.0, "{fraction}"),
        ("fio2", "%", 1.01, None),
        ("fio2", "%", 40.0, None),
        ("calcium_ionized", "", 1.99, "mmol/L"),
        ("calcium_ionized", "", 2.0, None),
    ],
)
def test_the_size_of_a_value_tells_its_unit(
    signal: str, unit: str, value: float, expected: str | None
) -> None:
    assert read_as(signal, unit, value) == expected


@pytest.mark.parametrize(
    "row", unit_readings(), ids=lambda row: f"{row.signal} {row.unit or 'none'} {row.low:g}"
)
def test_readings_name_units_of_their_signal(row: Reading) -> None:
    known = {unit.unit for unit in units() if unit.signal == row.signal}
    assert row.read_as in known
    assert row.unit in known | {""}
    assert row.low < row.high


def test_spellings_of_one_unit_agree() -> None:
    factors: dict[tuple[str, str], set[tuple[float, float, str]]] = {}
    row: Unit
    for row in units():
        factors.setdefault((row.signal, row.unit), set()).add((row.factor, row.offset, row.weight_op))
    assert all(len(found) == 1 for found in factors.values())

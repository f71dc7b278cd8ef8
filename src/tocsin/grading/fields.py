"""The fields of a snapshot as people write them: what each accepts, and the error that says so."""

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from tocsin.errors import UserError
from tocsin.knowledge.causes import read_cause
from tocsin.knowledge.codes import device_words
from tocsin.knowledge.icans import icans_number, score_bounds, words_of
from tocsin.knowledge.signals import signal, unit_readings
from tocsin.knowledge.timeline import defaults
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE

Reader = Callable[[str, Any], Any]

NOT_KNOWN = "unknown"
# These bear on an answer but are no finding: alone they ask for none.
NOT_A_FINDING = frozenset({"cause", "age_years"})
MOST_VASOPRESSORS = 10  # a typing error beyond; not a clinical limit
OLDEST_YEARS = 130.0
_PERCENT_PER_FRACTION = 100.0
_YES_NO = MappingProxyType(
    {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
)


class FieldError(UserError):
    """A value that a field cannot have. `problem` says what is allowed."""

    def __init__(self, field: str, value: object, problem: str) -> None:
        super().__init__(f"{field} = {shown(value)}: {problem}")
        self.field = field
        self.value = value
        self.problem = problem


def shown(value: object) -> str:
    """A value as the user wrote it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def read_field(field: str, value: Any, readers: Mapping[str, Reader]) -> Any:
    """The value of a field as its snapshot keeps it; the word `unknown` is None."""
    if isinstance(value, str):
        value = value.strip()
        if value.lower() in ("", NOT_KNOWN):
            return None
    return None if value is None else readers[field](field, value)


def checked_temperature(field: str, value: float) -> float:
    """A temperature in Celsius inside the hard bounds of the signal."""
    numbers = defaults()
    if numbers.looks_like_fahrenheit_min <= value <= numbers.looks_like_fahrenheit_max:
        hint = f"is this Fahrenheit? give it in Celsius: {value:g} F is {(value - 32) / 1.8:.1f} Cel"
        raise FieldError(field, value, hint)
    return _inside(field, value, "body_temperature")


def checked_flow(field: str, value: float) -> float:
    """An oxygen flow inside the hard bounds of the signal."""
    return _inside(field, value, "inhaled_o2_flow")


def checked_fio2(field: str, value: float) -> float:
    """An FiO2 in percent; a fraction is read as one."""
    for reading in unit_readings():
        if reading.signal == "fio2" and reading.unit == "%" and reading.low <= value <= reading.high:
            return value * _PERCENT_PER_FRACTION
    return _inside(field, value, "fio2")


def checked_count(field: str, value: float) -> int:
    """A whole number of vasopressors."""
    return int(_whole(field, value, 0, MOST_VASOPRESSORS))


def checked_age(field: str, value: float) -> float:
    """An age in years."""
    if not 0 <= value <= OLDEST_YEARS:
        raise FieldError(field, value, f"must be 0 to {OLDEST_YEARS:g} years")
    return value


def checked_score(score: str, field: str, value: float) -> int:
    """A whole number inside the range of a test."""
    return int(_whole(field, value, *score_bounds(score)))


def _inside(field: str, value: float, name: str) -> float:
    row = signal(name)
    low, high = row.hard_min, row.hard_max
    if not ((low is None or value >= low) and (high is None or value <= high)):
        raise FieldError(field, value, f"must be {low:g} to {high:g} {row.unit}")
    return value


def _whole(field: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high or value != int(value):
        raise FieldError(field, value, f"must be a whole number from {low:g} to {high:g}")
    return value


def _number(check: Callable[[str, float], Any], field: str, value: Any) -> Any:
    """A number, then what its field allows. A comma is refused: it may be a decimal or a thousand."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        comma = "write a decimal point, not a comma" if "," in str(value) else "must be a number"
        raise FieldError(field, value, f"{comma}, or leave it empty") from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise FieldError(field, value, "must be a number, or leave it empty")
    return check(field, number)


def _yes_no(field: str, value: Any) -> bool:
    known = _YES_NO.get(str(value).lower())
    if known is None:
        raise FieldError(field, value, "must be yes, no or unknown")
    return known


def _device(field: str, value: Any) -> str:
    word = device_words().get(str(value).lower())
    if word is None or not word.value:
        raise FieldError(field, value, f"must be none or one of {', '.join(OXYGEN_DEVICE)}")
    return word.value


def _cause(field: str, value: Any) -> str:
    try:
        return read_cause(str(value)).id
    except UserError as error:
        raise FieldError(field, value, error.message) from None


def read_word(domain: str, field: str, value: Any) -> str:
    """A level, a kind of seizure or of oedema."""
    words = words_of(domain)
    if str(value).lower() not in words:
        raise FieldError(field, value, f"must be one of {', '.join(dict.fromkeys(words.values()))}")
    return words[str(value).lower()]


def _seizure(field: str, value: Any) -> str:
    """A kind of seizure, or its minutes."""
    try:
        minutes = float(value)
    except (TypeError, ValueError):
        return read_word("seizure", field, value)
    if isinstance(value, bool) or not math.isfinite(minutes) or minutes < 0:
        raise FieldError(field, value, "must be none, brief, prolonged, yes or its minutes")
    if minutes == 0:
        return "none"
    return "prolonged" if minutes > icans_number("seizure_brief_max_min") else "brief"


@cache
def crs_readers() -> Mapping[str, Reader]:
    """How each field of a CRS snapshot is read, in the order of the columns."""
    return MappingProxyType(
        {
            "temp_c": partial(_number, checked_temperature),
            "fever_attributed_to_crs": _yes_no,
            "antipyretic_or_anticytokine_given": _yes_no,
            "hypotension": _yes_no,
            "fluids_only": _yes_no,
            "fluids_repeated": _yes_no,
            "n_vasopressors_excl_vasopressin": partial(_number, checked_count),
            "vasopressin": _yes_no,
            "high_dose_pressor": _yes_no,
            "vasopressor_24h": _yes_no,
            "oxygen_device": _device,
            "o2_flow_lpm": partial(_number, checked_flow),
            "fio2_pct": partial(_number, checked_fio2),
            "intubated_for_airway_only": _yes_no,
            "cause": _cause,
            "death_due_to_crs": _yes_no,
        }
    )


@cache
def icans_readers() -> Mapping[str, Reader]:
    """How each field of a neurotoxicity snapshot is read."""
    return MappingProxyType(
        {
            "age_years": partial(_number, checked_age),
            "ice": partial(_number, partial(checked_score, "ice")),
            "capd": partial(_number, partial(checked_score, "capd")),
            "cartox10": partial(_number, partial(checked_score, "cartox10")),
            "consciousness": partial(read_word, "consciousness"),
            "seizure": _seizure,
            "motor_weakness": _yes_no,
            "oedema": partial(read_word, "oedema"),
            "death_due_to_icans": _yes_no,
        }
    )

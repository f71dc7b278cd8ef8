"""What a clinician may enter: words of attribution, severity and response, and findings by the name of their signal."""

from functools import cache
from typing import Any, Final

from tocsin.events.conversions import WEIGHT_NONE, conversion_of
from tocsin.knowledge.codes import device_words
from tocsin.knowledge.signals import signal, signal_ids
from tocsin.knowledge.vocabulary import ATTRIBUTION, OXYGEN_DEVICE
from tocsin.service.errors import Problem
from tocsin.service.store import Annotation

WORD: Final = "attribution"
_SYSTEM: Final = "urn:tocsin:signal"
_DEVICE: Final = "oxygen_device"
_GUIDANCE: Final = ("severity:severe", "severity:mild", "response:improving", "response:not_improving")
WORDS: Final = (*ATTRIBUTION, *_GUIDANCE)


@cache
def findings() -> tuple[str, ...]:
    """Return the signals that a clinician may enter: what is measured or scored, and the oxygen device."""
    kinds = ("measurement", "score", "device")
    return tuple(
        name
        for name in signal_ids()
        if signal(name).kind in kinds and (signal(name).numeric or name == _DEVICE)
    )


def checked_finding(kind: str, value: str, unit: str) -> tuple[str, str, str]:
    """Return kind, value and unit as they are kept. Raises Problem for a word or a finding that there is not."""
    if kind == WORD:
        if value not in WORDS:
            raise Problem(422, "invalid", f"word: write one of {', '.join(WORDS)}")
        return kind, value, ""
    if kind not in findings():
        raise Problem(422, "invalid", f"signal: write one of {', '.join(findings())}")
    if kind == _DEVICE:
        word = device_words().get(value.strip().casefold())
        if word is None or word.value not in OXYGEN_DEVICE:
            raise Problem(422, "invalid", f"value: write one of {', '.join(OXYGEN_DEVICE)}")
        return kind, word.value, ""
    unit = unit.strip() or signal(kind).unit
    return kind, _number(kind, value, unit), unit


def _number(kind: str, value: str, unit: str) -> str:
    """Return a number as it is kept, in the unit it was written in: one that could not be used is not taken."""
    row, conversion = signal(kind), conversion_of(signal(kind), unit, frozenset())
    if conversion is None or conversion.weight_op != WEIGHT_NONE:
        raise Problem(422, "invalid", f"unit: {kind} is in {row.unit}; write that, or leave it out")
    try:
        number = float(value)
    except ValueError:
        raise Problem(422, "invalid", f"value: {kind} is a number in {unit}") from None
    canonical = number * conversion.factor + conversion.offset
    if not (row.hard_min is None or canonical >= row.hard_min) or not (
        row.hard_max is None or canonical <= row.hard_max
    ):
        raise Problem(422, "invalid", f"value: {kind} is {row.hard_min:g} to {row.hard_max:g} {row.unit}")
    return repr(number)


def as_observation(annotation: Annotation, place: int) -> dict[str, Any]:
    """Return a finding as the Observation that is graded with the record."""
    said: dict[str, Any] = {"valueString": annotation.value}
    if annotation.kind != _DEVICE:
        said = {
            "valueQuantity": {
                "value": float(annotation.value),
                "unit": annotation.unit,
                "code": annotation.unit,
            }
        }
    return {
        "resourceType": "Observation",
        "id": f"entered-{place + 1}",
        "status": "final",
        "code": {"coding": [{"system": _SYSTEM, "code": annotation.kind}]},
        "subject": {"reference": f"Patient/{annotation.patient}"},
        "effectiveDateTime": annotation.time.isoformat(),
        **said,
    }

"""Where each resource type keeps its times, its code, its status: both readers follow this table."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from tocsin.knowledge.codes import statuses
from tocsin.sources.settings import Settings

ERROR: Final = "entered-in-error"
NO_INTEREST: Final = "no_interest_type"


@dataclass(frozen=True, slots=True)
class Shape:
    """A resource type that becomes rows with a code.

    A path is `field`, `field.part`, or `field.part[1]`, the first of several. `ends` belong to the periods
    among `times`. `concepts` are CodeableConcepts; where none is given, `reference` leads to another resource
    that has one. `known` is when the record was made available. `dosage` is where a drug keeps dose, rate, route.
    """

    kind: str
    times: tuple[str, ...]
    ends: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ("code",)
    reference: str | None = None
    status: str = "status"
    known: str | None = None
    dosage: str | None = None


# First the time that is a moment, then the start of a period; for a Condition, when it was written down.
SHAPES: Final = MappingProxyType(
    {
        shape.kind: shape
        for shape in (
            Shape(
                "Observation",
                (
                    "effectiveDateTime",
                    "effectiveInstant",
                    "effectivePeriod.start",
                    "effectiveTiming.event[1]",
                ),
                ("effectivePeriod.end",),
                known="issued",
            ),
            Shape(
                "MedicationAdministration",
                ("effectiveDateTime", "effectivePeriod.start"),
                ("effectivePeriod.end",),
                ("medicationCodeableConcept",),
                "medicationReference",
                dosage="dosage",
            ),
            Shape(
                "MedicationRequest",
                ("authoredOn",),
                concepts=("medicationCodeableConcept",),
                reference="medicationReference",
                dosage="dosageInstruction",
            ),
            Shape(
                "MedicationStatement",
                ("effectiveDateTime", "effectivePeriod.start"),
                ("effectivePeriod.end",),
                ("medicationCodeableConcept",),
                "medicationReference",
            ),
            Shape("Procedure", ("performedDateTime", "performedPeriod.start"), ("performedPeriod.end",)),
            Shape(
                "DeviceUseStatement",
                ("timingDateTime", "timingPeriod.start", "timingTiming.event[1]"),
                ("timingPeriod.end",),
                ("device.concept",),
                "device",
            ),
            Shape(
                "Condition",
                ("onsetDateTime", "onsetPeriod.start", "recordedDate"),
                status="verificationStatus.coding[1].code",
            ),
        )
    }
)
# Read for who or what they describe; in themselves they say nothing of the course.
BACKGROUND: Final = ("Patient", "Medication", "Device", "Encounter")
KINDS: Final = frozenset((*SHAPES, *BACKGROUND))  # of these a repetition is a duplicate
# Where a Medication and a Device keep their code.
NAMED: Final = MappingProxyType({"Medication": "code", "Device": "type"})


def kind_fate(kind: str, settings: Settings) -> str | None:
    """Why no resource of a type counts, or None: that a drug is ordered or taken at home is not given."""
    if kind == "MedicationStatement" or (kind == "MedicationRequest" and not settings.orders_count):
        return "order"
    if kind in BACKGROUND:
        return "no_clinical_content"
    return None if kind in SHAPES else NO_INTEREST


@cache
def status_fate(kind: str, status: str | None) -> str | None:
    """Why a resource with this status does not count, or None. A status FHIR lacks is `unknown`."""
    table, word = statuses(), (status or "unknown").strip().lower()
    if word == ERROR:
        return "entered_in_error"
    value = table.get((kind, word)) or table.get((kind, "unknown"), "happened")
    return None if value == "happened" else value


def status_fates(kind: str) -> dict[str, str | None]:
    """`status_fate` of every status that knowledge has of a resource type; any other is as None."""
    known = [status for record, status in statuses() if record == kind]
    return {status: status_fate(kind, status) for status in dict.fromkeys((*known, ERROR))}


def place_of(path: str) -> str:
    """The path as reports name it."""
    return path.replace("[1]", "")

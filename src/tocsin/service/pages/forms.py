"""The form of a clinician: what a record cannot say, and what nobody charted; each entry is kept, none is changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.knowledge.signals import signal
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE
from tocsin.report.labels import device_name, drug_name, quantity
from tocsin.service.errors import Problem
from tocsin.service.findings import WORD, checked_finding
from tocsin.service.pages.fields import Field, Group, measured
from tocsin.service.pages.worksheet import read_worksheet
from tocsin.service.store import Annotation

MOST: Final = 100  # letters of a name
ICE: Final = "ice_score"


def _choice(name: str, label: str, *options: tuple[str, str]) -> Field:
    return Field(name, label, (("", "nothing to say"), *((f"{name}:{word}", text) for word, text in options)))


_CRS_OR_OTHER: Final = (("crs", "due to CRS"), ("other", "due to something else"))
GROUPS: Final = (
    Group(
        "What it is due to",
        (
            _choice("fever", "The fever", *_CRS_OR_OTHER),
            _choice("hypotension", "The low pressure", *_CRS_OR_OTHER),
            _choice("hypoxia", "The oxygen need", *_CRS_OR_OTHER),
            _choice(
                "vasopressin",
                "Vasopressin",
                ("for_hypotension", "for low pressure"),
                ("not_for_hypotension", "not for it"),
            ),
            _choice(
                "intubation",
                "Reason for the tube",
                ("airway_only", "the airway alone"),
                ("hypoxia", "hypoxia"),
            ),
        ),
    ),
    Group(
        "How it is judged",
        (
            _choice("severity", "Grade 2 is managed as", ("severe", "severe"), ("mild", "mild")),
            _choice(
                "response",
                "Response to treatment",
                ("improving", "improving"),
                ("not_improving", "not improving"),
            ),
        ),
    ),
    Group(
        "What was found",
        (
            measured(ICE, "ICE score, 0 to 10", ICE),
            measured("capd_score", "CAPD score, under 12 years", "capd_score"),
            Field(
                "oxygen_device",
                "Oxygen device",
                (
                    ("", "nothing to say"),
                    *((one, device_name(one)) for one in OXYGEN_DEVICE),
                ),
            ),
            measured("inhaled_o2_flow", "Oxygen flow", "inhaled_o2_flow", "0.5"),
            measured("fio2", "FiO2", "fio2"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one sending of the form says."""

    time: datetime | None
    findings: tuple[tuple[str, str, str], ...]  # kind, value, unit


def read_form(form: Mapping[str, str], zone: ZoneInfo) -> Said:
    """Return what was filled in. Raises Problem (422) for a value that cannot be, and for a form with nothing in it."""
    findings = tuple(_findings(form))
    if not findings:
        raise Problem(422, "invalid", "nothing was filled in: choose or write at least one thing")
    return Said(_time(form.get("time", ""), zone), findings)


def _findings(form: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    said = {**form, ICE: _ice(form)}
    for group in GROUPS:
        for entry in group.fields:
            value = said.get(entry.name, "").strip()
            if value:
                is_word = bool(entry.options) and ":" in value
                yield checked_finding(WORD if is_word else entry.name, value, "")


def _ice(form: Mapping[str, str]) -> str:
    """Return the ICE score as it was written, or as its points make it."""
    sheet = read_worksheet(form)
    if sheet.words and sheet.score is None:
        raise Problem(
            422,
            "invalid",
            f"ICE: {sheet.left} of its points were not asked, and what was not asked is not zero; ask them, or clear the points",
        )
    return sheet.agreed(form.get(ICE, "").strip())


def _time(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the instant from which it holds, on the clocks of the ward; None for now."""
    if not text.strip():
        return None
    try:
        said = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Problem(
            422, "invalid", "time: write date and clock, such as 2026-02-12T20:00, or leave it empty"
        ) from None
    return said if said.tzinfo else said.replace(tzinfo=zone)


def annotation_words(one: Annotation) -> str:
    """Return what was said, in words."""
    if one.kind != WORD:
        unit = signal(one.kind).unit
        value = device_name(one.value) if one.kind == "oxygen_device" else quantity(float(one.value), unit)
        return f"{drug_name(one.kind)}: {value}"
    for group in GROUPS:
        for entry in group.fields:
            for value, text in entry.options:
                if value == one.value:
                    return f"{entry.label}: {text}"
    return one.value

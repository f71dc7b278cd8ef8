"""The calculator: one moment of a patient by hand, every scale side by side, its whole state in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from tocsin.errors import UserError
from tocsin.grading.calc import calc
from tocsin.grading.fields import MOST_VASOPRESSORS, NOT_A_FINDING, OLDEST_YEARS, FieldError
from tocsin.grading.icans import LABEL
from tocsin.grading.words import label
from tocsin.knowledge.causes import causes
from tocsin.knowledge.icans import icans_scales, score_bounds, words_of
from tocsin.knowledge.scales import scales
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE
from tocsin.report.labels import device_name
from tocsin.service.access import User, require
from tocsin.service.errors import Problem
from tocsin.service.pages import worksheet
from tocsin.service.pages.fields import YES_NO, Field, Group, measured
from tocsin.service.pages.render import page

router = APIRouter()
Reader = Annotated[User, Depends(require("read"))]
_UNSEEN: Final = "not assessed: "  # so a neurological scale begins what nobody looked at
# What is shown without asking; the other scales stand below, folded.
_FIRST: Final = ("astct", "ctcae5", "ctcae6", "lee2014", "icans", "icans_ctcae6")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one scale says, or that nothing it weighs was said."""

    scale: str
    name: str
    first: bool
    said: dict[str, Any] | None

    @property
    def asks(self) -> list[tuple[str, list[str]]]:
        """What it asks for under which head: what would settle it, and what was not looked at."""
        found: dict[str, list[str]] = {}
        for one in self.said["settled_by"] if self.said else ():
            unseen = one.removeprefix(_UNSEEN)
            names = found.setdefault("To settle it" if unseen == one else "Not assessed", [])
            names += [one] if unseen == one else unseen.split(", ")
        return list(found.items())


def _scored(name: str, text: str) -> Field:
    low, high = score_bounds(name)
    return Field(name, text, unit=f"of {high:g}", low=low, high=high)


def _worded(name: str, text: str) -> Field:
    values = dict.fromkeys(words_of(name).values())
    return Field(name, text, (("", "not known"), *((value, value.replace("_", " ")) for value in values)))


def _asked(name: str, text: str, hint: str = "") -> Field:
    return Field(name, text, YES_NO, hint=hint)


_COUNTED: Final = Field(
    "n_vasopressors_excl_vasopressin",
    "Vasopressors running",
    low=0,
    high=MOST_VASOPRESSORS,
    hint="vasopressin not counted",
)


@cache
def groups() -> tuple[Group, ...]:
    """Return the form."""
    devices = (("", "not known"), *((device, device_name(device)) for device in OXYGEN_DEVICE))
    of = (("", "not said"), *((cause.id, cause.name) for cause in causes()))
    return (
        Group(
            "Fever",
            (
                measured("temp_c", "Temperature now", "body_temperature", "0.1"),
                _asked("fever_attributed_to_crs", "The fever of this course is due to CRS"),
                _asked("antipyretic_or_anticytokine_given", "A drug that may hide fever was given"),
            ),
        ),
        Group(
            "Pressure",
            (
                _asked("hypotension", "Low pressure, or support for it"),
                _asked("fluids_only", "Treated with fluid and nothing else"),
                _asked("fluids_repeated", "Two boluses or more in 24 h"),
                _COUNTED,
                _asked("vasopressin", "Vasopressin runs"),
                _asked("high_dose_pressor", "High dose by Lee 2014, for 3 h or longer"),
                _asked("vasopressor_24h", "A vasopressor for 24 h or longer"),
            ),
        ),
        Group(
            "Oxygen",
            (
                Field("oxygen_device", "Device", devices),
                measured("o2_flow_lpm", "Flow", "inhaled_o2_flow", "0.5"),
                measured("fio2_pct", "FiO2", "fio2", "1"),
                _asked("intubated_for_airway_only", "A tube for the airway, not for hypoxia"),
            ),
        ),
        Group(
            "Neurotoxicity",
            (
                Field(
                    "age_years",
                    "Age",
                    unit="years",
                    low=0,
                    high=OLDEST_YEARS,
                    hint="decides between ICE and CAPD",
                ),
                _scored("ice", "ICE score"),
                _scored("capd", "CAPD score"),
                _worded("consciousness", "Consciousness"),
                _worded("seizure", "Seizure"),
                _asked("motor_weakness", "Deep focal weakness"),
                _worded("oedema", "Cerebral oedema"),
                _scored("cartox10", "CARTOX-10"),
            ),
        ),
        Group(
            "Other",
            (
                Field("cause", "Cause", of),
                _asked("death_due_to_crs", "Died of CRS"),
                _asked("death_due_to_icans", "Died of ICANS"),
            ),
        ),
    )


@cache
def _names() -> dict[str, str]:
    """Return how each scale is called, the first ones first."""
    names = {scale.id: label(scale) for scale in scales()} | {
        scale.id: LABEL[scale.id] for scale in icans_scales()
    }
    return {id: names[id] for id in (*_FIRST, *(id for id in names if id not in _FIRST))}


@cache
def settling() -> dict[str, str]:
    """Return what a field is called where it would settle a grade: as it is in the form."""
    return {field.name: field.label for group in groups() for field in group.fields}


def said_in(request: Request) -> dict[str, str]:
    """Return what the address says; what is not known is left out, fields that there are not too."""
    known = {*worksheet.points(), *(field.name for group in groups() for field in group.fields)}
    return {name: value for name, value in request.query_params.items() if name in known and value.strip()}


def findings_in(said: Mapping[str, str]) -> dict[str, str]:
    """Return the findings; the points of the ICE are its score once all are answered.

    Raises Problem when they make another score than the one that was written.
    """
    found = {name: value for name, value in said.items() if name not in worksheet.points()}
    score = worksheet.read_worksheet(said).agreed(found.get(worksheet.SCORE, ""))
    return found | ({worksheet.SCORE: score} if score else {})


def _answered(findings: Mapping[str, str]) -> dict[str, Any]:
    return calc(**findings) if findings.keys() - NOT_A_FINDING else {}


@router.get("/calculator")
async def calculator(request: Request, user: Reader) -> Response:
    """Return the calculator with the answers for the findings in the address."""
    del user
    said = said_in(request)
    found: dict[str, Any] = {}
    message, wrong = "", ""
    try:
        findings = findings_in(said)
        said |= findings
        found = _answered(findings)
    except FieldError as error:
        message, wrong = error.message, error.field
    except Problem as problem:
        message, wrong = problem.message, worksheet.SCORE
    except UserError as error:
        message = error.message
    answers = [Answer(id, name, id in _FIRST, found.get(id)) for id, name in _names().items()]
    return page(
        "calculator.html",
        request,
        groups=groups(),
        said=said,
        answers=answers,
        message=message,
        wrong=wrong,
        settling=settling(),
        beside=NOT_A_FINDING,
        link=f"/calculator?{urlencode(said)}" if said else "/calculator",
        worksheet=worksheet.shown(said, worksheet.SCORE),
    )

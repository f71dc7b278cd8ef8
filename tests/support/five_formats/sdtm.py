"""A course as SDTM datasets: DM, EX, CM, PR, VS, LB, QS, DS and AE, in the wall clock of the site."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.reference import Event
from tests.support.five_formats.course import (
    INFUSIONS,
    READINGS,
    Course,
    code,
    is_of_day,
    round_per_kg,
    therapy,
    wall,
)
from tests.support.sdtm import vital, write_study
from tocsin.knowledge.signals import signal

Row = dict[str, Any]
Study = defaultdict[str, list[Row]]
UNITS = {"Cel": "C", "mm[Hg]": "mmHg", "[IU]/min": "U/min", "ng/kg/min": "ng/kg/min"}
DEVICES = {
    "room_air": "ROOM AIR",
    "blow_by": "BLOW-BY",
    "high_flow_nasal_cannula": "HIGH FLOW NASAL CANNULA",
    "simple_face_mask": "SIMPLE FACE MASK",
    "venturi_mask": "VENTURI MASK",
    "non_rebreather": "NON-REBREATHER MASK",
    "nasal_cannula": "NASAL CANNULA",
    "cpap": "CPAP",
    "bipap": "BIPAP",
    "invasive_ventilation": "MECHANICAL VENTILATION",
    "ecmo": "ECMO",
}
THERAPIES = {
    "axicabtagene_ciloleucel": (200, "10^6 CELLS"),
    "blinatumomab": (28, "ug"),
    "teclistamab": (105, "mg"),
}


def write_sdtm(encoding: str, folder: Path, courses: Sequence[Course]) -> int:
    """Write a study in one encoding; return how many rows, a device with its flow being two."""
    study: Study = defaultdict(list)
    for course in courses:
        _add_person(study, course)
        for event in course.events:
            _add(study, course, event)
        for event in course.refused:
            study["cm"].append(
                {**_treatment("CM", event, event.signal.upper()), "CMOCCUR": "N", "CMPRESP": "Y"}
            )
    write_study(folder, study, encoding)
    return sum(map(len, study.values())) + sum(row["PRDOSE"] is not None for row in study["pr"])


write_xpt = partial(write_sdtm, "xpt")
write_dataset_json = partial(write_sdtm, "json")


def name(number: int) -> str:
    """The unique subject id."""
    return f"MADEUP-{number:04d}"


def _moment(time: int | None) -> str | None:
    """An ISO 8601 time without a zone, to the minute where the seconds are none; of a death known to the day, the date."""
    if time is None:
        return None
    when = wall(time)
    if is_of_day(time):
        return when.date().isoformat()
    return when.isoformat(timespec="auto" if when.second or when.microsecond else "minutes")


def _add_person(study: Study, course: Course) -> None:
    """The subject; who died has it here, in DS, and, where CRS was the cause, as a fatal adverse event."""
    who = {"USUBJID": name(course.number)}
    first = min(event.time for event in course.of("index_therapy"))
    died = _moment(next((event.time for event in course.of("death")), None))
    born = None if course.birth is None else course.birth.isoformat()
    study["dm"].append(
        {**who, "SUBJID": f"{course.number:04d}", "RFSTDTC": _moment(first), "BRTHDTC": born, "SEX": course.sex,
         "DTHDTC": died, "DTHFL": "Y" if died else None}
    )  # fmt: skip
    if died:
        study["ds"].append({**who, "DSTERM": "Death", "DSDECOD": "DEATH", "DSSTDTC": died})


def _add(study: Study, course: Course, event: Event) -> None:
    """Add the row of one event to its dataset."""
    if event.signal == "crp":
        study["lb"].append(_finding("LB", "CRP", event, event.value, "mg/L"))
    elif event.signal == "inhaled_o2_flow":
        if not _on_device(course, event):
            study["cm"].append(
                {**_treatment("CM", event, "OXYGEN"), "CMDOSE": event.value, "CMDOSU": "L/min"}
            )
    elif event.signal in READINGS:
        test, unit = code(event.signal, "SDTM").partition("=")[2], signal(event.signal).unit
        study["vs"].append(
            vital(test, _moment(event.time), event.value, UNITS.get(unit, unit), name(course.number))
        )
    elif event.signal == "ice_score":
        study["qs"].append(_finding("QS", "ICETOT", event, event.value, None))
    elif event.signal == "index_therapy":
        product = therapy(event)[1]
        dose, unit = THERAPIES[product]
        row = _treatment("EX", event, product.replace("_", " ").upper())
        study["ex"].append({**row, "EXDOSE": dose, "EXDOSU": unit})
    elif event.signal == "oxygen_device":
        flow = next(
            (one.value for one in course.of("inhaled_o2_flow") if _on_device(course, one) is event), None
        )
        row = _treatment("PR", event, DEVICES[str(event.text)])
        study["pr"].append({**row, "PRDOSE": flow, "PRDOSU": None if flow is None else "L/min"})
    elif event.signal == "death" and event.text == "crs":
        study["ae"].append(_fatal(event))
    elif event.signal not in ("death", "attribution"):
        study["cm"].append(_drug(course, event))


def _on_device(course: Course, flow: Event) -> Event | None:
    """The first device that was put on at the instant at which its only flow was charted."""
    flows = [event for event in course.of("inhaled_o2_flow") if event.time == flow.time]
    started = [event for event in course.of("oxygen_device") if event.time == flow.time]
    return started[0] if started and len(flows) == 1 else None


def _finding(domain: str, test: str, event: Event, value: float | None, unit: str | None) -> Row:
    said = {
        "TESTCD": test,
        "ORRES": f"{value:g}",
        "ORRESU": unit,
        "STRESN": value,
        "STRESU": unit,
        "DTC": _moment(event.time),
    }
    return {"USUBJID": name(event.subject_id), **{domain + column: cell for column, cell in said.items()}}


def _treatment(domain: str, event: Event, called: str) -> Row:
    said = {"TRT": called, "DECOD": called, "STDTC": _moment(event.time), "ENDTC": _moment(event.end)}
    return {"USUBJID": name(event.subject_id), **{domain + column: cell for column, cell in said.items()}}


def _drug(course: Course, event: Event) -> Row:
    """A drug, fluid or infusion: its dose is a rate where the unit is one."""
    called = {"iv_fluid_bolus": "SODIUM CHLORIDE"}.get(event.signal, event.signal.replace("_", " ").upper())
    unit, dose = signal(event.signal).unit, event.value
    round_rate = round_per_kg(course, event) if event.signal in INFUSIONS else None
    if unit == "ug/min" and round_rate is not None:
        unit, dose = "ug/kg/min", round_rate
    said = None if dose is None else UNITS.get(unit, unit)
    return {**_treatment("CM", event, called), "CMDOSE": dose, "CMDOSU": said, "CMROUTE": "INTRAVENOUS"}


def _fatal(event: Event) -> Row:
    """CRS that ended in death; where it began is for the grader to find."""
    when = _moment(event.time)
    term = "Cytokine release syndrome"
    return {"USUBJID": name(event.subject_id), "AETERM": term, "AEDECOD": term, "AESTDTC": when, "AEENDTC": when,
            "AEOUT": "FATAL", "AESDTH": "Y"}  # fmt: skip

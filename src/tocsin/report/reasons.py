"""Why a row has its grade, in words: "Grade 3 (ASTCT): one vasopressor. Norepinephrine 8 ug/min since 14:05." """

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from tocsin.engines.queries import question_of
from tocsin.grading import sets
from tocsin.grading.words import head, label, recalled_note
from tocsin.knowledge.scales import HypotensionRow, OxygenRow, Scale, scale
from tocsin.report.course import Evidence
from tocsin.report.labels import at, device_name, drug_name, quantity, since

Line = dict[str, Any]
_AXES: Final = ("hypotension", "dose_band", "run_24h", "oxygen", "fio2_band", "airway_tube")
_HYPOTENSION: Final = MappingProxyType(
    {
        "untreated": "low pressure, no treatment of it on record",
        "fluids": "hypotension, fluid alone",
        "fluids_repeated": "hypotension, repeated boluses",
        "vasopressin_alone": "vasopressin alone",
        "one": "one vasopressor",
        "one_plus_vasopressin": "one vasopressor and vasopressin",
        "multiple": "two or more vasopressors",
    }
)
_OXYGEN: Final = MappingProxyType(
    {
        "low_flow": "low-flow oxygen",
        "cannula_flow_unknown": "nasal cannula, flow not recorded",
        "high_flow_at_low_flow": "high-flow cannula at a low flow",
        "high_flow": "high-flow oxygen",
        "mask": "oxygen by mask",
        "device_unknown": "oxygen, device not recorded",
        "positive_pressure": "positive pressure",
        "ventilator": "ventilator",
    }
)
_DOSE: Final = MappingProxyType({"low": "low dose", "high": "high dose", "unknown": "dose not recorded"})
_FIO2: Final = MappingProxyType(
    {"below_40": "FiO2 under 40 %", "at_least_40": "FiO2 of 40 % or more", "unknown": "FiO2 not recorded"}
)


def grade_rows(row: Line, of: Scale) -> tuple[tuple[HypotensionRow, ...], tuple[OxygenRow, ...]]:
    """Return the rows of a scale's two tables that the grade of a row rests on."""
    return _cells_of(of.id, *(row[column] for column in _AXES))


@lru_cache(maxsize=4096)
def _cells_of(
    id: str,
    circulation: str,
    band: str | None,
    run_24h: bool | None,
    breathing: str,
    fio2: str | None,
    tube: bool,
) -> tuple[tuple[HypotensionRow, ...], tuple[OxygenRow, ...]]:
    of = scale(id)
    hypotension = tuple(
        cell
        for cell in of.hypotension_rows(circulation, band)
        if cell.run_24h is None or run_24h is None or cell.run_24h == run_24h
    )
    oxygen = of.oxygen_rows(breathing, fio2)
    h = of.hypotension_grades(circulation, band, run_24h)
    o = of.oxygen_grades(breathing, fio2, tube)
    return hypotension if sets.counts(h, o) else (), oxygen if sets.counts(o, h) else ()


def is_recalled(row: Line, id: str) -> bool:
    """Return whether the grade of a row on a scale rests on a cell that was written down from memory."""
    if row["closing"] and row["driver"] != "death":
        return False
    return any(cell.confidence == "recalled" for cells in grade_rows(row, scale(id)) for cell in cells)


def why(row: Line, before: Line | None, id: str, evidence: Sequence[Evidence], aside: Sequence[str]) -> str:
    """Return the reason for the grade of a row on a scale, what is new since the row before, and the records behind it."""
    of, bits = scale(id), int(row[f"{id}_set"])
    if row["driver"] == "death":
        return f"{head(bits, label(of))}: {_death(bits)}."
    if row["closing"]:
        return "Resolved: no fever, no hypotension and no oxygen need for as long as it takes to end the episode."
    hypotension, oxygen = grade_rows(row, of)
    signs = [*_circulation(row, hypotension), *_breathing(row, oxygen), *_organs(row, of)]
    said = signs or [_fever(row, bits, aside)]
    parts = (
        f"{head(bits, label(of))}: {'; '.join(said)}.",
        *_open(bits, hypotension, oxygen),
        f"Laid to another cause than CRS: {', '.join(aside)}." if aside else "",
        *_news(row, before or row),
        rests_on_text(evidence, row["time"]),
        recalled_note(cell.confidence for cell in (*hypotension, *oxygen)),
    )
    return " ".join(filter(None, parts))


def _news(row: Line, before: Line) -> list[str]:
    """Return what changed that the categories do not say."""

    def now(column: str, *values: Any) -> bool:
        return row[column] != before[column] and row[column] in values

    said = {
        "From here on fever is waived: a drug that may hide it was given.": now("fever_waived", True),
        "Fever again.": now("fever", True),
        "No fever any more.": now("fever", False),
        "A vasopressor has run for 24 h without a break.": now("run_24h", True),
        "The dose is now high by the cut-offs of Lee 2014.": now("dose_band", "high"),
        "The dose is now low by the cut-offs of Lee 2014.": now("dose_band", "low")
        and before["dose_band"] is not None,
        "FiO2 now under 40 %.": now("fio2_band", "below_40"),
        "FiO2 now 40 % or more.": now("fio2_band", "at_least_40"),
    }
    return [text for text, is_so in said.items() if is_so]


def _death(bits: int) -> str:
    if bits == sets.DEATH:
        return "death due to CRS"
    return "death, the cause not recorded" if bits & sets.DEATH else "death from another cause"


def _circulation(row: Line, cells: Sequence[HypotensionRow]) -> list[str]:
    """Return what the circulation needs, as far as the scale looks at it."""
    if not cells or row["hypotension"] == "none":
        return []
    dose = [_DOSE[row["dose_band"]]] if row["dose_band"] and any(cell.dose_band for cell in cells) else []
    by_run = row["run_24h"] is not None and any(cell.run_24h is not None for cell in cells)
    run = [("for 24 h or longer" if row["run_24h"] else "for under 24 h")] if by_run else []
    return [", ".join([_HYPOTENSION[row["hypotension"]], *dose, *run])]


def _breathing(row: Line, cells: Sequence[OxygenRow]) -> list[str]:
    """Return what oxygen is needed, as far as the scale looks at it."""
    tube = ["a tube for the airway alone"] if row["airway_tube"] and cells else []
    if not cells or row["oxygen"] == "none":
        return tube
    by_fio2 = (
        row["fio2_band"]
        and (row["fio2_band"] != "unknown" or len(cells) > 1)
        and any(cell.fio2_band for cell in cells)
    )
    fio2 = [_FIO2[row["fio2_band"]]] if by_fio2 else []
    return [", ".join([_OXYGEN[row["oxygen"]], *fio2]), *tube]


def _organs(row: Line, of: Scale) -> list[str]:
    """Return that a laboratory value raised the set, where it is more than the two axes and fever make."""
    h = of.hypotension_grades(row["hypotension"], row["dose_band"], row["run_24h"])
    o = of.oxygen_grades(row["oxygen"], row["fio2_band"], row["airway_tube"])
    waived = bool(row["fever_waived"])
    axes = sets.in_episode(sets.worse_of(h, o), fever=bool(row["fever"]), waived=waived, gate=of.fever_gate)
    raised = "organ_toxicity" in row["flags"] and axes != int(row[f"{of.id}_set"])
    return ["organ toxicity, a laboratory value graded by CTCAE"] if raised else []


def _fever(row: Line, bits: int, aside: Sequence[str]) -> str:
    if row["fever"]:
        return "fever, no hypotension, no oxygen need"
    if "fever" in aside:
        return "fever is laid to another cause"
    waived = row["fever_waived"] or not bits & sets.ZERO
    return (
        "no fever now: masked by a drug, or resolving"
        if waived
        else "the fever left without a drug that hides it"
    )


def _open(bits: int, hypotension: Sequence[HypotensionRow], oxygen: Sequence[OxygenRow]) -> list[str]:
    """Return why the scale itself leaves a row open."""
    if sets.decided(bits) is not None:
        return []
    cells = [cell for cell in (*hypotension, *oxygen) if sets.decided(cell.grades) is None]
    return list(dict.fromkeys(cell.why for cell in cells))


def settled_by(row: Line, id: str) -> str:
    """Return what to ask so that an undecided row can be decided; nothing for a decided one."""
    if row["closing"] or sets.decided(int(row[f"{id}_set"])) is not None:
        return ""
    return question_of(row, id)


def rests_on_text(evidence: Sequence[Evidence], now: datetime) -> str:
    """Return the records in words: "Norepinephrine 8 ug/min since 14:05; fever 39.1 °C at 12:30." """
    said = "; ".join(_record(one, now) for one in evidence)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _record(one: Evidence, now: datetime) -> str:
    value = "" if one.value is None else quantity(one.value, one.unit)
    if one.part == "fever":
        return f"fever {value} {at(one.time, now)}"
    if one.part == "vasopressor":
        return f"{drug_name(one.signal)} {value or 'at a rate not recorded'} {since(one.time, now)}"
    if one.signal == "oxygen_device":
        detail = f", now {one.detail}" if one.detail else ""
        return f"{device_name(one.text or '')} {since(one.since, now)}{detail}"
    return f"{drug_name(one.signal).removesuffix(' bp')} {value} {at(one.time, now)}"

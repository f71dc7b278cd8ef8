"""The reason of a grade in words: "Grade 3 (ASTCT): one vasopressor." """

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from tocsin.grading import sets
from tocsin.grading.findings import Snapshot, circulations, signs_of_oxygen
from tocsin.knowledge.scales import HypotensionRow, OxygenRow, Scale
from tocsin.knowledge.timeline import defaults

LABEL: Final = MappingProxyType(
    {
        "astct": "ASTCT",
        "ctcae4": "CTCAE v{version}",
        "ctcae5": "CTCAE v{version}",
        "ctcae6": "CTCAE v{version}",
        "lee2014": "Lee {version}",
        "penn": "Penn",
        "mskcc": "MSKCC",
        "cartox": "CARTOX",
    }
)
NOT_RECORDED: Final = MappingProxyType(
    {
        "temp_c": "temperature",
        "fever_attributed_to_crs": "cause of the fever",
        "antipyretic_or_anticytokine_given": "drugs that hide fever",
        "hypotension": "hypotension",
        "fluids_only": "fluid for it",
        "fluids_repeated": "number of boluses",
        "n_vasopressors_excl_vasopressin": "number of vasopressors",
        "vasopressin": "vasopressin",
        "high_dose_pressor": "vasopressor dose",
        "vasopressor_24h": "hours on a vasopressor",
        "oxygen_device": "oxygen device",
        "o2_flow_lpm": "flow",
        "fio2_pct": "FiO2",
        "intubated_for_airway_only": "reason for a tube",
        "death_due_to_crs": "cause of death",
    }
)
DEVICE: Final = MappingProxyType(
    {
        "nasal_cannula": "nasal cannula",
        "blow_by": "blow-by oxygen",
        "high_flow_nasal_cannula": "high-flow nasal cannula",
        "simple_face_mask": "face mask",
        "venturi_mask": "Venturi mask",
        "non_rebreather": "non-rebreather mask",
        "cpap": "CPAP",
        "bipap": "BiPAP",
        "invasive_ventilation": "ventilated",
        "ecmo": "ECMO",
    }
)
NUMBER: Final = MappingProxyType({1: "one", 2: "two", 3: "three", 4: "four", 5: "five"})


def why(
    scale: Scale,
    s: Snapshot,
    bits: int,
    open_fields: tuple[str, ...],
    hypotension: tuple[HypotensionRow, ...],
    oxygen: tuple[OxygenRow, ...],
) -> str:
    """The reason for a set of grades; `hypotension` and `oxygen` are the rows that it rests on."""
    rows = (*hypotension, *oxygen)
    signs = list(filter(None, (_circulation(s, hypotension), _breathing(scale, s, oxygen))))
    said = "; ".join([*signs, *_fever(scale, s, bits, bool(signs))])
    missing = not_recorded(open_fields, NOT_RECORDED)
    text = ("; " if ";" in said else ", ").join(filter(None, (said, missing)))
    undecided = sets.decided(bits) is None
    unsettled = undecided and not open_fields
    open_texts = [row.why for row in rows if unsettled and sets.decided(row.grades) is None]
    if undecided and oxygen and s.intubated_for_airway_only and scale.airway_tube_adds:
        open_texts.append("The scale does not say whether a tube for the airway alone counts.")
    organs = "Organ toxicity not weighed." if scale.organ_toxicity and not s.death_due_to_crs else ""
    tail = [*dict.fromkeys(open_texts), organs, recalled_note(row.confidence for row in rows)]
    return " ".join(filter(None, (f"{head(bits, label(scale))}: {text}.", *tail)))


def label(scale: Scale) -> str:
    """The short name of a scale."""
    return LABEL[scale.id].format(version=scale.version)


def head(bits: int, name: str) -> str:
    """How a reason starts."""
    grade = sets.decided(bits)
    return f"Undecided, {sets.in_words(bits)}" if grade is None else f"Grade {grade} ({name})"


def not_recorded(open_fields: Iterable[str], names: MappingProxyType[str, str]) -> str:
    """What is missing: "flow and FiO2 not recorded"."""
    words = [names[field] for field in open_fields]
    listed = " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
    return f"{listed} not recorded" if listed else ""


def recalled_note(confidences: Iterable[str]) -> str:
    """A warning where a row was not re-read."""
    return "Rests on a row that is recalled, not re-read." if "recalled" in confidences else ""


def _circulation(s: Snapshot, rows: tuple[HypotensionRow, ...]) -> str:
    """What is known of the circulation, where the grade rests on it."""
    count = s.n_vasopressors_excl_vasopressin
    if not rows:
        return ""
    if count:
        agents = f"{NUMBER.get(count, str(count))} vasopressor{'s' if count > 1 else ''}"
        agents += " and vasopressin" if s.vasopressin else ""
        return ", ".join(filter(None, (agents, _dose(s, rows), _run(s, rows))))
    if {world.category for world in circulations(s)} == {"vasopressin_alone"}:
        return "vasopressin alone"
    return _fluid(s) if s.hypotension else ""


def _fluid(s: Snapshot) -> str:
    if s.fluids_only:
        return "hypotension, repeated boluses" if s.fluids_repeated else "hypotension, fluid alone"
    return "hypotension, not treated" if s.fluids_only is False else "hypotension"


def _dose(s: Snapshot, rows: tuple[HypotensionRow, ...]) -> str:
    if s.high_dose_pressor is None or not any(row.dose_band for row in rows):
        return ""
    return "high dose" if s.high_dose_pressor else "low dose"


def _run(s: Snapshot, rows: tuple[HypotensionRow, ...]) -> str:
    if s.vasopressor_24h is None or all(row.run_24h is None for row in rows):
        return ""
    hours = f"{defaults().run_long_h:g} h"
    return f"{hours} or longer" if s.vasopressor_24h else f"under {hours}"


def _breathing(scale: Scale, s: Snapshot, rows: tuple[OxygenRow, ...]) -> str:
    """What is known of the oxygen need, where the grade rests on it."""
    tube = "a tube for the airway alone" if s.intubated_for_airway_only and scale.airway_tube_adds else ""
    if not rows:
        return ""
    device = DEVICE.get(s.oxygen_device or "", "oxygen" if signs_of_oxygen(s) else "")
    flow = "" if s.o2_flow_lpm is None else f" at {s.o2_flow_lpm:g} L/min"
    by_fio2 = s.fio2_pct is not None and any(row.fio2_band for row in rows)
    parts = (f"{device}{flow}" if device else "", f"FiO2 {s.fio2_pct:g} %" if by_fio2 else "")
    return "; ".join(filter(None, (", ".join(filter(None, parts)), tube)))


def _fever(scale: Scale, s: Snapshot, bits: int, on_axes: bool) -> list[str]:
    """What fever and death have to do with it."""
    if s.death_due_to_crs:
        return ["death due to CRS"]
    if s.fever_attributed_to_crs is False:
        return _not_attributed(scale, bits, on_axes)
    if s.temp_c is None:
        return [] if on_axes else _nothing_else(s)
    if s.temp_c >= defaults().fever_threshold_cel:
        return [] if on_axes else [f"fever {s.temp_c} °C", *_nothing_else(s)]
    return _without_fever(scale, s, bits, on_axes)


def _not_attributed(scale: Scale, bits: int, on_axes: bool) -> list[str]:
    if scale.fever_gate or bits == sets.ZERO:
        return ["no fever due to CRS"]
    if on_axes:
        return ["no fever due to CRS, which leaves the rest open"]
    return ["no fever, which grade 1 does not ask for"]


def _without_fever(scale: Scale, s: Snapshot, bits: int, on_axes: bool) -> list[str]:
    if not bits & sets.ZERO:
        return []
    if scale.fever_gate and s.antipyretic_or_anticytokine_given is False:
        return ["fever gone without a drug that hides it"]
    return ["no fever now, masked or resolving"]


def _nothing_else(s: Snapshot) -> list[str]:
    """The two signs that are known to be absent."""
    quiet = {world.category for world in circulations(s)} == {"none"}
    return ["no hypotension"] * quiet + ["no oxygen"] * (s.oxygen_device == "room_air")

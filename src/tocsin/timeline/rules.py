"""Turns knowledge into the arrays that the compiled timeline reads."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tocsin.knowledge.drugs import fever_mask, glucocorticoids
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.scales import GradeTables, grade_tables
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.timeline import Timeline
from tocsin.timeline import layout
from tocsin.timeline.layout import Rules, Therapies, parameter_fields, rules_dtype

_ROLES = {
    "body_temperature": layout.TEMPERATURE,
    "systolic_bp": layout.SYSTOLIC,
    "diastolic_bp": layout.DIASTOLIC,
    "mean_arterial_pressure": layout.MEAN,
    "iv_fluid_bolus": layout.BOLUS,
    "oxygen_device": layout.DEVICE,
    "inhaled_o2_flow": layout.FLOW,
    "fio2": layout.FIO2,
    "index_therapy": layout.THERAPY,
    "attribution": layout.ATTRIBUTED,
    "death": layout.DEATH,
    **{agent: layout.INFUSION + place for place, agent in enumerate(layout.AGENTS)},
}


def numbers_of(numbers: Timeline) -> dict[str, int | float]:
    """Return every number under its name here; times in whole microseconds."""
    found: dict[str, int | float] = {}
    for key, name, _, factor in parameter_fields():
        found[name] = round(getattr(numbers, key) * factor) if factor > 1 else getattr(numbers, key)
    return found


def _marks(names: Iterable[str]) -> NDArray[np.bool_]:
    """Return [signal] which of them are named."""
    marks = np.zeros(len(signal_ids()), np.bool_)
    for name in names:
        marks[signal_ids()[name]] = True
    return marks


def _mask_doses(numbers: Timeline) -> NDArray[np.float64]:
    """Return [signal] the dose from which a drug masks fever: NaN never, -inf at any or an unknown dose."""
    doses = np.where(_marks(fever_mask()), -np.inf, np.nan)
    doses[signal_ids()["aspirin"]] = numbers.aspirin_min_mg
    return doses


def build_rules(numbers: Timeline, tables: GradeTables) -> Rules:
    """Return all that the timeline needs to know, as arrays."""
    role = np.zeros(len(signal_ids()), np.int8)
    for name, code in (*_ROLES.items(), *((name, layout.THERAPY) for name in therapy_signals())):
        role[signal_ids()[name]] = code
    return Rules(
        numbers=numbers_of(numbers),
        role=role,
        mask_from=_mask_doses(numbers),
        is_tocilizumab=_marks(["tocilizumab"]),
        is_glucocorticoid=_marks(glucocorticoids()),
        hypotension_table=tables.hypotension,
        oxygen_table=tables.oxygen,
        fever_gate=tables.fever_gate,
        record_scale=tables.record_scale,
    )


@lru_cache(maxsize=16)
def rules_of(numbers: Timeline) -> Rules:
    """Return the same with our own tables, made once and not to be written to: at the bedside each patient asks anew."""
    return build_rules(numbers, grade_tables())


def rules_record(rules: Rules, therapies: Therapies) -> NDArray[np.void]:
    """Return rules and therapies as the one record that the compiled code reads."""
    record = np.zeros(1, rules_dtype(len(rules.role), _room_for(len(therapies.cause))))
    for name, value in rules.numbers.items():
        record[name] = value
    for name in Rules._fields[1:]:
        record[name][0] = getattr(rules, name)
    for name in Therapies._fields:
        record[f"therapy_{name}"][0, : len(therapies.cause)] = getattr(therapies, name)
    return record.view(np.recarray)


def _room_for(therapies: int) -> int:
    """Return a room that stays the same from run to run: another size would be compiled anew."""
    room = 256
    while room < therapies:
        room *= 2
    return room

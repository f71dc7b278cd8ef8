"""A snapshot of any state has the set that the timeline reads from its lookup arrays."""

from itertools import product
from typing import Any

import pytest

from tocsin.grading.snapshot import Snapshot, grade_sets
from tocsin.knowledge.scales import grade_tables, scales
from tocsin.knowledge.vocabulary import FIO2_BAND, HYPOTENSION, OXYGEN
from tocsin.timeline.rows import grade_set, worse_of

NOT_RUN = {"n_vasopressors_excl_vasopressin": 0, "vasopressin": False}
CIRCULATION: dict[str, dict[str, Any]] = {
    "none": {"hypotension": False, "fluids_only": False, "fluids_repeated": False, **NOT_RUN},
    "untreated": {"hypotension": True, "fluids_only": False, "fluids_repeated": False, **NOT_RUN},
    "fluids": {"hypotension": True, "fluids_only": True, "fluids_repeated": False, **NOT_RUN},
    "fluids_repeated": {"hypotension": True, "fluids_only": True, "fluids_repeated": True, **NOT_RUN},
    "vasopressin_alone": {"hypotension": True, "n_vasopressors_excl_vasopressin": 0, "vasopressin": True},
    "one": {"n_vasopressors_excl_vasopressin": 1, "vasopressin": False},
    "one_plus_vasopressin": {"n_vasopressors_excl_vasopressin": 1, "vasopressin": True},
    "multiple": {"n_vasopressors_excl_vasopressin": 2},
}
BREATHING: dict[str, dict[str, Any]] = {
    "none": {"oxygen_device": "none"},
    "low_flow": {"oxygen_device": "nasal_cannula", "o2_flow_lpm": 6},
    "cannula_flow_unknown": {"oxygen_device": "nasal_cannula"},
    "high_flow_at_low_flow": {"oxygen_device": "hfnc", "o2_flow_lpm": 6},
    "high_flow": {"oxygen_device": "nasal_cannula", "o2_flow_lpm": 6.1},
    "mask": {"oxygen_device": "venturi"},
    "device_unknown": {"o2_flow_lpm": 1},
    "positive_pressure": {"oxygen_device": "cpap"},
    "ventilator": {"oxygen_device": "ecmo"},
}
DOSE = {0: None, 1: False, 2: None, 3: True}  # place in the array: none, low, unknown, high
FIO2 = {1: 39.9, 2: 40, 3: None}
FEVER = list(product((True, False), (True, False)))


def circulations() -> list[tuple[str, int, int, dict[str, Any]]]:
    """Category, place of dose band and run in the array, and the findings that say so."""
    counted = HYPOTENSION[5:]
    return [(name, 0, 0, CIRCULATION[name]) for name in HYPOTENSION if name not in counted] + [
        (name, dose, run, CIRCULATION[name] | {"high_dose_pressor": DOSE[dose], "vasopressor_24h": bool(run)})
        for name, dose, run in product(counted, (1, 2, 3), (0, 1))
    ]


def breathings() -> list[tuple[str, int, int, dict[str, Any]]]:
    """Category, place of FiO2 band and tube in the array, and the findings that say so."""
    given = [(name, band, tube) for name, band, tube in product(OXYGEN[1:], FIO2, (0, 1))]
    return [
        ("none", 0, tube, BREATHING["none"] | {"intubated_for_airway_only": bool(tube)}) for tube in (0, 1)
    ] + [
        (
            name,
            band,
            tube,
            BREATHING[name] | {"fio2_pct": FIO2[band], "intubated_for_airway_only": bool(tube)},
        )
        for name, band, tube in given
    ]


def test_every_state_is_tried() -> None:
    assert set(CIRCULATION) == set(HYPOTENSION)
    assert set(BREATHING) == set(OXYGEN)
    assert len(FIO2) == len(FIO2_BAND)
    assert (len(circulations()), len(breathings())) == (5 + 3 * 3 * 2, 2 + 8 * 3 * 2)


@pytest.mark.parametrize(("fever", "waived"), FEVER)
def test_every_state_has_the_set_of_the_arrays(fever: bool, waived: bool) -> None:
    tables, wrong = grade_tables(), []
    base = {"fever_attributed_to_crs": True, "temp_c": 38.0 if fever else 37.99}
    base["antipyretic_or_anticytokine_given"] = waived
    for (h, dose, run, low), (o, band, tube, lack) in product(circulations(), breathings()):
        found = grade_sets(Snapshot(**base, **low, **lack))
        for scale in scales():
            hypotension = int(tables.hypotension[scale.code, HYPOTENSION.index(h), dose, run])
            oxygen = int(tables.oxygen[scale.code, OXYGEN.index(o), band, tube])
            gate = bool(tables.fever_gate[scale.code])
            assert worse_of(hypotension, oxygen) > 0
            if found[scale.id] != grade_set(hypotension, oxygen, fever, waived, gate):
                wrong.append((scale.id, h, dose, run, o, band, tube))
    assert wrong == []

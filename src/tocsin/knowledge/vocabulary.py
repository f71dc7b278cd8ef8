"""The closed vocabularies of the engine: the position of a word is its code in every array."""

from typing import Final

HYPOTENSION: Final = (
    "none",
    "untreated",
    "fluids",
    "fluids_repeated",
    "vasopressin_alone",
    "one",
    "one_plus_vasopressin",
    "multiple",
)
# In arrays -1 stands for "no counted vasopressor".
DOSE_BAND: Final = ("low", "unknown", "high")
# In order of severity: `highest_oxygen` of an episode is a maximum over it.
OXYGEN: Final = (
    "none",
    "low_flow",
    "cannula_flow_unknown",
    "high_flow_at_low_flow",
    "high_flow",
    "mask",
    "device_unknown",
    "positive_pressure",
    "ventilator",
)
# In arrays -1 stands for "no oxygen given".
FIO2_BAND: Final = ("below_40", "at_least_40", "unknown")
# In order: of two devices charted at one instant the later in this list counts.
OXYGEN_DEVICE: Final = (
    "room_air",
    "nasal_cannula",
    "blow_by",
    "high_flow_nasal_cannula",
    "simple_face_mask",
    "venturi_mask",
    "non_rebreather",
    "cpap",
    "bipap",
    "invasive_ventilation",
    "ecmo",
)
# In arrays -1 stands for "no axis drives the grade" (closing rows).
DRIVER: Final = ("fever", "hypotension", "hypoxia", "both", "death")
SCALES: Final = ("astct", "ctcae4", "ctcae5", "ctcae6", "lee2014", "penn", "mskcc", "cartox")
ATTRIBUTION: Final = (
    "fever:other",
    "fever:crs",
    "hypotension:other",
    "hypotension:crs",
    "hypoxia:other",
    "hypoxia:crs",
    "vasopressin:not_for_hypotension",
    "vasopressin:for_hypotension",
    "intubation:airway_only",
    "intubation:hypoxia",
)
# The order breaks ties between therapies of one instant.
CAUSES: Final = ("car_t", "tcr_t", "haplo_hct", "t_cell_engager", "antibody", "other")
FLAGS: Final = (
    "age_unknown",
    "baseline_support",
    "death_cause_unknown",
    "intubation_reason_unknown",
    "product_unknown",
    "systolic_not_above_diastolic",
    "vasopressin_ignored",
    "organ_toxicity",
)
EPISODE_FLAGS: Final = (*FLAGS, "ongoing_at_last_record", "organ_toxicity_not_assessed")

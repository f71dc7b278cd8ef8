"""The numbers of the compiled timeline are the places of the words in knowledge."""

from dataclasses import fields

import pytest

from tocsin.events.concepts import DEATH_WORDS
from tocsin.knowledge import vocabulary
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.timeline import Timeline, defaults
from tocsin.timeline import layout
from tocsin.timeline.rules import numbers_of

NAMES = {
    "HYPOTENSION": (
        "H_NONE",
        "H_UNTREATED",
        "H_FLUIDS",
        "H_REPEATED",
        "H_VASOPRESSIN",
        "H_ONE",
        "H_ONE_PLUS",
        "H_MULTIPLE",
    ),
    "DOSE_BAND": ("BAND_LOW", "BAND_UNKNOWN", "BAND_HIGH"),
    "OXYGEN": (
        "O_NONE",
        "O_LOW",
        "O_CANNULA_UNKNOWN",
        "O_HIGH_AT_LOW",
        "O_HIGH",
        "O_MASK",
        "O_UNKNOWN",
        "O_PRESSURE",
        "O_VENTILATOR",
    ),
    "FIO2_BAND": ("FIO2_BELOW", "FIO2_AT_LEAST", "FIO2_UNKNOWN"),
    "OXYGEN_DEVICE": (
        "ROOM_AIR",
        "NASAL_CANNULA",
        "BLOW_BY",
        "HIGH_FLOW_CANNULA",
        "SIMPLE_MASK",
        "VENTURI",
        "NON_REBREATHER",
        "CPAP",
        "BIPAP",
        "VENTILATION",
        "ECMO",
    ),
    "DRIVER": (
        "DRIVEN_BY_FEVER",
        "DRIVEN_BY_HYPOTENSION",
        "DRIVEN_BY_HYPOXIA",
        "DRIVEN_BY_BOTH",
        "DRIVEN_BY_DEATH",
    ),
    "ATTRIBUTION": (
        "FEVER_OTHER",
        "FEVER_CRS",
        "HYPOTENSION_OTHER",
        "HYPOTENSION_CRS",
        "HYPOXIA_OTHER",
        "HYPOXIA_CRS",
        "NOT_FOR_HYPOTENSION",
        "FOR_HYPOTENSION",
        "AIRWAY_ONLY",
        "INTUBATED_FOR_HYPOXIA",
    ),
}


@pytest.mark.parametrize("words", NAMES)
def test_codes_are_the_places_of_their_words(words: str) -> None:
    assert [getattr(layout, name) for name in NAMES[words]] == list(range(len(getattr(vocabulary, words))))


def test_flags_are_the_bits_of_their_words() -> None:
    names = (
        "F_AGE_UNKNOWN",
        "F_BASELINE",
        "F_DEATH_CAUSE",
        "F_INTUBATION",
        "F_PRODUCT",
        "F_PRESSURES",
        "F_VASOPRESSIN",
        "F_ORGAN",
    )
    assert [getattr(layout, name) for name in names] == [1 << place for place in range(len(vocabulary.FLAGS))]


def test_deaths_are_known_by_the_same_codes_to_the_door_and_to_the_timeline() -> None:
    assert DEATH_WORDS == {"other": layout.DEATH_OTHER, "": layout.DEATH_NO_TEXT, "crs": layout.DEATH_CRS}


def test_the_agents_are_signals_and_vasopressin_is_not_counted() -> None:
    assert set(layout.AGENTS) <= set(signal_ids())
    assert layout.AGENTS.index("vasopressin") == layout.VASOPRESSIN >= layout.COUNTED


def test_every_number_of_the_timeline_reaches_the_compiled_code() -> None:
    """In whole microseconds where it is a time."""
    found = numbers_of(defaults())
    for key, name, kind, factor in layout.parameter_fields():
        assert found[name] == getattr(defaults(), key) * (factor if kind == "i8" else 1), key
    assert len(found) == len(fields(Timeline))

"""Made-up subjects, biased toward trouble: ties, expiries at the exact instant, overlaps, re-dosing."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from tests.reference import Event

T = TypeVar("T")
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FIRST_DAY = datetime.date(2025, 3, 2)
FIRST_THERAPY = (FIRST_DAY - datetime.date(1970, 1, 1)).days * DAY
FEWEST, MOST = 5, 60

KNOWN_PRODUCTS = frozenset({"axicabtagene_ciloleucel", "teclistamab", "rituximab"})
THERAPIES = (
    "car_t",
    "car_t/axicabtagene_ciloleucel",
    "car_t/zz_unheard_of",
    "tcr_t",
    "haplo_hct",
    "t_cell_engager",
    "t_cell_engager/teclistamab",
    "antibody",
    "antibody/rituximab",
    "antibody/aa_unheard_of",
    "other",
)

NUMBERS: Mapping[str, Sequence[float | None]] = {
    "body_temperature": (36.8, 37.5, 37.95, 37.999, 38.0, 38.0, 38.0, 38.5, 39.4),
    "systolic_bp": (50, 85, 59, 60, 69, 70, 71, 79, 80, 81, 89, 89.9, 90, 91, 120),
    "mean_arterial_pressure": (50, 64, 64.9, 65, 66, 80),
    "diastolic_bp": (40, 60, 89, 90, 120),
    "iv_fluid_bolus": (250, 500),
    "norepinephrine": (0, None, 2, 9.99, 10, 19.99, 20, 30),
    "epinephrine": (0, None, 1, 5, 9.99, 10),
    "phenylephrine": (0, None, 20, 100, 199.99, 200),
    "dopamine": (0, None, 2, 5, 9.99, 10),
    "angiotensin_ii": (0, None, 10, 20),
    "vasopressin": (0, None, 0.01, 0.03, 0.04),
    "inhaled_o2_flow": (0, 1, 2, 5.9, 6, 6.1, 15, 40),
    "fio2": (21, 22, 30, 39, 39.9, 40, 60, 100),
    "acetaminophen": (500,),
    "ibuprofen": (400,),
    "aspirin": (81, 299, 300, None),
    "tocilizumab": (400, 800),
    "siltuximab": (800,),
    "ruxolitinib": (10,),
    "dexamethasone": (10,),
    "hydrocortisone": (100,),
    "milrinone": (0.5,),
    "dobutamine": (5,),
    "levetiracetam": (500,),
    "ice_score": (0, 7, 10),
    "icans": (1, 3),
    "crp": (120,),
    "weight": (70,),
}
WORDS: Mapping[str, Sequence[str | None]] = {
    "oxygen_device": (
        "room_air",
        "room_air",
        "nasal_cannula",
        "nasal_cannula",
        "blow_by",
        "high_flow_nasal_cannula",
        "simple_face_mask",
        "venturi_mask",
        "non_rebreather",
        "cpap",
        "bipap",
        "invasive_ventilation",
        "invasive_ventilation",
        "ecmo",
    ),
    "attribution": (
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
    ),
    "death": ("crs", "other", None),
    "index_therapy": THERAPIES,
}

# Narrower choices of a signal, by the name that a theme calls them.
NARROW: Mapping[str, tuple[str, Sequence[str | None]]] = {
    "tube": ("oxygen_device", ("invasive_ventilation", "invasive_ventilation", "nasal_cannula", "ecmo")),
    "tube_word": ("attribution", ("intubation:airway_only", "intubation:airway_only", "intubation:hypoxia")),
    "hypotension_word": ("attribution", ("hypotension:other", "hypotension:crs")),
    "hypoxia_word": ("attribution", ("hypoxia:other", "hypoxia:crs")),
    "cannula": ("oxygen_device", ("nasal_cannula", "high_flow_nasal_cannula", "room_air")),
    "vasopressin_word": (
        "attribution",
        (
            "vasopressin:not_for_hypotension",
            "vasopressin:for_hypotension",
            "hypotension:other",
            "hypotension:crs",
        ),
    ),
}

PRESSURES = ("systolic_bp", "systolic_bp", "mean_arterial_pressure", "diastolic_bp")
VASOPRESSORS = ("norepinephrine", "epinephrine", "phenylephrine", "dopamine", "angiotensin_ii")
INTERVALS = frozenset((*VASOPRESSORS, "vasopressin", "milrinone", "dobutamine", "oxygen_device"))
MASKING = ("acetaminophen", "ibuprofen", "aspirin", "tocilizumab", "siltuximab", "ruxolitinib")
STEROIDS = ("dexamethasone", "hydrocortisone")
IRRELEVANT = ("milrinone", "dobutamine", "levetiracetam", "ice_score", "icans", "crp", "weight")
CIRCULATION = (
    *PRESSURES,
    "iv_fluid_bolus",
    "iv_fluid_bolus",
    *VASOPRESSORS,
    "norepinephrine",
    "vasopressin",
    "vasopressin",
)
BREATHING = (
    "oxygen_device",
    "oxygen_device",
    "oxygen_device",
    "inhaled_o2_flow",
    "inhaled_o2_flow",
    "fio2",
    "fio2",
)
COMMON = ("body_temperature", "body_temperature", "body_temperature", "attribution", "attribution")

# What one subject is about: a whole mixture is wide, a narrow theme makes the parts meet more often.
TWO_AGENTS = ("norepinephrine", "norepinephrine", "dopamine", "vasopressin")
THEMES: Sequence[Sequence[str]] = (
    (*COMMON, *CIRCULATION, *BREATHING, *MASKING, *STEROIDS, *IRRELEVANT, "index_therapy", "death"),
    (*COMMON, *CIRCULATION, *CIRCULATION, "index_therapy", "tocilizumab"),
    (*COMMON, *BREATHING, *BREATHING, "index_therapy", "dexamethasone"),
    (*TWO_AGENTS, "iv_fluid_bolus", "body_temperature", "attribution", "index_therapy"),
    (
        "vasopressin",
        "vasopressin",
        "norepinephrine",
        "systolic_bp",
        "iv_fluid_bolus",
        "vasopressin_word",
        "death",
    ),
    ("systolic_bp", "mean_arterial_pressure", "iv_fluid_bolus", "iv_fluid_bolus", "body_temperature"),
    ("systolic_bp", "diastolic_bp", "mean_arterial_pressure", "iv_fluid_bolus", "attribution"),
    ("systolic_bp", "systolic_bp", "iv_fluid_bolus", "vasopressin", "hypotension_word"),
    ("oxygen_device", "oxygen_device", "inhaled_o2_flow", "fio2", "index_therapy", "attribution"),
    ("cannula", "cannula", "inhaled_o2_flow", "inhaled_o2_flow", "fio2", "body_temperature", "index_therapy"),
    (
        "tube",
        "tube",
        "tube_word",
        "tube_word",
        "hypoxia_word",
        "cannula",
        "fio2",
        "inhaled_o2_flow",
        "body_temperature",
        "index_therapy",
    ),
    (
        "body_temperature",
        "body_temperature",
        "index_therapy",
        "attribution",
        "death",
        *MASKING,
        "systolic_bp",
    ),
)
LENGTHS = (
    0,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    3 * HOUR,
    6 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    DAY,
    30 * HOUR,
    2 * DAY,
)
LAGS = (None,) * 12 + (0, 3 * HOUR, 6 * HOUR, DAY, DAY)
NUDGES = (0,) * 14 + (1, -1)
EVERY_3_HOURS = range(0, 4 * DAY, 3 * HOUR)
EVERY_6_HOURS = range(0, 7 * DAY, 6 * HOUR)
CORNERS = (-2 * DAY, -DAY, -12 * HOUR, -3 * HOUR, 0, 2 * DAY, 7 * DAY, 14 * DAY, 60 * DAY, 62 * DAY)
# Offsets from the first therapy. Most of one subject's times come from few instants or from many.
CLOSE: Sequence[Sequence[int]] = (
    *(range(0, 36 * HOUR, 3 * HOUR),) * 6,
    range(0, 36 * HOUR, 30 * MINUTE),
    range(0, 4 * DAY, DAY),
)
WIDE: Sequence[Sequence[int]] = (
    *(EVERY_3_HOURS,) * 6,
    *(EVERY_6_HOURS,) * 4,
    *(range(0, 2 * DAY, 30 * MINUTE),) * 3,
    *(range(-2 * DAY, 0, 6 * HOUR),) * 2,
    range(0, 17 * DAY, DAY),
    CORNERS,
)


class Chooser(Protocol):
    """Where choices come from: Hypothesis, or a seeded generator."""

    def pick(self, options: Sequence[T]) -> T:
        """One of some options."""
        ...


class Drawn:
    """Choices of Hypothesis, which can then shrink them."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def pick(self, options: Sequence[T]) -> T:
        """One of some options; the first is the simplest."""
        return options[self.draw(st.integers(0, len(options) - 1))]


class Rolled:
    """Choices of a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def pick(self, options: Sequence[T]) -> T:
        """One of some options."""
        return options[int(self.rng.random() * len(options))]


def a_time(chooser: Chooser, grids: Sequence[Sequence[int]]) -> int:
    """A time after (seldom before) the first therapy, on grids on which holds meet events."""
    return FIRST_THERAPY + chooser.pick(chooser.pick(grids)) + chooser.pick(NUDGES)


def an_event(
    chooser: Chooser, theme: Sequence[str], grids: Sequence[Sequence[int]]
) -> tuple[Event, int | None]:
    """One event of a theme, without an id, and how long after the event before it comes, if that matters."""
    name = chooser.pick(theme)
    signal, words = NARROW.get(name, (name, WORDS.get(name)))
    time = a_time(chooser, grids)
    lag = chooser.pick(LAGS)
    end = None
    if signal in INTERVALS and chooser.pick((False, True)):
        end = time + chooser.pick(LENGTHS)
    if words is not None:
        return Event(1, time, signal, text=chooser.pick(words), end=end), lag
    return Event(1, time, signal, value=chooser.pick(NUMBERS[signal]), end=end), lag


def chained(opening: Sequence[Event], more: Sequence[tuple[Event, int | None]]) -> list[Event]:
    """The opening and what follows; an event with a lag comes so long after the one before it."""
    events = list(opening)
    for event, lag in more:
        shift = 0 if lag is None else events[-1].time + lag - event.time
        end = None if event.end is None else event.end + shift
        events.append(replace(event, time=event.time + shift, end=end))
    return events


def an_opening(chooser: Chooser) -> list[Event]:
    """The first therapy, mostly a fever soon after, and sometimes support that was running before it."""
    opening = [Event(1, FIRST_THERAPY, "index_therapy", text=chooser.pick(THERAPIES))]
    if chooser.pick((True, True, True, True, True, False)):
        fever = FIRST_THERAPY + chooser.pick((6, 0, 3, 12, 24, 48)) * HOUR
        opening.append(Event(1, fever, "body_temperature", value=chooser.pick((38.0, 39.0))))
    if chooser.pick((False, True)):
        low = opening[-1].time + chooser.pick((0, HOUR, 3 * HOUR))
        opening.append(Event(1, low, "systolic_bp", value=50))
    if chooser.pick((False, False, True)):
        opening.extend(chronic_support(chooser))
    return opening


def chronic_support(chooser: Chooser) -> list[Event]:
    """Support that runs into the therapy, some of it from before the window."""
    start = FIRST_THERAPY - chooser.pick((6 * HOUR, 3 * HOUR, 1, DAY, 3 * DAY))
    end = chooser.pick((None, FIRST_THERAPY, FIRST_THERAPY + 6 * HOUR, FIRST_THERAPY + 3 * DAY))
    signal = chooser.pick(("norepinephrine", "dopamine", "vasopressin", "oxygen_device"))
    if signal != "oxygen_device":
        return [Event(1, start, signal, value=chooser.pick(NUMBERS[signal][1:]), end=end)]
    device = chooser.pick(("nasal_cannula", "cpap", "high_flow_nasal_cannula", "invasive_ventilation"))
    values = [
        Event(1, start, name, value=chooser.pick(NUMBERS[name]))
        for name in ("inhaled_o2_flow", "fio2")
        if chooser.pick((False, True))
    ]
    return [Event(1, start, signal, text=device, end=end), *values]


def a_birth(chooser: Chooser) -> datetime.date | None:
    """An adult, nobody knows, or a child some days from an age at which the limit changes."""
    years = chooser.pick((54, 54, None, 1 / 12, 1, 2, 5, 9, 10, 17, 18))
    if years is None:
        return None
    return FIRST_DAY - datetime.timedelta(days=int(years * 365.25) - chooser.pick((0, 1, 3, -1, -2)))


def numbered(events: Sequence[Event], subject_id: int) -> list[Event]:
    """The events of one subject, with ids."""
    return [replace(e, subject_id=subject_id, event_id=i) for i, e in enumerate(events, start=1)]


def random_subject(rng: random.Random, subject_id: int = 1) -> tuple[datetime.date | None, list[Event]]:
    """One subject by a seeded generator: the same biases, much faster, no shrinking."""
    chooser = Rolled(rng)
    birth, opening = a_birth(chooser), an_opening(chooser)
    theme, grids = chooser.pick(THEMES), chooser.pick((CLOSE, WIDE))
    size = rng.randint(FEWEST, MOST)
    more = [an_event(chooser, theme, grids) for _ in range(size - len(opening))]
    return birth, numbered(chained(opening, more), subject_id)


@st.composite
def events_of(
    draw: st.DrawFn, theme: Sequence[str], grids: Sequence[Sequence[int]]
) -> tuple[Event, int | None]:
    """One event of a theme, drawn on its own so that Hypothesis can drop it."""
    return an_event(Drawn(draw), theme, grids)


@st.composite
def subjects(draw: st.DrawFn, subject_id: int = 1) -> tuple[datetime.date | None, list[Event]]:
    """One subject: birth date or None, and 5 to 60 events in any order."""
    chooser = Drawn(draw)
    birth, opening = a_birth(chooser), an_opening(chooser)
    theme, grids = chooser.pick(THEMES), chooser.pick((CLOSE, WIDE))
    # Left alone, Hypothesis draws short lists; the shortest floor comes first so that shrinking finds it.
    fewest = chooser.pick((FEWEST, FEWEST, 15, 30)) - len(opening)
    more = draw(st.lists(events_of(theme, grids), min_size=max(0, fewest), max_size=MOST - len(opening)))
    return birth, numbered(chained(opening, more), subject_id)

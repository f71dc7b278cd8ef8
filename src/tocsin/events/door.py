"""The door: raw values become canonical events here, or are set aside with a reason. Plain Python, compiled by numba."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tocsin.events.conversions import WEIGHT_DIVIDE, WEIGHT_NONE, ConversionTable
from tocsin.jit import compiled

NO_END = np.iinfo(np.int64).min  # an event without an end
MINUTE = 60_000_000

REASONS = (
    "", "no_value", "not_a_number", "ambiguous_unit", "looks_like_fahrenheit", "out_of_bounds", "end_before_start",
    "outside_window", "not_a_bolus", "no_therapy", "charted_as_infusion", "kind", "aside",
)  # fmt: skip
(USED, NO_VALUE, NOT_A_NUMBER, AMBIGUOUS_UNIT, LOOKS_LIKE_FAHRENHEIT, OUT_OF_BOUNDS, END_BEFORE_START,
 OUTSIDE_WINDOW, NOT_A_BOLUS, NO_THERAPY, CHARTED_AS_INFUSION, OF_KIND, ASIDE) = range(len(REASONS))  # fmt: skip
NO_INTEREST = frozenset(
    {OUTSIDE_WINDOW, NOT_A_BOLUS, NO_THERAPY, CHARTED_AS_INFUSION}
)  # the others are quarantined

PLAIN, START, ADMINISTERED = range(
    3
)  # what a concept's rows are: as they stand, the start of a pair, an eMAR row of an infusion


class Concepts(NamedTuple):
    """What each concept (distinct code, unit, route and text of a source) means; the index is the row's `concept`."""

    conversion: NDArray[np.int32]
    category: NDArray[np.int32]
    phase: NDArray[np.int8]
    checks_bolus: NDArray[np.bool_]
    troubled: NDArray[np.bool_]  # the kind itself cannot become an event: its unit or word is unknown
    anytime: NDArray[np.bool_]  # used outside the window too (weight), though no event there


class Spans(NamedTuple):
    """The used time of each subject with a therapy, sorted by subject."""

    subject_id: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


class Weights(NamedTuple):
    """Body weights in kg, sorted by subject and time."""

    subject_id: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]


class Pairs(NamedTuple):
    """Starts with the end that a source keeps in another row, sorted by subject, concept and time."""

    subject_id: NDArray[np.int64]
    concept: NDArray[np.int32]
    time: NDArray[np.int64]
    until: NDArray[np.int64]
    amount: NDArray[np.float64]


class BolusRule(NamedTuple):
    """When a fluid record is a bolus: timeline.md section 1."""

    min_ml: float
    min_ml_per_kg: float
    small_weight_kg: float
    max_time: int


class Doored(NamedTuple):
    """What the door made of each row: canonical value, end, and a reason (USED: an event)."""

    value: NDArray[np.float64]
    end: NDArray[np.int64]
    signal: NDArray[np.int16]
    category: NDArray[np.int32]
    reason: NDArray[np.int8]
    pair: NDArray[np.int32]  # the place of the pair that gave the end, -1: none


def no_weights() -> Weights:
    """Return an empty table of weights."""
    return Weights(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float64))


def no_pairs() -> Pairs:
    """Return an empty table of pairs."""
    none = np.zeros(0, np.int64)
    return Pairs(none, np.zeros(0, np.int32), none, none, np.zeros(0, np.float64))


@compiled
def _convert(table: ConversionTable, place: int, value: float) -> float:
    """Return a value in the canonical unit before any weight; NaN when its size leaves the unit open."""
    for which in range(table.low.shape[1]):
        if table.low[place, which] <= value <= table.high[place, which]:
            return value * table.reading_factor[place, which] + table.reading_offset[place, which]
    if table.only_readings[place]:
        return math.nan
    return value * table.factor[place] + table.offset[place]


@compiled
def _weight_at(weights: Weights, subject_id: int, time: int) -> float:
    """Return the weight known at a time: the latest at or before it, else the first after, NaN when there is none."""
    first = np.searchsorted(weights.subject_id, subject_id)
    last = np.searchsorted(weights.subject_id, subject_id, side="right")
    if first == last:
        return math.nan
    place = first + np.searchsorted(weights.time[first:last], time, side="right")
    return weights.value[max(place - 1, first)]


@compiled
def _value(
    table: ConversionTable, place: int, weights: Weights, subject_id: int, time: int, raw: float
) -> tuple[float, int]:
    """Return the canonical value of a row and why it cannot be an event (USED: it can)."""
    if not table.numeric[place]:
        return math.nan, USED
    if math.isnan(raw):
        return raw, NO_VALUE if table.needs_value[place] else USED
    if math.isinf(raw):
        return raw, NOT_A_NUMBER
    if table.unreadable[place] and raw != 0.0:
        return math.nan, USED
    value = _convert(table, place, raw)
    if math.isnan(value):
        return raw, AMBIGUOUS_UNIT
    if table.weight_op[place] != WEIGHT_NONE and value != 0.0:
        weight = _weight_at(weights, subject_id, time)
        value = value / weight if table.weight_op[place] == WEIGHT_DIVIDE else value * weight
    if value < table.hard_min[place] or value > table.hard_max[place]:
        looks = table.fahrenheit_low[place] <= raw <= table.fahrenheit_high[place]
        return raw, LOOKS_LIKE_FAHRENHEIT if looks else OUT_OF_BOUNDS
    if table.nudge[place] != 0:
        value = np.nextafter(value, math.inf * table.nudge[place])
    return value, USED


@compiled
def _is_bolus(
    rule: BolusRule, weights: Weights, subject_id: int, time: int, until: int, volume: float
) -> bool:
    """Return whether a fluid record is a bolus; without duration or volume it is none."""
    if until == NO_END or until <= time or until - time > rule.max_time or math.isnan(volume):
        return False
    weight = _weight_at(weights, subject_id, time)
    least = rule.min_ml_per_kg * weight if weight < rule.small_weight_kg else rule.min_ml
    return volume >= least


@compiled
def _pair(pairs: Pairs, subject_id: int, concept: int, time: int) -> int:
    """Return the place of the pair that a start row opens, -1 when it has no end."""
    first = np.searchsorted(pairs.subject_id, subject_id)
    last = np.searchsorted(pairs.subject_id, subject_id, side="right")
    begin = first + np.searchsorted(pairs.concept[first:last], concept)
    end = first + np.searchsorted(pairs.concept[first:last], concept, side="right")
    place = begin + np.searchsorted(pairs.time[begin:end], time)
    return int(place) if place < end and pairs.time[place] == time else -1


@compiled
def _charted(pairs: Pairs, concepts: Concepts, table: ConversionTable, subject_id: int, signal: int) -> bool:
    """Return whether the subject's pump records of an agent, with rates and ends, stand in the same source."""
    place = np.searchsorted(pairs.subject_id, subject_id)
    while place < len(pairs.subject_id) and pairs.subject_id[place] == subject_id:
        if table.signal[concepts.conversion[pairs.concept[place]]] == signal:
            return True
        place += 1
    return False


@compiled
def _span(spans: Spans, subject_id: int) -> int:
    """Return the place of a subject's used time, -1 when it has no therapy."""
    place = np.searchsorted(spans.subject_id, subject_id)
    return int(place) if place < len(spans.subject_id) and spans.subject_id[place] == subject_id else -1


def empty_doored(rows: int) -> Doored:
    """Return room for what the door makes of so many rows."""
    return Doored(np.zeros(rows), np.zeros(rows, np.int64), np.zeros(rows, np.int16), np.zeros(rows, np.int32),
        np.zeros(rows, np.int8),
                  np.zeros(rows, np.int32))  # fmt: skip


@compiled
def pass_rows(
    table: ConversionTable,
    concepts: Concepts,
    spans: Spans,
    weights: Weights,
    pairs: Pairs,
    bolus: BolusRule,
    subject_id: NDArray[np.int64],
    time: NDArray[np.int64],
    until: NDArray[np.int64],
    raw: NDArray[np.float64],
    concept: NDArray[np.int32],
    out: Doored,
) -> None:
    """Pass rows through the door; each comes out with its canonical value, end, signal, category and reason."""
    place, last_subject = -1, -1
    for row in range(len(time)):
        what, when = concept[row], time[row]
        if row == 0 or subject_id[row] != last_subject:
            last_subject = subject_id[row]
            place = _span(spans, last_subject)
        conversion = int(concepts.conversion[what])
        end, value = until[row], raw[row]
        out.signal[row] = table.signal[conversion]
        out.category[row] = concepts.category[what]
        out.end[row] = end
        out.pair[row] = -1
        if concepts.phase[what] == START:
            pair = _pair(pairs, last_subject, what, when)
            if pair >= 0:
                out.pair[row] = pair
                end = pairs.until[pair]
                out.end[row] = end
                if concepts.checks_bolus[what]:  # of a fluid the start tells the rate and the end the volume
                    value = pairs.amount[pair]
        if place < 0:
            out.reason[row] = NO_THERAPY
            continue
        if when > spans.end[place] or (
            when < spans.start[place] and (end == NO_END or end < spans.start[place])
        ):
            out.reason[row] = ASIDE if concepts.anytime[what] else OUTSIDE_WINDOW
            continue
        if concepts.troubled[what]:
            out.value[row], out.reason[row] = value, OF_KIND
            continue
        if concepts.phase[what] == ADMINISTERED and _charted(
            pairs, concepts, table, last_subject, out.signal[row]
        ):
            out.reason[row] = CHARTED_AS_INFUSION
            continue
        if end != NO_END and end < when:
            out.value[row], out.reason[row] = value, END_BEFORE_START
            continue
        out.value[row], out.reason[row] = _value(table, conversion, weights, last_subject, when, value)
        may_be_bolus = out.reason[row] == USED or out.reason[row] == OUT_OF_BOUNDS
        if may_be_bolus and concepts.checks_bolus[what]:
            is_bolus = _is_bolus(bolus, weights, last_subject, when, end, out.value[row])
            if not is_bolus:
                out.reason[row] = NOT_A_BOLUS

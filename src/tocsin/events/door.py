"""The door: raw values become canonical events here, or are set aside with a reason. Plain Python, compiled by numba."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tocsin.events.conversions import WEIGHT_DIVIDE, WEIGHT_NONE
from tocsin.jit import compiled

NO_END = np.iinfo(np.int64).min  # an event without an end

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


CONCEPT = np.dtype(
    [("conversion", "i4"), ("category", "i4"), ("phase", "i1"), ("checks_bolus", "i1"),
     ("troubled", "i1"),  # the kind itself cannot become an event: its unit or word is unknown
     ("anytime", "i1"),  # used outside the window too (weight); an event there only before it
     ("plain", "i1")]  # a plain number in a plain unit: the short way through the door
)  # fmt: skip
"""What each concept (distinct code, unit, route and text of a source) means; the index is the row's `concept`."""


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
def _convert(c: Any, value: float) -> float:
    """Return a value in the canonical unit before any weight; NaN when its size leaves the unit open."""
    for which in range(len(c.low)):
        if c.low[which] <= value <= c.high[which]:
            return value * c.reading_factor[which] + c.reading_offset[which]
    if c.only_readings:
        return math.nan
    return value * c.factor + c.offset


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
def _refuses(c: Any, raw: float) -> int:
    """Return why a number cannot be read at all (USED: it can)."""
    if math.isnan(raw):
        return NO_VALUE if c.needs_value else USED
    if math.isinf(raw):
        return NOT_A_NUMBER
    return AMBIGUOUS_UNIT if not c.unreadable and math.isnan(_convert(c, raw)) else USED


@compiled
def _out_of_bounds(c: Any, value: float, raw: float) -> int:
    """Return why a canonical value cannot be (USED: it can)."""
    if value < c.hard_min or value > c.hard_max:
        return LOOKS_LIKE_FAHRENHEIT if c.fahrenheit_low <= raw <= c.fahrenheit_high else OUT_OF_BOUNDS
    return USED


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
def _charted(pairs: Pairs, concepts: NDArray[Any], table: NDArray[Any], subject_id: int, signal: int) -> bool:
    """Return whether the subject's pump records of an agent, with rates and ends, stand in the same source."""
    place = np.searchsorted(pairs.subject_id, subject_id)
    while place < len(pairs.subject_id) and pairs.subject_id[place] == subject_id:
        concept: Any = concepts[pairs.concept[place]]
        conversion: Any = table[concept.conversion]
        if conversion.signal == signal:
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
def _row(
    c: Any, k: Any, table: NDArray[Any], concepts: NDArray[Any], weights: Weights, pairs: Pairs, bolus: BolusRule,
    subject_id: int, time: int, end: int, raw: float,
) -> tuple[float, int]:  # fmt: skip
    """Return value and reason of one row inside the window that is more than a plain number in a plain unit."""
    if k.phase == ADMINISTERED and _charted(pairs, concepts, table, subject_id, c.signal):
        return raw, CHARTED_AS_INFUSION
    if not c.numeric or (c.unreadable and raw != 0.0 and not math.isinf(raw)):
        return math.nan, USED
    reason = _refuses(c, raw)
    if reason != USED or math.isnan(raw):
        value = raw
    else:
        value = _convert(c, raw)
        if c.weight_op != WEIGHT_NONE and value != 0.0:
            weight = _weight_at(weights, subject_id, time)
            value = value / weight if c.weight_op == WEIGHT_DIVIDE else value * weight
        reason = _out_of_bounds(c, value, raw)
    if k.checks_bolus and reason in (USED, OUT_OF_BOUNDS, NO_VALUE):
        volume = value if reason == USED else raw
        if not _is_bolus(bolus, weights, subject_id, time, end, volume):
            return raw, NOT_A_BOLUS
    if reason == USED and c.nudge != 0:
        value = np.nextafter(value, math.inf * c.nudge)
    return value if reason == USED else raw, reason


@compiled
def pass_rows(
    table: NDArray[Any],
    concepts: NDArray[Any],
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
    """Pass rows through the door; each comes out with its canonical value, end, signal, category and reason.

    `table` holds CONVERSION records, `concepts` CONCEPT records.
    """
    place, last_subject = -1, -1
    for row in range(len(time)):
        k: Any = concepts[concept[row]]
        c: Any = table[k.conversion]
        when, end, value = time[row], until[row], raw[row]
        if row == 0 or subject_id[row] != last_subject:
            last_subject = subject_id[row]
            place = _span(spans, last_subject)
        out.signal[row], out.category[row], out.pair[row] = c.signal, k.category, -1
        if k.phase == START:
            pair = _pair(pairs, last_subject, concept[row], when)
            if pair >= 0:
                out.pair[row] = pair
                end = pairs.until[pair]
                if k.checks_bolus:  # of a fluid the start tells the rate and the end the volume
                    value = pairs.amount[pair]
        out.end[row], out.value[row] = end, value
        if place < 0:
            out.reason[row] = NO_THERAPY
        elif when > spans.end[place]:
            out.reason[row] = ASIDE if k.anytime else OUTSIDE_WINDOW
        elif when < spans.start[place] and (end == NO_END or end < spans.start[place]) and not k.anytime:
            out.reason[row] = OUTSIDE_WINDOW
        elif k.troubled:
            out.reason[row] = OF_KIND
        elif end != NO_END and end < when:
            out.reason[row] = END_BEFORE_START
        elif k.plain:
            if math.isnan(value) or math.isinf(value):
                out.reason[row] = _refuses(c, value)
            else:
                out.value[row] = value * c.factor + c.offset
                out.reason[row] = _out_of_bounds(c, out.value[row], value)
                if out.reason[row] != USED:
                    out.value[row] = value
        else:
            out.value[row], out.reason[row] = _row(
                c, k, table, concepts, weights, pairs, bolus, last_subject, when, end, value
            )

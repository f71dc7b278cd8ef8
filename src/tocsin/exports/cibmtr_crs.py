"""The answers on CRS of one infusion. Yes and no are said only where the record shows it."""

from collections.abc import Sequence
from typing import Final

from tocsin.exports.infusions import Answer, Infusion, follows, has_no_gap
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.vocabulary import OXYGEN
from tocsin.records import Line
from tocsin.report.labels import device_name, drug_name

_TREATED: Final = frozenset(
    {"fluids", "fluids_repeated", "vasopressin_alone", "one", "one_plus_vasopressin", "multiple"}
)
_DISCOUNTED: Final = Answer(None, "part of it was laid to another cause, or was there before the infusion")
_POSITIVE: Final = ("cpap", "bipap", "invasive_ventilation", "ecmo")


def crs_answers(infusion: Infusion) -> dict[str, Answer]:
    """Return the answers by question."""
    if not infusion.episodes:
        return _without(infusion)
    return {
        **_course(infusion),
        **_drugs(infusion),
        **_fever(infusion),
        **_hypotension(infusion),
        **_hypoxia(infusion),
        **_positive_pressure(infusion),
    }


def _without(infusion: Infusion) -> dict[str, Answer]:
    """Return the answers where no episode is on record; that there was none is shown by temperatures without a gap."""
    readings = infusion.of("body_temperature")
    times = [event["time"] for event in readings]
    hold = infusion.numbers.fever_hold_h
    watched = has_no_gap(times, infusion.time, infusion.until, hold)
    high = [event for event in readings if event["numeric_value"] >= infusion.numbers.fever_threshold_cel]
    if high:
        occurred = Answer(None, "a fever is on record, but none that began CRS", tuple(high[:1]))
    elif watched:
        why = f"temperatures to the end of the window, no gap over {hold:g} h, none of them a fever"
        occurred = Answer("no", why, (readings[0], readings[-1]))
    else:
        occurred = Answer(
            None, f"no fever on record, but the temperatures leave gaps of more than {hold:g} h"
        )
    nothing = follows(occurred)
    names = (
        "crs_first_symptom", "crs_grade_max", "crs_treated", "crs_drugs", "fever", "fever_onset", "hypotension_treated",
        "hypotension_onset", "fluids", "vasopressors", "vasopressor_count", "hypoxia_low_fio2", "hypoxia_low_fio2_onset",
        "hypoxia_high_fio2", "hypoxia_high_fio2_onset", "oxygen_device", "positive_pressure", "positive_pressure_start",
        "crs_resolved", "crs_resolved_on",
    )  # fmt: skip
    return {"crs_occurred": occurred, **dict.fromkeys(names, nothing)}


def _course(infusion: Infusion) -> dict[str, Answer]:
    """Return whether there was CRS, from when, to which grade, and whether it resolved."""
    first, last = infusion.episodes[0], infusion.episodes[-1]
    count = len(infusion.episodes)
    onset = _onset(infusion)
    several = f", {count} episodes" if count > 1 else ""
    low = max(one["astct_peak_low"] for one in infusion.episodes)
    high = max(one["astct_peak_high"] for one in infusion.episodes)
    peak = [
        row for row in infusion.states if row["time"] in {one["astct_peak_time"] for one in infusion.episodes}
    ]
    behind = _evidence(infusion, peak, "fever", "pressure", "vasopressor", "oxygen")
    behind = (*behind, *(infusion.of("death") if last["ended"] == "death" else ()))
    grade = (
        Answer(str(low), "the highest over all episodes", behind)
        if low == high
        else Answer(None, f"grade {low} to {high}: see queries.csv for what settles it", behind)
    )
    return {
        "crs_occurred": Answer("yes", f"fever inside the window{several}", onset),
        "crs_first_symptom": Answer(infusion.date(first["onset"]), "the first fever on record", onset),
        "crs_grade_max": grade,
        **_end(infusion, last),
    }


def _end(infusion: Infusion, last: Line) -> dict[str, Answer]:
    """Return whether CRS resolved, and when."""
    if last["resolved_at"]:
        held = f"no fever, hypotension or oxygen need for {infusion.numbers.resolution_hold_h:g} h after it"
        return {
            "crs_resolved": Answer("yes", held),
            "crs_resolved_on": Answer(infusion.date(last["resolved_at"]), held),
        }
    died = last["ended"] == "death"
    why = "death during the episode" if died else "the records end during the episode"
    death = tuple(infusion.of("death")) if died else ()
    answer = Answer("no" if died else None, why, death)
    return {"crs_resolved": answer, "crs_resolved_on": follows(answer)}


def _drugs(infusion: Infusion) -> dict[str, Answer]:
    """Return which drugs against CRS were given inside an episode."""
    roles = ("anticytokine", "glucocorticoid", "immunosuppressant")
    names = [row.id for row in drugs().values() if row.role in roles]
    given = infusion.within(infusion.of(*names))
    if not given:
        nothing = Answer(None, "no such drug inside the episode in this record")
        return {"crs_treated": nothing, "crs_drugs": nothing}
    firsts = _first_of_each(given)
    said = dict.fromkeys(_drug_word(event["signal"]) for event in firsts)
    why = "given inside the episode; what for is not recorded"
    return {
        "crs_treated": Answer("yes", why, tuple(firsts)),
        "crs_drugs": Answer(", ".join(said), why, tuple(firsts)),
    }


def _first_of_each(events: Sequence[Line]) -> list[Line]:
    """Return the first event of each signal."""
    found: dict[str, Line] = {}
    for event in events:
        found.setdefault(event["signal"], event)
    return list(found.values())


def _drug_word(name: str) -> str:
    return "corticosteroids" if drugs()[name].role == "glucocorticoid" else drug_name(name)


def _onset(infusion: Infusion) -> tuple[Line, ...]:
    """Return the temperature that the first episode begins with."""
    start = infusion.episodes[0]["onset"]
    return tuple(event for event in infusion.of("body_temperature") if event["time"] == start)


def _fever(infusion: Infusion) -> dict[str, Answer]:
    """Return the fever: an episode begins with one."""
    onset = _onset(infusion)
    why = "an episode begins with it"
    return {
        "fever": Answer("yes", why, onset),
        "fever_onset": Answer(infusion.date(infusion.episodes[0]["onset"]), why, onset),
    }


def _hypotension(infusion: Infusion) -> dict[str, Answer]:
    """Return hypotension and what was given for it."""
    rows = [row for row in infusion.states if row["hypotension"] in _TREATED]
    agents = [row.id for row in drugs().values() if row.role == "vasopressor"]
    pressors = infusion.within(infusion.of(*agents))
    boluses = infusion.within(infusion.of("iv_fluid_bolus"))
    if rows:
        first = _evidence(infusion, rows[:1], "pressure", "vasopressor")
        treated = Answer("yes", "low pressure or a vasopressor, and treatment of it", first)
        began = _began(infusion, rows[0])
        onset = Answer(infusion.date(began["time"]), "the state that led to the treatment", first)
    else:
        treated = _no_hypotension(infusion, [*pressors, *boluses])
        onset = follows(treated)
    no = treated.text == "no"
    in_fluids = [event for event in boluses if rows and event["time"] >= rows[0]["time"]]
    fluids = _given("fluid", in_fluids, no)
    return {
        "hypotension_treated": treated,
        "hypotension_onset": onset,
        "fluids": fluids,
        "vasopressors": _given("vasopressor", pressors if rows else [], no),
        "vasopressor_count": follows(treated) if no else _count(infusion, pressors if rows else []),
    }


def _began(infusion: Infusion, treated: Line) -> Line:
    """Return the first row of the stretch of hypotension that a treated row stands in."""
    place = infusion.states.index(treated)
    while (
        place
        and infusion.states[place - 1]["hypotension"] != "none"
        and (infusion.states[place - 1]["episode"] == treated["episode"])
    ):
        place -= 1
    return infusion.states[place]


def _no_hypotension(infusion: Infusion, given: Sequence[Line]) -> Answer:
    """Return no where pressures without a gap were never low; anything else leaves it open."""
    if any(row["hypotension"] != "none" for row in infusion.states):
        return Answer(None, "low pressure on record, no treatment of it")
    if given:
        return Answer(
            None, "fluid or a vasopressor on record, no hypotension that it was for", tuple(given[:1])
        )
    if _is_discounted(infusion):
        return _DISCOUNTED
    hold = infusion.numbers.bp_hold_h
    if infusion.charted_all_through("systolic_bp", hold):
        return Answer("no", f"pressures all through, no gap over {hold:g} h, none of them low")
    return Answer(
        None, f"no low pressure on record, but not charted each {hold:g} h to the end of the episode"
    )


def _given(what: str, events: Sequence[Line], no: bool) -> Answer:
    if events:
        return Answer("yes", f"{what} inside the episode", tuple(_first_of_each(events)))
    if no:
        return Answer("no", "no hypotension")
    return Answer(None, f"no {what} in this record")


def _count(infusion: Infusion, pressors: Sequence[Line]) -> Answer:
    """Return how many vasopressors: the form does not say whether vasopressin is one."""
    firsts = _first_of_each([event for event in pressors if event["numeric_value"] != 0])
    counted = [event for event in firsts if drugs()[event["signal"]].counts]
    if any("baseline_support" in row["flags"] for row in infusion.states):
        return Answer(
            None, "a vasopressor ran before the infusion: how many were for CRS is open", tuple(firsts)
        )
    if len(counted) >= 2:
        return Answer("2 or more", "without vasopressin", tuple(counted))
    if len(counted) == 1 and len(firsts) == 1:
        return Answer("1", "one agent on record", tuple(firsts))
    if firsts:
        return Answer(None, "vasopressin: the form does not say whether it counts", tuple(firsts))
    return Answer(None, "no vasopressor in this record")


def _hypoxia(infusion: Infusion) -> dict[str, Answer]:
    """Return the need for oxygen by FiO2, and the highest device."""
    found: dict[str, Answer] = {}
    for name, band in (("hypoxia_low_fio2", "below_40"), ("hypoxia_high_fio2", "at_least_40")):
        rows = [row for row in infusion.states if row["fio2_band"] == band]
        first = _evidence(infusion, rows[:1], "oxygen")
        if rows:
            found[name] = Answer("yes", "oxygen, and the FiO2 was charted", first)
            found[f"{name}_onset"] = Answer(infusion.date(rows[0]["time"]), "the first such state", first)
        else:
            found[name] = _no_oxygen(infusion)
            found[f"{name}_onset"] = follows(found[name])
    needed = [row for row in infusion.states if row["oxygen"] != "none"]
    needed.sort(key=lambda row: OXYGEN.index(row["oxygen"]))
    device = _evidence(infusion, needed[-1:], "oxygen")
    named = device_name(str(device[0]["text_value"])) if device and device[0]["text_value"] else None
    found["oxygen_device"] = (
        Answer(named, "the highest need in the grades", device) if named else follows(_no_oxygen(infusion))
    )
    return found


def _no_oxygen(infusion: Infusion) -> Answer:
    """Return no where room air was charted all through."""
    bands = {row["fio2_band"] for row in infusion.states if row["oxygen"] != "none"}
    if "unknown" in bands:
        return Answer(None, "oxygen on record, part of the time without its FiO2")
    if _is_discounted(infusion):
        return _DISCOUNTED
    what = "every FiO2 charted was in the other range" if bands else "room air"
    if _devices_all_through(infusion):
        return Answer("no", f"{what}; devices charted all through")
    return Answer(None, f"{what if bands else 'no oxygen on record'}; devices not charted all through")


def _is_discounted(infusion: Infusion) -> bool:
    """Return whether something was laid to another cause or was there before: the grades do not show it."""
    return bool(infusion.of("attribution")) or any(
        "baseline_support" in row["flags"] for row in infusion.states
    )


def _devices_all_through(infusion: Infusion) -> bool:
    return infusion.charted_all_through("oxygen_device", infusion.numbers.device_hold_h)


def _positive_pressure(infusion: Infusion) -> dict[str, Answer]:
    """Return whether positive pressure was given inside an episode, for whatever reason."""
    devices = infusion.within(infusion.of("oxygen_device"))
    on = [event for event in devices if event["text_value"] in _POSITIVE]
    if on:
        why = "on record inside the episode"
        return {
            "positive_pressure": Answer("yes", why, tuple(on[:1])),
            "positive_pressure_start": Answer(infusion.date(on[0]["time"]), why, tuple(on[:1])),
        }
    watched = _devices_all_through(infusion)
    why = "another device or room air, charted all through" if watched else "no such device in this record"
    answer = Answer("no" if watched else None, why)
    return {"positive_pressure": answer, "positive_pressure_start": follows(answer)}


def _evidence(infusion: Infusion, rows: Sequence[Line], *parts: str) -> tuple[Line, ...]:
    """Return the events that some rows rest on."""
    ids = dict.fromkeys(row[f"evidence_{part}"] for row in rows for part in parts)
    return tuple(event for id in ids for event in infusion.by_id(id))

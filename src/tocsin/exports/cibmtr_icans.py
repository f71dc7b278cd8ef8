"""The answers on neurotoxicity of one infusion. No is never said: too much of what the form asks is in no record we read."""

from tocsin.exports.infusions import Answer, Infusion
from tocsin.grading.assessments import FINDINGS, Assessment
from tocsin.grading.sets import decided, in_words, members, union
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.icans import words_of
from tocsin.records import Line
from tocsin.report.labels import drug_name, figure


def icans_answers(infusion: Infusion) -> dict[str, Answer]:
    """Return the answers by question."""
    present = [one for one in infusion.assessments if members(one.grades)[0] > 0]
    return {
        **_course(infusion, present),
        **_grade(infusion, present),
        **_findings(infusion),
        "icans_drugs": _drugs(infusion, present),
    }


def _course(infusion: Infusion, present: list[Assessment]) -> dict[str, Answer]:
    """Return whether there was ICANS, from when, and whether it resolved."""
    if not present:
        charted = len(infusion.assessments)
        why = (
            f"{charted} assessments, none of them surely above grade 0"
            if charted
            else "never assessed on record"
        )
        nothing = Answer(None, why)
        names = ("icans_occurred", "icans_onset", "icans_resolved", "icans_resolved_on")
        return dict.fromkeys(names, nothing)
    first = _events(infusion, present[0])
    after = [one for one in infusion.assessments if one.time > present[-1].time]
    clear = next((one for one in after if decided(one.grades) == 0), None)
    why = (
        "the first assessment of grade 0 after the last one above"
        if clear
        else "no assessment of grade 0 after it"
    )
    behind = _events(infusion, clear) if clear else ()
    return {
        "icans_occurred": Answer("yes", "an assessment above grade 0", first),
        "icans_onset": Answer(infusion.date(present[0].time), "the first assessment above grade 0", first),
        "icans_resolved": Answer("yes" if clear else None, why, behind),
        "icans_resolved_on": Answer(infusion.date(clear.time) if clear else None, why, behind),
    }


def _grade(infusion: Infusion, present: list[Assessment]) -> dict[str, Answer]:
    """Return the highest grade, and the lowest score."""
    peak = max(present, key=lambda one: (members(one.grades)[-1], members(one.grades)[0]), default=None)
    if peak is None:
        grade = Answer(None, "no assessment surely above grade 0")
    else:
        # Another assessment may reach as high as the highest, so all that overlap with it are looked at.
        low = max(members(one.grades)[0] for one in present)
        open_set = union(one.grades for one in present) & ~((1 << low) - 1)
        only = decided(open_set)
        why = "the highest assessment" if only is not None else f"grade {in_words(open_set)}"
        grade = Answer(None if only is None else str(only), why, _events(infusion, peak))
    scores = infusion.of("ice_score")
    lowest = min(scores, key=lambda event: event["numeric_value"], default=None)
    return {
        "icans_grade_max": grade,
        "ice_lowest": Answer(figure(lowest["numeric_value"]), f"the lowest of {len(scores)}", (lowest,))
        if lowest
        else Answer(None, "no ICE score on record"),
    }


def _findings(infusion: Infusion) -> dict[str, Answer]:
    """Return depressed consciousness and seizures."""
    found: dict[str, Answer] = {}
    for name, id, calm in (
        ("consciousness", "consciousness_depressed", "awake"),
        ("seizure", "seizure", "none"),
    ):
        charted = infusion.of(name)
        meant = words_of(name)
        seen = [event for event in charted if meant.get(_word(event), calm) != calm]
        if name == "seizure":
            seen += [event for event in charted if not event["text_value"]]  # a coded seizure has no word
        why = "charted" if seen else "nothing that says so in this record"
        found[id] = Answer("yes" if seen else None, why, tuple(seen[:1]))
    return found


def _word(event: Line) -> str:
    """Return the word of a finding in lower case; what stands before it are its codes."""
    return str(event["text_value"] or "").split("\t")[-1].strip().casefold()


def _drugs(infusion: Infusion, present: list[Assessment]) -> Answer:
    """Return the drugs given from the first assessment above grade 0 on."""
    if not present:
        return Answer(None, "no assessment surely above grade 0")
    roles = {"glucocorticoid": "corticosteroids", "anticytokine": ""}
    names = {row.id: roles[row.role] or drug_name(row.id) for row in drugs().values() if row.role in roles}
    start, end = present[0].time, present[-1].time
    given = [event for event in infusion.of(*names) if start <= event["time"] <= end]
    if not given:
        return Answer(None, "no such drug from its onset to its last assessment in this record")
    said = dict.fromkeys(names[event["signal"]] for event in given)
    return Answer(
        ", ".join(said),
        "given from its onset to its last assessment; what for is not recorded",
        tuple(given[:3]),
    )


def _events(infusion: Infusion, one: Assessment) -> tuple[Line, ...]:
    """Return the findings of an assessment."""
    return tuple(event for event in infusion.of(*FINDINGS) if event["time"] == one.time)

"""What the terminal and the pages say of a course in the same words: an episode in a sentence, and the moments that are dated."""

from datetime import datetime

from tocsin.grading.words import label
from tocsin.knowledge.scales import scale
from tocsin.report.course import Course, Episode, View
from tocsin.report.labels import clock, day_text, days, drug_name, grades_text


def episode_sentence(course: Course, episode: Episode) -> str:
    """Return an episode in words: onset, peak, end, and what was needed."""

    def at(time: datetime) -> str:
        return f"{clock(time).strip()} (day {day_text(days(time, episode.therapy_time))})"

    first = next(
        row for row in course.rows if row.episode == episode.number and row.time == episode.peak_time
    )
    since = "from" if first.sets[episode.scale] == episode.peak else "possible from"
    grade = "grade" if len(episode.peak) == 1 else "undecided,"
    peak = f"peak {grade} {grades_text(episode.peak)} ({label(scale(episode.scale))}) {since} {at(episode.peak_time)}"
    if episode.resolved_at is not None:
        ended = f"resolved {at(episode.resolved_at)}, {episode.hours:.3g} h"
    elif episode.ended == "death":
        ended = f"death {at(episode.last)}, {episode.hours:.3g} h after onset"
    else:
        ended = f"still going on when the record ends, {at(episode.last)}"
    return f"Episode {episode.number}: onset {at(episode.onset)}; {peak}; {ended}. {_care(episode)}"


def _care(episode: Episode) -> str:
    """Return what was needed in an episode."""
    said = {
        f"tocilizumab {_count(episode.tocilizumab_doses, 'dose')}": episode.tocilizumab_doses,
        f"glucocorticoids on {_count(episode.glucocorticoid_days, 'day')}": episode.glucocorticoid_days,
        f"vasopressors {episode.vasopressor_hours:.3g} h": episode.vasopressor_hours,
        f"oxygen up to {drug_name(episode.highest_oxygen)}": episode.highest_oxygen != "none",
        f"ICANS peak {grades_text(episode.icans_peak)}": episode.icans_peak,
    }
    text = "; ".join(words for words, is_so in said.items() if is_so)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def moments_of(view: View) -> list[tuple[datetime, str]]:
    """Return the moments that the picture dates."""
    found: list[tuple[datetime, str]] = []
    for episode in view.episodes:
        number = f" {episode.number}" if len(view.episodes) > 1 else ""
        found.append((episode.onset, f"onset{number}"))
        if episode.onset < episode.peak_time < episode.last:
            found.append((episode.peak_time, "peak"))
        if episode.resolved_at is not None:
            found.append((episode.resolved_at, "resolved"))
        elif episode.ended == "death":
            found.append((episode.last, "death"))
    return found

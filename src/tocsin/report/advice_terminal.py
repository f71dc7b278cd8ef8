"""Advice on a terminal: what to do now on the first screen, what would decide the rest, the work-up, and the rest by rule."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Final

from rich.text import Text

from tocsin.grading.words import label
from tocsin.guidance.advice import NOTE, Advice, Item
from tocsin.guidance.dosing import WorkedDose
from tocsin.knowledge.dosing import dose
from tocsin.knowledge.scales import scale
from tocsin.knowledge.sources import CONFIDENCE
from tocsin.report import outline
from tocsin.report.labels import drug_name, figure, therapy_name, unit_name

STRONG, FAINT, ALARM = "bold", "dim", "bold red"
_INDENT: Final = " " * 10  # under the word that says what kind of advice it is


def draw_advice(advice: Advice, width: int) -> Iterator[Text]:
    """Yield the lines of the advice; no line is wider than `width`."""
    yield from _head(advice, width)
    yield from _section("NOW", outline.certain(advice, "now", "consensus"), width)
    yield from _section("NOW, BY THE LABEL", outline.certain(advice, "now", "label"), width)
    yield from _open(advice, width)
    yield from _missing(advice, width)
    yield from _section("SOON", outline.certain(advice, "soon", "consensus"), width)
    yield from _section("SOON, BY THE LABEL", outline.certain(advice, "soon", "label"), width)
    yield from _work_up(advice, width)
    yield from _differential(advice, width)
    yield from _rest(advice, width)
    if advice.more_in_label:
        yield from _paragraph(f"The label says more ({advice.more_in_label}): --pack both.", width, "", FAINT)
    yield Text()
    yield from _paragraph(NOTE, width, "", FAINT)


def _paragraph(
    text: str, width: int, indent: str, style: str = "", first: str | None = None
) -> Iterator[Text]:
    lead = indent if first is None else first
    for line in wrap(text, width, initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False):
        yield Text(line, style=style)


def _clock(time: datetime) -> str:
    return f"{time.day} {time:%b %H:%M}"


def _head(advice: Advice, width: int) -> Iterator[Text]:
    """Yield who, when, the grade with its reason, and the clocks of treatment."""
    cause = therapy_name(advice.cause, advice.product) if advice.cause else "no therapy on record"
    yield Text(f"Subject {advice.source_id}: {cause}", style=STRONG)
    yield Text(f"At {_clock(advice.at)} {advice.at.year} ({advice.at:%Z})", style=FAINT)
    if advice.grade.why:
        yield from _paragraph(advice.grade.why, width, "")
    elif advice.grade.scale is not None:
        yield Text(f"No episode of CRS so far ({label(scale(advice.grade.scale))}).")
    if advice.grade.since is not None and advice.grade.support:
        since = (
            f"The grade has stood since {_clock(advice.grade.since)}; running now: {advice.grade.support}."
        )
        yield from _paragraph(since, width, "")
    if advice.grade.settled_by:
        yield from _paragraph(f"To settle the grade: {advice.grade.settled_by}", width, "")
    if advice.tocilizumab_doses:
        most = dose("tocilizumab_from_30").max_doses
        which = "this" if advice.grade.since is not None else "the last"
        yield Text(f"Tocilizumab in {which} episode: {advice.tocilizumab_doses} of at most {most} doses.")
    if advice.next_looks:
        looks = ", ".join(_clock(due.time) for due in advice.next_looks)
        yield from _paragraph(f"Judge the response again at: {looks}.", width, "")


def _section(head: str, items: Sequence[Item], width: int) -> Iterator[Text]:
    """Yield the items of one urgency under a heading."""
    if items:
        yield Text()
        yield from _paragraph(head, width, "", STRONG)
        said: set[str] = set()
        for item in items:
            yield from _item(item, width, said)


def _open(advice: Advice, width: int) -> Iterator[Text]:
    """Yield the acts that the record leaves open, each under what would have to hold."""
    for condition, group in outline.open_acts(advice):
        yield from _section(f"If {condition} (the record leaves it open):", group, width)


def _item(item: Item, width: int, said: set[str]) -> Iterator[Text]:
    """Yield one item: the word, the text, the dose unless it was just `said`, and what it rests on."""
    label_of = (
        f"By the label{f' ({item.jurisdiction})' if item.jurisdiction else ''}: "
        if item.pack == "label"
        else ""
    )
    text = " ".join((f"{label_of}{item.rule_text}", *item.remarks))
    lead = f"  {item.kind.upper():<8}"
    if item.kind in outline.LOOKS:
        yield from _paragraph(f"{text} ({_basis(item)})", width, _INDENT, first=lead)
        return
    yield from _paragraph(text, width, _INDENT, ALARM if item.kind == "stop" else "", first=lead)
    if item.dose is not None and dose_words(item.dose) not in said:
        said.add(dose_words(item.dose))
        yield from _paragraph(dose_words(item.dose), width, _INDENT, STRONG)
    if item.calendar:
        yield from _paragraph(_calendar(item), width, _INDENT)
    yield from _paragraph(_basis(item), width, _INDENT, FAINT)


def _calendar(item: Item) -> str:
    """Return the dates of a course with its taper."""
    full, last = item.calendar[0], item.calendar[-1]
    return f"Full dose {_clock(full[0])} to {_clock(full[1])}, then the taper to {_clock(last[1])}."


def dose_words(worked: WorkedDose) -> str:
    """Return a dose with its arithmetic: "Tocilizumab 640 mg IV: 8 mg/kg x 80 kg = 640 mg; over 1 h." """
    amount = (
        f"{figure(worked.amount)} to {figure(worked.amount_to)}"
        if worked.amount_to
        else figure(worked.amount)
    )
    per = " a day" if worked.per == "day" and not worked.unit.endswith("/d") else ""
    route = f" {worked.route}" if worked.route else ""
    name = drug_name(worked.drug)
    return f"{name[:1].upper()}{name[1:]} {amount} {unit_name(worked.unit)}{per}{route}: {worked.arithmetic}."


def _basis(item: Item) -> str:
    """Return rule, strength, source, confidence, clocks and what stands beside it."""
    said = [item.id, item.strength, ", ".join(item.source), CONFIDENCE.get(item.confidence, item.confidence)]
    if item.not_before is not None:
        said.append(f"not before {_clock(item.not_before)}")
    if item.due_from is not None:
        said.append(f"from {_clock(item.due_from)}")
    if item.due_by is not None:
        said.append(f"by {_clock(item.due_by)}")
    if item.beside:
        said.append(f"beside it: {', '.join(item.beside)}")
    return " · ".join(dict.fromkeys(said))


def _missing(advice: Advice, width: int) -> Iterator[Text]:
    if not advice.missing:
        return
    yield Text()
    yield Text("MISSING", style=STRONG)
    for one in advice.missing:
        what = f"{one.what[:1].upper()}{one.what[1:]}"
        stop = "" if one.why.endswith(("?", ".")) else "."
        yield from _paragraph(f"{what}: {one.why}{stop}", width, "    ", first="  ")


def _work_up(advice: Advice, width: int) -> Iterator[Text]:
    """Yield the checklist, ticked off from the record; what is open is not on it."""
    items = outline.work_up(advice)
    if not items:
        return
    yield Text()
    yield Text("WORK-UP", style=STRONG)
    for state, head in outline.CHECKED[:2]:
        for item in items:
            if item.check is not None and item.check.state == state:
                yield from _paragraph(f"{head}: {_checked(item)}", width, "    ", first="  ")
    for state, head in outline.CHECKED[2:]:
        found = [_checked(item) for item in items if item.check is not None and item.check.state == state]
        if found:
            yield from _paragraph(f"{head}: {' '.join(found)}", width, "    ", first="  ")


def _checked(item: Item) -> str:
    """Return an item with what is on record of it."""
    found = item.check
    if found is None or not found.done:
        return f"{item.rule_text} ({item.id})"
    last = f"last {_clock(max(time for _, time in found.done))}"
    names = [drug_name(one).replace("|", " or ") for one in found.lacking]
    lacking = f"; lacking {', '.join(names)}" if names else ""
    return f"{item.rule_text} ({item.id}: {last}{lacking})"


def _differential(advice: Advice, width: int) -> Iterator[Text]:
    items = outline.differential(advice)
    if items:
        yield Text()
        yield Text("WHAT ELSE IT MAY BE, OR BE BESIDE IT", style=STRONG)
    for item in items:
        yield from _paragraph(f"{item.rule_text} ({item.id})", width, "    ", first="  ")


def _rest(advice: Advice, width: int) -> Iterator[Text]:
    """Yield by rule what is routine, for information, or open and no act."""
    rest = outline.rest(advice)
    if rest:
        yield Text()
        listed = ", ".join(dict.fromkeys(item.id for item in rest))
        yield from _paragraph(f"Also (`tocsin explain ID` prints each): {listed}.", width, "", FAINT)

"""Cards: what an EHR shows. Each is made from the advice and its rules, and the same state always has the same uuid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from tocsin.grading.words import label
from tocsin.guidance.advice import NOTE, Advice, Item
from tocsin.guidance.dosing import WorkedDose
from tocsin.knowledge.cds import Indicator, loudness, reasons
from tocsin.knowledge.rules import rule, rules
from tocsin.knowledge.scales import scale
from tocsin.knowledge.sources import CONFIDENCE, source
from tocsin.report.outline import DOINGS, next_check, waits
from tocsin.service.cds.checks import Finding
from tocsin.service.cds.markdown import plain, short
from tocsin.service.cds.orders import Order
from tocsin.service.cds.request import Call
from tocsin.service.cds.suggestions import create, groups_of, is_forbidden, label_of, update
from tocsin.service.patients import PatientState

_OURS: Final = uuid5(NAMESPACE_URL, "urn:tocsin:cds-hooks")
_REASONS: Final = "urn:tocsin:override-reason"
_TOPIC: Final = {"system": "urn:tocsin:cds-topic", "code": "crs", "display": "Cytokine release syndrome"}
_LONGEST: Final = 139  # of a summary: the specification wants fewer than 140 signs
_MOST_NOW, _MOST_LATER, _MOST_LINKS, _MOST_MISSING = 8, 4, 6, 8
_LEVELS: Final = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Card:
    """One card, and its uuid, by which it is answered to."""

    uuid: str
    body: dict[str, Any]

    @property
    def summary(self) -> str:
        """Return what its head line says."""
        return str(self.body["summary"])


def state_cards(call: Call, state: PatientState, base: str) -> list[Card]:
    """Return the cards of the state of a patient now: none where nothing of a therapy is on record, or nothing to say."""
    advice = state.advice
    if advice is None or not _speaks(state):
        return []
    single, steroids = groups_of(advice)
    uuid = _uuid(call, state.key)
    first = _card(
        uuid,
        _state_summary(state, advice),
        _indicator(state, advice),
        _detail(call, state, advice),
        [item.id for item in _shown(advice)],
        create(single, call.patient, uuid),
        base,
    )
    return [first, *_steroid_card(call, state, steroids, base)]


def _speaks(state: PatientState) -> bool:
    situation, advice = state.situation, state.advice
    if situation is None or advice is None or situation.facts["dead"] is True:
        return False
    chart, therapy = situation.chart, situation.therapy
    pressing = any(item.urgency != "routine" and not item.condition for item in advice.items)
    return bool(chart.episodes) or therapy.in_window or therapy.planned or pressing


def _steroid_card(call: Call, state: PatientState, options: Sequence[Item], base: str) -> Iterator[Card]:
    """Yield the card of the glucocorticoids: to choose one of, and none is swapped for another."""
    if not options:
        return
    uuid = _uuid(call, state.key, "glucocorticoid")
    labels = [label_of(item.dose) for item in options if item.dose is not None]
    named = [f"{one[0].lower()}{one[1:]}" for one in labels]
    choose = f"Choose one glucocorticoid: {', '.join(named[:-1])} or {named[-1]}."
    summary = choose if len(named) > 1 else f"Glucocorticoid: {named[0]}."
    lines = [f"- {_item(item)}" for item in options]
    detail = "\n".join([*lines, "", _unmeasured(call), f"*{plain(NOTE)}*"])
    told: Indicator = "critical" if any(item.urgency == "now" for item in options) else "warning"
    ids = [item.id for item in options]
    suggested = create(options, call.patient, uuid)
    yield _card(uuid, summary, told, detail, ids, suggested, base)


def order_card(call: Call, order: Order, findings: Sequence[Finding], state: PatientState, base: str) -> Card:
    """Return the card of an order that something is to be said about."""
    ordered = sorted(findings, key=lambda one: -_LEVELS.index(one.indicator))
    said = [
        [one.indicator, one.rule, one.text, one.dose and [one.dose.id, one.dose.amount]] for one in ordered
    ]
    # The state is in it too: a draft's id may come again another day, and what was waved through then is not now.
    uuid = _uuid(call, state.key, order.reference, order.drug, repr(order.dosages), repr(said))
    forbidden = state.advice is not None and is_forbidden(order.drug, state.advice)
    changeable = not forbidden and bool(order.resource.get("id"))  # an update names what it changes
    wanted = {one.dose.id: one for one in ordered if one.dose is not None} if changeable else {}
    suggested = [update(order, one.dose, one.rule, uuid) for one in wanted.values() if one.dose is not None]
    lines = [f"- **{one.indicator}**: {plain(one.text)}{_cited(one.rule)}" for one in ordered]
    detail = "\n".join([*lines, "", _unmeasured(call), f"*{plain(NOTE)}*"])
    first = ordered[0].brief or ordered[0].text
    summary = first if order.name.casefold() in first.casefold() else f"{order.name}: {first}"
    ids = [one.rule for one in ordered if one.rule]
    return _card(uuid, summary, ordered[0].indicator, detail, ids, suggested, base)


def _uuid(call: Call, *parts: str) -> UUID:
    """Return the uuid of a state: it names the service, the patient, what is told, and what was not sent."""
    lacking = [*(one.key for one in call.absent), *call.cut]
    return uuid5(_OURS, "\n".join([call.service.id, call.patient, *parts, *sorted(lacking)]))


def _card(
    uuid: UUID,
    summary: str,
    indicator: Indicator,
    detail: str,
    ids: Sequence[str],
    suggestions: Sequence[dict[str, Any]],
    base: str,
) -> Card:
    linked = [id for id in dict.fromkeys(ids) if id in rules()][:_MOST_LINKS]
    body: dict[str, Any] = {
        "uuid": str(uuid),
        "summary": short(summary, _LONGEST),
        "detail": detail,
        "indicator": indicator,
        "source": _source(linked, base),
        "overrideReasons": [
            {"system": _REASONS, "code": one.code, "display": one.display} for one in reasons()
        ],
    }
    if linked:
        body["links"] = [
            {"label": f"{id}: {short(rule(id).text, 80)}", "url": f"{base}/rules/{id}", "type": "absolute"}
            for id in linked
        ]
    if suggestions:
        body |= {"suggestions": list(suggestions), "selectionBehavior": "at-most-one"}
    return Card(str(uuid), body)


def _source(ids: Sequence[str], base: str) -> dict[str, Any]:
    """Return what the guidance rests on, and where it can be read."""
    keys = dict.fromkeys(key for id in ids for key in rule(id).source)
    named = next((source(key) for key in keys), None)
    label_text = f"Tocsin, after {named.what}" if named is not None else "Tocsin"
    return {"label": short(label_text, 120), "url": f"{base}/rules", "topic": _TOPIC}


# --- the words of a state ----------------------------------------------------------------------------------------------------


def _state_summary(state: PatientState, advice: Advice) -> str:
    situation = state.situation
    assert situation is not None
    after = f" after {_therapy(advice)}" if advice.cause else ""
    if not situation.chart.active:
        episode = situation.chart.episode
        if episode is not None and episode["resolved_at"] is not None:
            return f"CRS is over since {episode['resolved_at'].astimezone(situation.chart.zone):%d %b %H:%M %Z}{after}."
        if situation.therapy.planned:
            return f"No CRS: {_therapy(advice)} is planned."
        return f"No CRS on record{after}."
    return f"CRS {_grade(advice)}. {_first(advice)}".strip()


def _first(advice: Advice) -> str:
    """Return what comes first: what must not be done, else doses of now, else what settles the grade, else the first of now."""
    now = [item for item in _in_order(advice) if item.urgency == "now" and not item.condition]
    forbidden = next((item for item in now if item.kind in ("stop", "hold") and not waits(item)), None)
    if forbidden is not None:
        return _head(forbidden)
    waiting = next((_head(item) for item in now if waits(item)), "")
    given = _given(now, advice)
    if given:
        return f"Now: {given}. {waiting}".strip()
    if advice.grade.grade is None and advice.grade.settled_by:
        return advice.grade.settled_by
    return waiting or (_head(now[0]) if now else "")


def _given(now: Sequence[Item], advice: Advice) -> str:
    """Return what is to be given now: the first drug with its dose, and whether a glucocorticoid."""
    single, steroids = groups_of(advice)
    dosed = next((label_of(item.dose) for item in now if item.dose is not None and item in single), "")
    beside = any(item in now for item in steroids)
    return f"{dosed}, with a glucocorticoid" if dosed and beside else "a glucocorticoid" if beside else dosed


def _head(item: Item) -> str:
    """Return the first sentence of an item, and from when on it no longer holds."""
    text = f"{item.text.partition('. ')[0].rstrip('.')}."
    return text if item.not_before is None else f"{text} Not before {item.not_before:%d %b %H:%M %Z}."


def _grade(advice: Advice) -> str:
    if advice.grade.scale is None:
        return "of no grade that can be told"
    listed = " or ".join(map(str, advice.grade.grades))
    undecided = ", undecided" if advice.grade.grade is None else ""
    return f"grade {listed} ({label(scale(advice.grade.scale))}){undecided}"


def _therapy(advice: Advice) -> str:
    return (advice.product or advice.cause or "").replace("_", " ")


def _indicator(state: PatientState, advice: Advice) -> Indicator:
    known, grades = loudness(), advice.grade.grades
    active = state.situation is not None and state.situation.chart.active
    now = [item for item in advice.items if item.urgency == "now" and item.pack == "consensus"]
    certain = any(
        item.kind in known.critical_kinds and not item.condition and not waits(item) for item in now
    )
    if certain or (active and grades and min(grades) >= known.critical_grade):
        return "critical"
    if any(not item.condition for item in now) or (
        active and (not grades or max(grades) >= known.warning_grade)
    ):
        return "warning"
    return "info"


def _in_order(advice: Advice) -> list[Item]:
    """Return the advice as it is read: acts, then what is to be watched, each first where nothing is open; then the work-up."""

    def place(item: Item) -> tuple[bool, int]:
        acts = 0 if item.kind in DOINGS else 1
        return item.kind in ("work_up", "differential"), acts + (2 if item.condition else 0)

    return sorted(advice.items, key=place)


def _shown(advice: Advice) -> list[Item]:
    """Return what a card has room for: what is for now, some of what is for soon, and whatever it suggests as an order."""
    ordered, suggested = _in_order(advice), groups_of(advice)[0]
    now = [item for item in ordered if item.urgency == "now"][:_MOST_NOW]
    shown = now + [item for item in ordered if item.urgency == "soon"][:_MOST_LATER]
    return shown + [item for item in suggested if item not in shown]


def _detail(call: Call, state: PatientState, advice: Advice) -> str:
    shown = _shown(advice)
    lines: list[str] = []
    if advice.grade.why:
        lines += [f"**{plain(advice.grade.why)}**", ""]
    lines += [_instants(state, advice), ""]
    if advice.grade.settled_by:
        lines += [f"What would settle it: {plain(advice.grade.settled_by)}", ""]
    for urgency, title in (("now", "Now"), ("soon", "Soon"), ("routine", "Open to you")):
        own = [item for item in shown if item.urgency == urgency]
        lines += [f"**{title}**", "", *(f"- {_item(item)}" for item in own), ""] if own else []
    more = len(advice.items) - len(shown)
    lines += [f"{more} further items of advice are not on this card.", ""] if more else []
    lines += _next(advice)
    if advice.missing:
        lines += ["**Missing**", ""]
        for one in advice.missing[:_MOST_MISSING]:
            lines.append(f"- {plain(f'{one.what[:1].upper()}{one.what[1:]}')}: {plain(one.why)}")
        left = len(advice.missing) - _MOST_MISSING
        lines += [f"- and {left} more", ""] if left > 0 else [""]
    set_aside = state.result.quarantine.num_rows
    lines += (
        [f"{set_aside} rows of the record could not be used and were set aside.", ""] if set_aside else []
    )
    return "\n".join([*lines, _unmeasured(call), f"*{plain(NOTE)}*"])


def _instants(state: PatientState, advice: Advice) -> str:
    """Return as of when this is said, with the zone of every clock time on the card, and since when the grade holds."""
    assert state.situation is not None
    chart, of = state.situation.chart, f"{advice.grade.scale}_set"
    said = f"As of {state.at.astimezone(chart.zone):%d %b %H:%M %Z}."
    if not chart.active or advice.grade.scale is None:
        return said
    same = list(takewhile(lambda row: row[of] == chart.rows[-1][of], reversed(chart.rows)))
    since, changed = (row["time"].astimezone(chart.zone) for row in (same[-1], same[0]))
    why = f", for this reason since {changed:%d %b %H:%M}" if changed != since else ""
    return f"{said} Grade since {since:%d %b %H:%M}{why}."


def _next(advice: Advice) -> list[str]:
    due = next_check(advice)
    return [] if due is None else [f"Next look: {due.time:%d %b %H:%M %Z}. {plain(due.text)}", ""]


def _item(item: Item) -> str:
    waits = f" Not before {item.not_before:%d %b %H:%M %Z}." if item.not_before is not None else ""
    by = f" By {item.due_by:%d %b %H:%M %Z}." if item.due_by is not None else ""
    return f"{plain(item.text)}{_dose(item.dose)}{waits}{by}{_cited(item.id)}"


def _dose(one: WorkedDose | None) -> str:
    return "" if one is None else f" **{plain(label_of(one))}** ({plain(one.arithmetic)})"


def _cited(id: str) -> str:
    return f" ({plain(id)}, {CONFIDENCE[rule(id).confidence]})" if id else ""


def _unmeasured(call: Call) -> str:
    """Return what was not sent along, or only in part: what is not there is not known, and never taken for normal."""
    lines = [f"Not sent: {plain(one.key)} ({plain(one.why)})." for one in call.absent]
    lines += [f"Only the first page of {plain(key)} was sent: what is older is not seen." for key in call.cut]
    if call.strangers:
        lines.append(
            f"Of what was sent, {call.strangers} resources are of another patient or of none: not read."
        )
    return "".join(f"{line}\n\n" for line in lines)

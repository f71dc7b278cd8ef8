"""The order in which advice is read, on a terminal and on a page: what is certain now and soon, what is open, the rest."""

from itertools import groupby
from typing import Final

from tocsin.guidance.advice import Advice, Due, Item

DOINGS: Final = ("stop", "hold", "treat")
LOOKS: Final = ("caution", "monitor")
# How the states of the work-up are headed, in the order that they are read in.
CHECKED: Final = (
    ("not_on_record", "Not on record"),
    ("partly", "Partly on record"),
    ("done", "On record"),
    ("not_readable", "Not readable from this record"),
)


def certain(advice: Advice, urgency: str, pack: str) -> list[Item]:
    """Return what to do and to look at that hangs on nothing open, of one urgency and pack."""
    found = advice.of_kind(*DOINGS, *LOOKS)
    return [item for item in found if (item.urgency, item.pack) == (urgency, pack) and not item.undecided]


def acts_now(advice: Advice) -> list[Item]:
    """Return the acts that are asked for now, of the consensus and of the label.

    An act that must wait for its time asks for nothing until then.
    """
    items = (*certain(advice, "now", "consensus"), *certain(advice, "now", "label"))
    return [item for item in items if item.kind in DOINGS and not waits(item)]


def waits(item: Item) -> bool:
    """Whether an act is forbidden for a time only."""
    return item.kind == "stop" and item.not_before is not None


def next_check(advice: Advice) -> Due | None:
    """Return the next look that is due: a reassessment, or the end of a round of monitoring, which may be over.

    A round that the record leaves open counts: a look too many does no harm.
    """
    rounds = [
        Due(item.due_by, item.id, item.text) for item in advice.of_kind("monitor") if item.due_by is not None
    ]
    return min((*advice.next_looks, *rounds), key=lambda due: due.time, default=None)


def open_acts(advice: Advice) -> list[tuple[str, list[Item]]]:
    """Return the acts that the record leaves open, by what would have to hold."""
    items = [item for item in advice.of_kind(*DOINGS) if item.undecided and item.urgency != "routine"]
    order = {item.condition: place for place, item in reversed(list(enumerate(items)))}
    by_condition = groupby(sorted(items, key=lambda one: order[one.condition]), lambda one: one.condition)
    return [(condition, list(group)) for condition, group in by_condition]


def work_up(advice: Advice) -> list[Item]:
    """Return the checklist; what is open is not on it."""
    return [item for item in advice.of_kind("work_up") if item.check is not None and not item.undecided]


def differential(advice: Advice) -> list[Item]:
    """Return what else it may be."""
    return [one for one in advice.of_kind("differential") if not one.undecided and one.urgency != "routine"]


def rest(advice: Advice) -> list[Item]:
    """Return what is routine, for information, or open and no act."""
    return [item for item in advice.items if _is_rest(item)]


def _is_rest(item: Item) -> bool:
    if item.kind == "work_up":
        return bool(item.undecided) or item.check is None
    return (
        item.kind == "inform" or item.urgency == "routine" or bool(item.undecided and item.kind not in DOINGS)
    )

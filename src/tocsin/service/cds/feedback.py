"""What users answered to cards, as the EHR reports it: checked, and kept."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tocsin.knowledge.cds import Service
from tocsin.service.cds.request import Fault, refuse
from tocsin.service.intake import read_json
from tocsin.service.store.feedback import Feedback
from tocsin.sources.fhir.concepts import Json, as_list, as_object

_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_OUTCOMES: Final = ("accepted", "overridden")
_MOST: Final = 200
_LONGEST: Final = 4000
_AHEAD: Final = timedelta(minutes=10)


def read_feedback(body: bytes, service: Service, client: str) -> list[Feedback]:
    """Return the answers of one request. Raises Problem (400, 422) that names each place at fault."""
    listed = as_list(as_object(read_json(body)).get("feedback"))
    if not 0 < len(listed) <= _MOST:
        refuse([("feedback", f"write a list of 1 to {_MOST} entries")])
    entries = [as_object(one) for one in listed]
    refuse([fault for place, one in enumerate(entries) for fault in _faults(one, f"feedback[{place}]")])
    received = datetime.now(UTC)
    return [
        Feedback(str(one["card"]).lower(), service.id, one["outcome"], one, client, received)
        for one in entries
    ]


def _faults(one: Json, where: str) -> list[Fault]:
    faults: list[Fault] = []
    if not _is_uuid(one.get("card")):
        faults.append((f"{where}.card", "write the uuid of the card"))
    if one.get("outcome") not in _OUTCOMES:
        faults.append((f"{where}.outcome", f"write {' or '.join(_OUTCOMES)}"))
    if not _is_time(one.get("outcomeTimestamp")):
        faults.append(
            (f"{where}.outcomeTimestamp", "write date and time with the zone, such as 2026-02-12T19:00:00Z")
        )
    if one.get("outcome") == "accepted" and not _are_suggestions(one.get("acceptedSuggestions")):
        faults.append(
            (f"{where}.acceptedSuggestions", "write a list of objects with the id of each suggestion")
        )
    return faults + _override_faults(one, where)


def _override_faults(one: Json, where: str) -> list[Fault]:
    if "overrideReason" not in one:
        return []
    found, place = as_object(one["overrideReason"]), f"{where}.overrideReason"
    faults: list[Fault] = []
    if one.get("outcome") != "overridden":
        faults.append((place, "only with the outcome overridden"))
    if not found or not set(found) <= {"reason", "userComment", "extension"}:
        faults.append((place, "write an object with reason, userComment or both"))
    reason = as_object(found.get("reason"))
    if "reason" in found and not all(_is_text(reason.get(name)) for name in ("code", "system")):
        faults.append((f"{place}.reason", "write a coding with code and system"))
    if "userComment" in found and not _is_text(found["userComment"]):
        faults.append((f"{place}.userComment", f"write a text of at most {_LONGEST} signs"))
    return faults


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _is_uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _are_suggestions(value: Any) -> bool:
    listed = as_list(value)
    return 0 < len(listed) <= _MOST and all(_is_text(as_object(one).get("id")) for one in listed)


def _is_time(value: Any) -> bool:
    """Whether a text is an instant that is not ahead of us."""
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        return False
    try:
        return datetime.fromisoformat(value.upper()) <= datetime.now(UTC) + _AHEAD
    except ValueError:
        return False

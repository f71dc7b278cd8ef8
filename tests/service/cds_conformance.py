"""The rules of the HL7 validator for CDS Hooks answers, written again: what is wrong with a discovery, a response, a feedback."""

import re
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CARD = {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior"} | {
    "overrideReasons",
    "links",
    "extension",
}
_SERVICE = {"hook", "title", "description", "id", "prefetch", "usageRequirements", "extension"}


def faults_of_response(document: Any) -> list[str]:
    """What is wrong with a response."""
    faults = empties(document, "response")
    if not isinstance(document, dict) or "cards" not in document:
        return [*faults, "response: needs cards"]
    faults += [
        f"response: unknown {name}" for name in set(document) - {"cards", "systemActions", "extension"}
    ]
    for place, card in enumerate(document["cards"]):
        faults += _card_faults(card, f"cards[{place}]")
    return faults


def faults_of_discovery(document: Any) -> list[str]:
    """What is wrong with the list of services."""
    faults = empties(document, "services")
    for place, one in enumerate(document["services"]):
        where = f"services[{place}]"
        faults += [f"{where}: needs {name}" for name in ("hook", "description", "id") if not one.get(name)]
        faults += [f"{where}: unknown {name}" for name in set(one) - _SERVICE]
        if not all(isinstance(value, str) for value in one.get("prefetch", {}).values()):
            faults.append(f"{where}.prefetch: queries are texts")
        if not isinstance(one.get("extension", {}), dict) or "extension" in one:
            faults.append(f"{where}.extension: nothing of ours")
    return faults


def empties(value: Any, where: str) -> list[str]:
    """Where something is null or empty; only `cards` may be."""
    if value is None or value in ("", {}) or (value == [] and not where.endswith(".cards")):
        return [f"{where}: empty"]
    if isinstance(value, dict):
        return [fault for name, inner in value.items() for fault in empties(inner, f"{where}.{name}")]
    if isinstance(value, list):
        return [fault for inner in value for fault in empties(inner, where)]
    return []


def _card_faults(card: Json, where: str) -> list[str]:
    faults = [f"{where}: needs {name}" for name in ("summary", "indicator", "source") if not card.get(name)]
    faults += [f"{where}: unknown {name}" for name in set(card) - _CARD]
    if not UUID.fullmatch(card.get("uuid", "0" * 8 + "-0000" * 3 + "-" + "0" * 12)):
        faults.append(f"{where}.uuid: no uuid")
    if len(card.get("summary", "")) >= 140 or "\n" in card.get("summary", ""):
        faults.append(f"{where}.summary: one sentence under 140 signs")
    if card.get("indicator") not in ("info", "warning", "critical"):
        faults.append(f"{where}.indicator: unknown")
    if not card.get("source", {}).get("label"):
        faults.append(f"{where}.source: needs a label")
    if not _is_absolute(card.get("source", {}).get("url", "https://a.example")):
        faults.append(f"{where}.source.url: not absolute")
    if card.get("suggestions") and card.get("selectionBehavior") not in ("at-most-one", "any"):
        faults.append(f"{where}: cds-resp-6: suggestions need selectionBehavior")
    for place, link in enumerate(card.get("links", ())):
        faults += _link_faults(link, f"{where}.links[{place}]")
    for place, reason in enumerate(card.get("overrideReasons", ())):
        if set(reason) != {"code", "system", "display"}:
            faults.append(f"{where}.overrideReasons[{place}]: code, system and display")
    for place, one in enumerate(card.get("suggestions", ())):
        faults += _suggestion_faults(one, f"{where}.suggestions[{place}]")
    return faults


def _link_faults(link: Json, where: str) -> list[str]:
    faults = [f"{where}: needs {name}" for name in ("label", "url", "type") if not link.get(name)]
    if link.get("type") not in ("absolute", "smart"):
        faults.append(f"{where}.type: unknown")
    if not _is_absolute(link.get("url", "")):
        faults.append(f"{where}.url: not absolute")
    if link.get("type") == "absolute" and "appContext" in link:
        faults.append(f"{where}.appContext: only for smart")
    return faults


def _suggestion_faults(one: Json, where: str) -> list[str]:
    faults = [] if one.get("label") else [f"{where}: needs a label"]
    for place, action in enumerate(one.get("actions", ())):
        here = f"{where}.actions[{place}]"
        if action.get("type") not in ("create", "update", "delete") or not action.get("description"):
            faults.append(f"{here}: type and description")
        resource = action.get("resource", {})
        if action.get("type") in ("create", "update") and not (
            resource.get("resourceType") and resource.get("id")
        ):
            faults.append(f"{here}.resource: needs resourceType and id")
    return faults


def _is_absolute(url: str) -> bool:
    found = urlsplit(url)
    return found.scheme in ("http", "https") and bool(found.netloc)

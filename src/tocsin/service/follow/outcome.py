"""What a server says went wrong: an OperationOutcome in a few words, without what might name a patient."""

from collections.abc import Iterable
from typing import Final

from tocsin.errors import UserError
from tocsin.sources.fhir.bundle import parse
from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text

_LONGEST: Final = 160
_GRAVE: Final = ("fatal", "error")


def reason_of(content: bytes, hidden: Iterable[str] = ()) -> str:
    """Return what an OperationOutcome says in its own words, or nothing. What was asked for, `hidden`, is not repeated."""
    try:
        outcome = as_object(parse(content, "answer"))
    except UserError:
        return ""
    if outcome.get("resourceType") != "OperationOutcome":
        return ""
    issues = [as_object(issue) for issue in as_list(outcome.get("issue"))]
    issues.sort(key=lambda issue: issue.get("severity") not in _GRAVE)
    said = next((words for issue in issues if (words := _words(issue))), "")
    for value in sorted(filter(None, hidden), key=len, reverse=True):
        said = said.replace(value, "...")
    return said[:_LONGEST]


def _words(issue: Json) -> str:
    details = as_text(as_object(issue.get("details")).get("text"))
    said = details or as_text(issue.get("diagnostics")) or as_text(issue.get("code")) or ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())

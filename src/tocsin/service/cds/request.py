"""A hook request as it comes in, checked: who is looked at, what was sent along, and what was not."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from tocsin.errors import UserError
from tocsin.knowledge.cds import Prefetch, Service, prefetch
from tocsin.service.errors import Problem
from tocsin.sources.fhir.bundle import parse
from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text
from tocsin.sources.fhir.references import own_id

_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # as FHIR writes an id: no type before it
_URL: Final = re.compile(r"https?://[^\s<>\"]{1,2000}")
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_USERS: Final = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")
_AUTHORIZATION: Final = ("access_token", "token_type", "scope", "subject")

Fault = tuple[str, str]  # where, and what is wrong


@dataclass(frozen=True)
class Call:
    """One call of a service: the patient, the resources that were sent along, the drafts, and what is not there.

    `absent` holds the keys that were not sent, or sent as a failure; `cut` those of which only a first page came.
    """

    service: Service
    patient: str
    sent: Mapping[str, Json]
    absent: tuple[Prefetch, ...]
    cut: tuple[str, ...]
    drafts: tuple[tuple[Json, str | None], ...]  # the draft orders with their fullUrl
    selections: tuple[str, ...]

    @property
    def resources(self) -> list[Json]:
        """What was sent along of what was asked for."""
        return list(self.sent.values())


def read_call(body: bytes, service: Service) -> Call:
    """Return a hook request. Raises Problem (400, 422) that names each place at fault."""
    try:
        document: Any = parse(body, "body")
    except UserError as error:
        raise Problem(400, "not_json", error.message) from None
    request = as_object(document)
    refuse([*_envelope(request, service), *_context_faults(as_object(request.get("context")), service.hook)])
    context = as_object(request["context"])
    given = as_object(request.get("prefetch"))
    refuse([fault for key, value in given.items() for fault in _prefetch_faults(key, value)])
    sent, absent, cut = _sort_out(given)
    call = Call(
        service,
        str(context["patientId"]),
        sent,
        absent,
        cut,
        tuple(_drafts(as_object(context.get("draftOrders")))),
        tuple(as_list(context.get("selections"))),
    )
    _refuse_another(call)
    return call


def refuse(faults: list[Fault]) -> None:
    """Raise Problem (422) where there are faults."""
    if faults:
        detail = [{"where": where[:200], "message": message} for where, message in faults[:20]]
        raise Problem(422, "invalid", f"{faults[0][0][:200]}: {faults[0][1]}", detail)


def _envelope(request: Json, service: Service) -> list[Fault]:
    """Return what is wrong with the fields that every hook has."""
    checks: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
        ("hook", lambda value: value == service.hook, f"this service is for the hook {service.hook}"),
        ("hookInstance", lambda value: _is(_UUID, value), "write a UUID"),
        ("context", lambda value: bool(as_object(value)), "write an object"),
    )
    optional: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
        ("fhirServer", lambda value: _is(_URL, value), "write the base URL of the FHIR server"),
        ("prefetch", lambda value: isinstance(value, dict), "write an object of prefetch keys"),
        ("extension", lambda value: isinstance(value, dict), "write an object"),
        (
            "fhirAuthorization",
            _is_authorization,
            "write access_token, token_type Bearer, expires_in, scope and subject",
        ),
    )
    faults = [(name, what) for name, holds, what in checks if not holds(request.get(name))]
    faults += [(name, what) for name, holds, what in optional if name in request and not holds(request[name])]
    if "fhirAuthorization" in request and "fhirServer" not in request:
        faults.append(("fhirServer", "needed beside fhirAuthorization"))
    return faults


def _is(shape: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and shape.fullmatch(value) is not None


def _is_authorization(value: Any) -> bool:
    found = as_object(value)
    seconds = found.get("expires_in")
    return (
        all(isinstance(found.get(name), str) and found[name] for name in _AUTHORIZATION)
        and found["token_type"] == "Bearer"
        and isinstance(seconds, int)
        and not isinstance(seconds, bool)
    )


def _is_user(value: Any) -> bool:
    return _is(_REFERENCE, value) and value.partition("/")[0] in _USERS


# What the context of each hook must hold, and may hold.
_CONTEXT: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = MappingProxyType(
    {
        "userId": (_is_user, "write Practitioner/ID, PractitionerRole/ID, Patient/ID or RelatedPerson/ID"),
        "patientId": (lambda value: _is(_ID, value), "write the id of the Patient alone, without its type"),
        "encounterId": (
            lambda value: _is(_ID, value),
            "write the id of the Encounter alone, without its type",
        ),
        "selections": (
            lambda value: bool(as_list(value)) and all(_is(_REFERENCE, one) for one in as_list(value)),
            "write a list of references such as MedicationRequest/ID",
        ),
        "draftOrders": (
            lambda value: not _bundle_fault(value),
            "write a Bundle whose entries hold resources",
        ),
    }
)
_REQUIRED: Final = MappingProxyType(
    {
        "patient-view": ("userId", "patientId"),
        "order-select": ("userId", "patientId", "selections", "draftOrders"),
        "order-sign": ("userId", "patientId", "draftOrders"),
    }
)


def _context_faults(context: Json, hook: str) -> list[Fault]:
    needed = _REQUIRED[hook]
    faults = [(f"context.{name}", "needed") for name in needed if name not in context]
    known = [name for name in (*needed, "encounterId") if name in context]
    return faults + [
        (f"context.{name}", _CONTEXT[name][1]) for name in known if not _CONTEXT[name][0](context[name])
    ]


def _bundle_fault(value: Any) -> bool:
    """Whether something is no Bundle, or has entries without a resource."""
    found = as_object(value)
    if found.get("resourceType") != "Bundle" or not isinstance(found.get("entry", []), list):
        return True
    return not all(
        isinstance(as_object(as_object(entry).get("resource")).get("resourceType"), str)
        for entry in as_list(found.get("entry"))
    )


def _prefetch_faults(key: str, value: Any) -> list[Fault]:
    if value is None or isinstance(as_object(value).get("resourceType"), str):
        return []
    return [
        (f"prefetch.{key}", "write a FHIR resource (it has a resourceType), or null where nothing was found")
    ]


def _sort_out(given: Json) -> tuple[dict[str, Json], tuple[Prefetch, ...], tuple[str, ...]]:
    """Return the resources by key, the keys that did not come, and those of which a page is missing."""
    sent: dict[str, Json] = {}
    absent: list[Prefetch] = []
    cut: list[str] = []
    for key, wanted in prefetch().items():
        value = given.get(key)
        if key not in given or as_object(value).get("resourceType") == "OperationOutcome":
            absent.append(wanted)
        elif value is not None:  # null: looked for, and there is nothing
            sent[key] = value
            if _has_more(value):
                cut.append(key)
    return sent, tuple(absent), tuple(cut)


def _has_more(value: Json) -> bool:
    return any(as_object(link).get("relation") == "next" for link in as_list(value.get("link")))


def _drafts(bundle: Json) -> list[tuple[Json, str | None]]:
    entries = [as_object(entry) for entry in as_list(bundle.get("entry"))]
    return [(as_object(entry.get("resource")), as_text(entry.get("fullUrl"))) for entry in entries]


def _refuse_another(call: Call) -> None:
    """Refuse a Patient of another id than the context's: the record and the question must be of one person."""
    found = as_object(call.sent.get("patient"))
    if found.get("resourceType") == "Patient" and own_id(found, None) not in (None, call.patient):
        refuse([("prefetch.patient", "is another patient than context.patientId")])

"""A hook request as it comes in, checked: who is looked at, what was sent along, and what was not."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from tocsin.knowledge.cds import Prefetch, Service, prefetch
from tocsin.service.errors import Problem
from tocsin.service.intake import read_json
from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text
from tocsin.sources.fhir.references import Links, own_id, subject_of
from tocsin.sources.fhir.shapes import SHAPES

_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # as FHIR writes an id: no type before it
_URL: Final = re.compile(r"https?://[^\s<>\"]{1,2000}")
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_USERS: Final = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")
_AUTHORIZATION: Final = ("access_token", "token_type", "scope", "subject")

_FAILED: Final = "OperationOutcome"
# What R5 renamed: read as R4, such a resource has no drug or no time, and would be passed over without a word.
_MOVED: Final = MappingProxyType(
    {
        "MedicationAdministration": frozenset(
            {"medication", "occurenceDateTime", "occurencePeriod", "occurenceTiming"}
        ),
        "MedicationRequest": frozenset({"medication"}),
        "Procedure": frozenset({"occurrenceDateTime", "occurrencePeriod"}),
    }
)
_OF_R5: Final = "holds a resource in the shape of FHIR R5, which is not read; write FHIR R4"

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

    @cached_property
    def whose(self) -> Mapping[str, tuple[int, int]]:
        """How many resources of each key are of the patient, and how many of another or of none: those are not read."""
        links, found = Links(), dict[str, tuple[int, int]]()
        for key, sent in self.sent.items():
            own: list[bool] = []
            for resource, full_url in _resources(sent):
                if resource.get("resourceType") in SHAPES:
                    own.append(subject_of(resource, links)[0] == self.patient)
                else:
                    links.add(resource, full_url)
            found[key] = own.count(True), own.count(False)
        return found

    @property
    def strangers(self) -> int:
        """How many resources are of another patient or of none."""
        return sum(others for _, others in self.whose.values())


def read_call(body: bytes, service: Service) -> Call:
    """Return a hook request. Raises Problem (400, 422) that names each place at fault."""
    request = as_object(read_json(body))
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
        tuple(_resources(as_object(context.get("draftOrders")))),
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
            lambda value: (
                not _bundle_fault(value) and not any(_is_of_r5(one) for one, _ in _resources(value))
            ),
            "write a Bundle whose entries hold resources of FHIR R4",
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
    return not all(isinstance(resource.get("resourceType"), str) for resource, _ in _resources(found))


def _prefetch_faults(key: str, value: Any) -> list[Fault]:
    """Return what is wrong with what was sent under a key: read as if it were right, it would pass for an empty record."""
    sent, place = as_object(value), f"prefetch.{key}"
    kind = sent.get("resourceType")
    if value is not None and not isinstance(kind, str):
        return [(place, "write a FHIR resource (it has a resourceType), or null where nothing was found")]
    if value is None or key not in prefetch():
        return []
    wanted = re.split(r"[/?]", prefetch()[key].template)[0]
    if kind not in (wanted, "Bundle", _FAILED):
        return [(place, f"write what the query finds: a Bundle, or one {wanted}")]
    if kind == "Bundle" and _bundle_fault(sent):
        return [(place, "write a Bundle whose entries hold resources")]
    return [(place, _OF_R5)] if any(_is_of_r5(one) for one, _ in _resources(sent)) else []


def _is_of_r5(resource: Json) -> bool:
    """Whether a resource keeps its drug or its time where only a later release of FHIR has it."""
    moved = _MOVED.get(str(resource.get("resourceType")))
    return moved is not None and not moved.isdisjoint(resource)


def _sort_out(given: Json) -> tuple[dict[str, Json], tuple[Prefetch, ...], tuple[str, ...]]:
    """Return the resources by key, the keys that did not come, and those of which a page is missing."""
    sent: dict[str, Json] = {}
    absent: list[Prefetch] = []
    cut: list[str] = []
    for key, wanted in prefetch().items():
        value = given.get(key)
        if key not in given or as_object(value).get("resourceType") == _FAILED:
            absent.append(wanted)
        elif value is not None:  # null: looked for, and there is nothing
            sent[key] = value
            if _has_more(value):
                cut.append(key)
    return sent, tuple(absent), tuple(cut)


def _has_more(value: Json) -> bool:
    return any(as_object(link).get("relation") == "next" for link in as_list(value.get("link")))


def _resources(sent: Json) -> list[tuple[Json, str | None]]:
    """Return the resources of a Bundle, each with its fullUrl, or the one resource that it is."""
    if sent.get("resourceType", "Bundle") != "Bundle":
        return [(sent, None)]
    entries = [as_object(entry) for entry in as_list(sent.get("entry"))]
    return [(as_object(entry.get("resource")), as_text(entry.get("fullUrl"))) for entry in entries]


def _refuse_another(call: Call) -> None:
    """Refuse what is of somebody else than the context's patient: the record and the question must be of one person."""
    sent = [resource for resource, _ in _resources(as_object(call.sent.get("patient")))]
    people = [own_id(one, None) for one in sent if one.get("resourceType") == "Patient"]
    if people and not {None, call.patient} & set(people):
        refuse([("prefetch.patient", "is another patient than context.patientId")])
    message = "none of its resources is of context.patientId"
    refuse([(f"prefetch.{key}", message) for key, (own, others) in call.whose.items() if others and not own])

"""A Bundle as it comes in: its resources, each in the one spelling that is stored, and all of the one patient."""

import hashlib
import re
from datetime import datetime
from typing import Any, Final

import orjson

from tocsin.errors import UserError
from tocsin.service.errors import Problem
from tocsin.service.store.database import micros
from tocsin.service.store.store import Incoming
from tocsin.sources.fhir.bundle import Entry, entries, parse
from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text
from tocsin.sources.fhir.references import Links, own_id, subject_of

# An id as FHIR writes it; `_` and `:` are what servers add. No path, no control sign, nothing to escape.
PATIENT_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}$"
_ID: Final = re.compile(PATIENT_ID)
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")


def checked_id(patient: str) -> str:
    """Return the id of a patient. Raises Problem when it is none."""
    if _ID.fullmatch(patient) is None:
        raise Problem(422, "invalid", "patient id: letters, digits, . _ : - only, at most 128")
    return patient


_PLAIN: Final = re.compile(r"[\x21-\x7e]{1,256}")
_OUTSIDE: Final = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_URL: Final = 2000


def read_json(data: bytes) -> Any:
    """Return a body as JSON. Raises Problem (400) when it is none."""
    try:
        return parse(data, "body")
    except UserError as error:
        raise Problem(400, "not_json", error.message) from None


def read_fhir(data: bytes) -> Json:
    """Return a body as a FHIR resource. Raises Problem (400, 422) when it is none."""
    document = as_object(read_json(data))
    if not isinstance(document.get("resourceType"), str):
        raise Problem(422, "not_fhir", "JSON, but no FHIR (it has no resourceType); send a Bundle")
    if document["resourceType"] == "Bundle":
        _refuse_odd_entries(document)
    return document


def _refuse_odd_entries(bundle: Json) -> None:
    """Refuse entries that would be passed over in silence: those that are none, and those that ask to delete."""
    listed = bundle.get("entry", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in as_list(listed)):
        raise Problem(422, "not_fhir", "entry: write a list of objects, each with a resource")
    methods = [as_object(as_object(one).get("request")).get("method") for one in as_list(listed)]
    if "DELETE" in methods:
        where = f"entry[{methods.index('DELETE')}]"
        message = f"{where}: nothing is deleted here; send the resource with the status entered-in-error"
        raise Problem(422, "invalid", message, [{"where": where}])


def read_incoming(data: bytes, patient: str) -> list[Incoming]:
    """Return the resources of a Bundle, or the one resource, to be kept for a patient.

    Raises Problem when it is no FHIR, or when a resource is of somebody else.
    """
    found = [one for one in entries(read_fhir(data), "body") if one[0]]
    links = Links()
    for resource, _, full_url in found:
        links.add(resource, full_url)
    _refuse_others(found, links, patient)
    return [_incoming(*one) for one in found]


def _refuse_others(found: list[Entry], links: Links, patient: str) -> None:
    """Refuse a Bundle with a resource of another patient: what is kept here is graded and shown as this one's."""
    others = [
        place
        for resource, place, full_url in found
        if _whose(resource, full_url, links) not in (None, patient)
    ]
    if others:
        count = "1 resource is" if len(others) == 1 else f"{len(others)} resources are"
        message = f"{count} of another patient than {patient}, so nothing was kept; send to that one"
        raise Problem(422, "other_patient", message, [{"where": place[:200]} for place in others[:20]])


def _whose(resource: Json, full_url: str | None, links: Links) -> str | None:
    """Return the patient that a resource is of, None where it is of none: a Medication, a Device."""
    is_patient = resource.get("resourceType") == "Patient"
    return own_id(resource, full_url) if is_patient else subject_of(resource, links)[0]


def _incoming(resource: Json, place: str, full_url: str | None) -> Incoming:
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or _TYPE.fullmatch(kind) is None:
        raise Problem(422, "not_fhir", f"{place[:200]}: its resourceType is no word of FHIR")
    if full_url is not None and (_OUTSIDE.search(full_url) or len(full_url) > _LONGEST_URL):
        raise Problem(422, "not_fhir", f"{place[:200]}: its fullUrl is no address")
    try:
        content = orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise Problem(422, "too_deep", f"{place[:200]}: nested too deep to be FHIR") from None
    said = as_text(resource.get("id")) or full_url
    if said is None:
        said = (
            "#" + hashlib.sha256(content).hexdigest()
        )  # without a name only its content tells it from others
    elif _PLAIN.fullmatch(said) is None:
        said = "#" + hashlib.sha256(said.encode()).hexdigest()
    return Incoming(kind, said, content, full_url, _updated(resource))


def _updated(resource: Json) -> int | None:
    """Return the resource's own word for when it was last changed."""
    said = as_object(resource.get("meta")).get("lastUpdated")
    try:
        time = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return micros(time) if time is not None and time.tzinfo is not None else None

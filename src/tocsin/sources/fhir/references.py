"""References between resources: to the patient, and to the resource that names a drug or a device."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text, clean, concept_code
from tocsin.sources.fhir.shapes import NAMED

URN: Final = re.compile(r"urn:(?:uuid|oid):(.+)")
PATIENT: Final = re.compile(r"(?:^|/)Patient/([^/]+)")
BY_IDENTIFIER: Final = re.compile(r"(?:^|/)Patient\?identifier=(?:.*\|)?([^|&]+)")
_NAMED: Final = re.compile(r"(?:^|/)((?:Medication|Device)/[^/]+)")


@dataclass(frozen=True, slots=True)
class Links:
    """What references in one Bundle lead to: by fullUrl a Patient's own id; Medications and Devices."""

    patients: dict[str, str | None] = field(default_factory=dict[str, str | None])
    named: dict[str, Json] = field(default_factory=dict[str, Json])

    def add(self, resource: Json, full_url: str | None) -> None:
        """Take note of a resource that others may refer to."""
        kind = as_text(resource.get("resourceType"))
        if kind == "Patient" and full_url:
            self.patients[full_url] = own_id(resource, full_url)
        elif kind in NAMED:
            for key in (full_url, f"{kind}/{resource.get('id')}"):
                if key:
                    self.named.setdefault(key, resource)


def own_id(patient: Json, full_url: str | None) -> str | None:
    """Return a Patient's id; one that is only on its way into a server is known by its urn."""
    match = URN.fullmatch(full_url or "")
    return as_text(patient.get("id")) or (match[1] if match else None)


def who_of(resource: Json) -> Json:
    """Return the Reference to the patient."""
    subject = resource.get("subject")
    return as_object(resource.get("patient") if subject is None else subject)


def subject_of(resource: Json, links: Links) -> tuple[str | None, bool]:
    """Return the id of the patient that a resource is about, and whether it is only an identifier."""
    found = who_of(resource)
    reference = found.get("reference")
    if isinstance(reference, str):
        if reference in links.patients:
            return links.patients[reference], False
        if match := BY_IDENTIFIER.search(reference):
            return match[1], True
        subject = links.patients[reference] = _patient_id(reference)  # the next row has the same one
        return subject, False
    value = clean(as_object(found.get("identifier")).get("value"))
    return value, value is not None


def _patient_id(reference: str) -> str | None:
    match = PATIENT.search(reference) or URN.fullmatch(reference)
    return match[1] if match else None


def reference_code(reference: Any, contained: Any, links: Links) -> tuple[str | None, str | None]:
    """Return the code of the Medication or Device referred to, and the reference if it leads nowhere."""
    found = as_object(reference)
    target = as_text(found.get("reference"))
    resource = _target(target, contained, links.named) if target else None
    display = clean(found.get("display"))
    code = named_code(resource) if resource else None
    code = code or ("text|" + display if display else None)
    return code, target if code is None else None


def _target(target: str, contained: Any, named: Mapping[str, Json]) -> Json | None:
    if target.startswith("#"):
        inside = (as_object(one) for one in as_list(contained))
        return next((one for one in inside if one.get("id") == target[1:]), None)
    match = _NAMED.search(target)
    return named.get(target) or (named.get(match[1]) if match else None)


def named_code(resource: Json) -> str | None:
    """Return the code of a Medication or a Device; a Device may have only a name."""
    field = NAMED.get(str(resource.get("resourceType")))
    code = concept_code(as_object(resource.get(field))) if field else None
    name = next(iter(as_list(resource.get("deviceName"))), None)
    words = clean(as_object(name).get("name"))
    return code or ("text|" + words if words else None)

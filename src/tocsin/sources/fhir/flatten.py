"""One FHIR resource to its flat rows, in Python: reads Bundles, and judges the NDJSON reader."""

from typing import Any, NamedTuple

from tocsin.sources.fhir.concepts import (
    NOTHING,
    VALUES,
    Amount,
    Json,
    as_list,
    as_object,
    as_text,
    at,
    concept_code,
    concept_text,
    dosage_of,
    given,
    observed,
)
from tocsin.sources.fhir.references import Links, own_id, reference_code, subject_of, who_of
from tocsin.sources.fhir.shapes import KINDS, NO_INTEREST, SHAPES, Shape, kind_fate, place_of, status_fate
from tocsin.sources.flat import SHORT, FlatRow
from tocsin.sources.settings import Settings
from tocsin.sources.times import death_settings, time_reader

# Why a row goes to quarantine, in which column, and what stood there.
Trouble = tuple[str | None, str | None, str | None]
FINE: Trouble = (None, None, None)
BY_IDENTIFIER = " (subject by identifier)"


class Head(NamedTuple):
    """What the rows of one resource share."""

    source: str
    subject: str | None
    time: int | None
    until: int | None
    known: int | None
    fate: str | None
    trouble: Trouble


class Flattener:
    """Flattens the resources of one input, with the links that lead from one to another."""

    def __init__(self, settings: Settings, links: Links) -> None:
        self._links = links
        self._read = time_reader(settings)
        self._read_death = time_reader(death_settings(settings))
        self._kind_fates = {kind: kind_fate(kind, settings) for kind in KINDS}

    def rows(
        self, resource: Json, source: str, full_url: str | None = None, fate: str | None = None
    ) -> list[FlatRow]:
        """Return the rows of a resource; `fate` is why none of them counts, whatever it says."""
        kind = as_text(resource.get("resourceType")) or ""
        shape = SHAPES.get(kind)
        fate = fate or self._kind_fates.get(kind, NO_INTEREST)
        if kind == "Patient":
            return self._patient(resource, source, full_url, fate)
        if shape is None:
            subject, _ = subject_of(resource, self._links)
            return [_row(Head(source, subject, None, None, None, fate, FINE), _kind_code(kind))]
        head = self._head(resource, shape, source, fate)
        return (
            self._observation(resource, head) if kind == "Observation" else [self._act(resource, shape, head)]
        )

    def _patient(self, resource: Json, source: str, full_url: str | None, fate: str | None) -> list[FlatRow]:
        subject = own_id(resource, full_url)
        died = as_text(resource.get("deceasedDateTime"))
        if died is None and resource.get("deceasedBoolean") is not True:
            return [_row(Head(source, subject, None, None, None, fate, FINE), _kind_code("Patient"))]
        # One resource is one row: that of the death stands for the person too.
        time, trouble = self._read_death(died) if died is not None else (None, "no_time")
        fate = None if fate == "no_clinical_content" else fate
        why = (
            _trouble("no_subject", "id", None)
            if subject is None
            else _trouble(trouble, "deceasedDateTime", died)
        )
        head = Head(source, subject, time, None, None, fate, FINE if fate else why)
        return [_row(head, "tocsin|death")]

    def _head(self, resource: Json, shape: Shape, source: str, fate: str | None) -> Head:
        subject, by_identifier = subject_of(resource, self._links)
        place, written = _first(resource, shape.times)
        time, trouble = self._read(written) if written is not None else (None, "no_time")
        end_place, end_written = _first(resource, shape.ends)
        until, end_trouble = self._read(end_written) if end_written is not None else (None, None)
        issued = as_text(resource.get(shape.known)) if shape.known else None
        fate = fate or status_fate(shape.kind, as_text(at(resource, shape.status)))
        if fate:
            why = FINE
        elif subject is None:
            why = _trouble("no_subject", "subject", at(who_of(resource), "reference"))
        elif trouble:
            why = _trouble(trouble, place_of(place), written)
        elif end_trouble:
            why = _trouble(end_trouble, place_of(end_place), end_written)
        elif time is not None and until is not None and until < time:
            why = _trouble("end_before_start", place_of(end_place), end_written)
        else:
            why = FINE
        return Head(
            source + BY_IDENTIFIER if by_identifier else source,
            subject,
            time,
            until,
            self._read(issued)[0] if issued is not None else None,
            fate,
            why,
        )

    def _observation(self, resource: Json, head: Head) -> list[FlatRow]:
        components = as_list(resource.get("component"))
        if not components:
            return [_measured(resource, head)]
        rows: list[FlatRow] = []
        if any(resource.get(name) is not None for name in VALUES):
            rows.append(_measured(resource, head))
        for place, component in enumerate(components, 1):
            part = head._replace(source=f"{head.source} component[{place}]")
            rows.append(_measured(as_object(component), part))
        return rows

    def _act(self, resource: Json, shape: Shape, head: Head) -> FlatRow:
        code, lost = self._code(resource, shape)
        if lost and head.fate is None and head.trouble is FINE:
            head = head._replace(trouble=_trouble("unresolved_reference", shape.reference, lost))
        dosage = dosage_of(resource, shape.dosage)
        amount = given(dosage) if dosage else NOTHING
        return _row(head, code, amount, concept_code(as_object(dosage.get("route"))) if dosage else None)

    def _code(self, resource: Json, shape: Shape) -> tuple[str | None, str | None]:
        for path in shape.concepts:
            if code := concept_code(as_object(at(resource, path))):
                return code, None
        if shape.reference is None:
            return None, None
        return reference_code(resource.get(shape.reference), resource.get("contained"), self._links)


def _measured(item: Json, head: Head) -> FlatRow:
    """Return the row of an Observation's own value, or of one component."""
    amount = observed(item)
    if head.fate is None and amount[1] is None and amount[2] is None:
        if as_list(item.get("hasMember")):
            head = head._replace(fate="no_clinical_content", trouble=FINE)
        elif head.trouble is FINE:
            head = head._replace(trouble=("no_value", "valueQuantity", _instead(item)))
    return _row(head, concept_code(as_object(item.get("code"))), amount)


def _instead(item: Json) -> str | None:
    """Return what stands where the value should be: why it is absent, or what is no number."""
    absent = concept_text(as_object(item.get("dataAbsentReason")))
    return _short(absent or as_text(as_object(item.get("valueQuantity")).get("value")))


def _row(head: Head, code: str | None, amount: Amount = NOTHING, route: str | None = None) -> FlatRow:
    unit, text, value, comparator = amount
    source, subject, time, until, known, fate, trouble = head
    return (source, subject, time, until, known, code, unit, route, text, value, comparator, fate, *trouble)


def _kind_code(kind: str) -> str | None:
    """What is not read for its code is counted by its type."""
    return f"resource|{kind}" if kind else None


def _first(resource: Json, paths: tuple[str, ...]) -> tuple[str, str | None]:
    """Return the first path at which something stands, and what: else the first path."""
    for path in paths:
        found = resource[path] if path in resource else at(resource, path)
        if found is not None:
            return path, found if isinstance(found, str) else as_text(found)
    return (paths[0] if paths else ""), None


def _trouble(trouble: str | None, column: str | None, value: Any) -> Trouble:
    return (trouble, column, _short(value)) if trouble else FINE


def _short(value: Any) -> str | None:
    text = as_text(value)
    return text[:SHORT] if text is not None else None

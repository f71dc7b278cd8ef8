"""A Bundle, or whatever else Python reads, to flat rows: quick for one Bundle, patient with broken text."""

import gc
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from tocsin.errors import UserError
from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text, at
from tocsin.sources.fhir.flatten import Flattener
from tocsin.sources.fhir.people import Person, person, refuse_shared, shared_ids, subjects_table
from tocsin.sources.fhir.references import Links
from tocsin.sources.fhir.shapes import KINDS
from tocsin.sources.flat import FlatRow, FlatRows, flat_table
from tocsin.sources.settings import Settings
from tocsin.sources.source import first_row_of

GZIP: Final = b"\x1f\x8b"
BOM: Final = b"\xef\xbb\xbf"
# A text, or a number that JSON does not have but some exporters write.
_NO_NUMBER: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')

# A resource, the place that reports name, its fullUrl.
Entry = tuple[Json, str, str | None]


# A resource's type and id, and its version or what stands in it.
Print = tuple[str | None, str | None, str | int]


@dataclass(slots=True)
class Reader:
    """Reads one document, or several after one another: what was there before counts over all of them."""

    settings: Settings
    alone: bool = False
    resources: int = 0
    people: list[Person] = field(default_factory=list[Person])
    _seen: set[Print] = field(default_factory=set[Print])

    def rows(self, document: Any, name: str) -> list[FlatRow]:
        """Return the rows of a Bundle, of a lone resource, or of a list of resources."""
        found = list(entries(document, name))
        links = Links()
        for resource, _, full_url in found:
            links.add(resource, full_url)
        flattener = Flattener(self.settings, links)
        named = [_id(entry) for entry in found]
        ids = Counter(named) if self.alone else None
        rows: list[FlatRow] = []
        for (resource, source, full_url), name_of in zip(found, named, strict=True):
            kind = as_text(resource.get("resourceType"))
            self.resources += kind is not None
            # In a lone document only an id that comes again can be a repetition: to look closer costs time.
            suspect = kind in KINDS and (ids is None or ids[name_of] > 1)
            fate = "duplicate" if suspect and self._repeated(kind, resource) else None
            rows += flattener.rows(resource, source, full_url, fate)
            if kind == "Patient" and (one := person(resource, full_url)):
                self.people.append(one)
        return rows

    def _repeated(self, kind: str | None, resource: Json) -> bool:
        """Whether this very resource was there before: the same version of it, or the same content."""
        version = as_text(at(resource, "meta.versionId"))
        print = (kind, as_text(resource.get("id")), version or _content(resource))
        if print in self._seen:
            return True
        self._seen.add(print)
        return False


def _id(entry: Entry) -> str | None:
    return as_text(entry[0].get("id"))


def _content(resource: Json) -> int:
    try:
        return hash(orjson.dumps(resource))
    except orjson.JSONEncodeError:  # nested too deep to be FHIR: like no other
        return id(resource)


def read_bundle(data: bytes, settings: Settings, name: str = "bundle", file_index: int = 0) -> FlatRows:
    """Flatten one Bundle (JSON, also gzipped). Raises UserError if it is no FHIR resource."""
    with _no_collection():
        return _read_bundle(data, settings, name, file_index)


def _read_bundle(data: bytes, settings: Settings, name: str, file_index: int) -> FlatRows:
    document = parse(unzip(data, name), name)
    if not document or (
        not isinstance(document, list) and not as_text(as_object(document).get("resourceType"))
    ):
        raise UserError(f"{name}: JSON, but no FHIR (it has no resourceType); give a Bundle or one resource")
    return _flattened(document, settings, name, file_index)


def read_resources(resources: Sequence[Json], settings: Settings, name: str = "resources") -> FlatRows:
    """Flatten resources, Bundles among them, that are Python already."""
    with _no_collection():
        return _flattened(list(resources), settings, name, 0)


def _flattened(document: Any, settings: Settings, name: str, file_index: int) -> FlatRows:
    reader = Reader(settings, alone=True)
    rows = flat_table(reader.rows(document, name), first_row_of(file_index) + 1)
    shared = shared_ids(reader.people)
    return FlatRows(refuse_shared(rows, shared), subjects_table(reader.people, shared), (name,))


@contextmanager
def _no_collection() -> Generator[None, None, None]:
    """Hold the garbage collector back: it would search the growing tree of JSON again and again, in vain."""
    held = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if held:
            gc.enable()


def unzip(data: bytes, name: str) -> bytes:
    """Return the bytes, unpacked if they are gzipped. Raises UserError if the file is cut short."""
    if not data.startswith(GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{name}: cannot be unpacked ({error}); copy it again") from None


def parse(data: bytes, name: str) -> Any:
    """Return JSON as Python. NaN and infinities are let through. Raises UserError on anything else."""
    data = data.removeprefix(BOM)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        first = error
    try:
        return orjson.loads(_NO_NUMBER.sub(_quoted, data))
    except orjson.JSONDecodeError:
        place = f"line {first.lineno}, column {first.colno}"
        raise UserError(f"{name}: not JSON ({first.msg} at {place}); correct it or leave it out") from None


def _quoted(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return found if found.startswith(b'"') else b'"' + found + b'"'


def entries(document: Any, name: str) -> Iterator[Entry]:
    """Yield every resource. Bundles within Bundles are opened; an entry without a resource is empty."""
    waiting: list[Entry] = [(as_object(document), name, None)]
    if isinstance(document, list):
        waiting = [(as_object(one), f"{name}:[{place}]", None) for place, one in enumerate(as_list(document))]
    waiting.reverse()
    while waiting:
        resource, place, full_url = waiting.pop()
        if resource.get("resourceType") != "Bundle":
            yield resource, place, full_url
            continue
        listed = as_list(resource.get("entry"))
        waiting += reversed([_entry(as_object(one), f"{place}:entry[{n}]") for n, one in enumerate(listed)])


def _entry(entry: Json, place: str) -> Entry:
    resource = as_object(entry.get("resource"))
    named = f"{place} {resource.get('resourceType')}/{resource.get('id')}" if resource else place
    return resource, named, as_text(entry.get("fullUrl"))

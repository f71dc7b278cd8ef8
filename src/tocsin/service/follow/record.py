"""One patient's record in the store, filled from a FHIR server: what is sound is kept, what is not is set aside alone."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import orjson

from tocsin.service.errors import Problem
from tocsin.service.follow.client import FhirClient, Refused
from tocsin.service.follow.mark import Mark
from tocsin.service.follow.tally import Tally
from tocsin.service.intake import read_incoming
from tocsin.service.store import Incoming, Store, Stored
from tocsin.sources.fhir.concepts import Json, as_object
from tocsin.sources.fhir.shapes import NAMED, SHAPES

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NAMED: Final = re.compile(rf"({'|'.join(NAMED)})/({_ID.pattern})(?:/_history/.+)?")

# The type and the id of a resource.
Name = tuple[str, str]


class Record:
    """What is held of one patient."""

    def __init__(self, client: FhirClient, store: Store, patient: str, mark: Mark) -> None:
        self._client, self._store, self._patient, self.mark = client, store, patient, mark
        self._named: set[Name] | None = None  # Medications and Devices that are held
        self._absent: set[Name] = set()  # and those that the server does not have

    def held(self) -> list[Stored]:
        """Return every resource that counts."""
        return self._store.resources(self._patient)

    def is_ours(self, one: Stored) -> bool:
        """Whether a resource was read from this server: others may have come in by another door."""
        return (one.full_url or "").startswith(self._client.base + "/")

    def keep(
        self, resources: Sequence[Json], tally: Tally, settled: int | None = None
    ) -> tuple[list[Incoming], int]:
        """Keep resources; return those that were sound, and how many were new though not changed after `settled`."""
        found = self._together(resources)
        if found is None:
            found = [sound for one in resources for sound in self._alone(one)]
        late = [one for one in found if settled is not None and (one.updated or 0) <= settled]
        rest = [one for one in found if settled is None or (one.updated or 0) > settled]
        new = self._save(late)
        tally.new += new + self._save(rest)
        return found, new

    def take(self, name: Name, tally: Tally) -> bool:
        """Read one resource and keep it; False where the server does not have it, or no longer as this patient's."""
        try:
            answer = self._client.read(*name)
        except Refused as error:
            tally.note(str(error), error.said)
            return True  # it may well be there
        if answer.is_absent or (answer.body.get("resourceType"), answer.body.get("id")) != name:
            return False
        return bool(self.keep([answer.body], tally)[0])

    def withdraw(self, names: Collection[Name], tally: Tally) -> None:
        """Let go of what the server has deleted."""
        for kind, id in names:
            self.mark.aside.pop(f"{kind}/{id}", None)
        if names:
            tally.gone += self._store.withdraw(self._patient, names)

    def take_named(self, kind: str, resources: Iterable[Json], tally: Tally) -> None:
        """Read the Medications and Devices that resources refer to and that are not held: there their code stands."""
        wanted = {name for one in resources if (name := self._reference(kind, one)) is not None}
        if not wanted:
            return
        if self._named is None:
            self._named = {(one.type, one.id) for one in self.held() if one.type in NAMED}
        for name in sorted(wanted - self._named - self._absent):
            (self._named if self.take(name, tally) else self._absent).add(name)

    def ask_again(self) -> None:
        """Forget which Medications and Devices the server did not have."""
        self._absent.clear()

    def _reference(self, kind: str, resource: Json) -> Name | None:
        shape = SHAPES.get(kind)
        said = (
            as_object(resource.get(shape.reference)).get("reference") if shape and shape.reference else None
        )
        match = (
            _NAMED.fullmatch(said.removeprefix(self._client.base + "/")) if isinstance(said, str) else None
        )
        return (match[1], match[2]) if match else None

    def _save(self, found: Sequence[Incoming]) -> int:
        return self._store.save_resources(self._patient, found, latest=True).new if found else 0

    def _together(self, resources: Sequence[Json]) -> list[Incoming] | None:
        """Return resources as they are kept, None where one of them cannot be."""
        try:
            found = self._incoming(resources) if resources else []
        except Problem:
            return None
        for one in found:
            self.mark.aside.pop(f"{one.type}/{one.id}", None)
        return found

    def _alone(self, resource: Json) -> list[Incoming]:
        """Return one resource as it is kept, or note why it cannot be."""
        name = f"{resource.get('resourceType')}/{resource.get('id')}"[:100]
        try:
            found = self._incoming([resource])
        except Problem as problem:
            self.mark.set_aside(name, problem.code)
            return []
        self.mark.aside.pop(name, None)
        return found

    def _incoming(self, resources: Sequence[Json]) -> list[Incoming]:
        """Return resources under the address they have on the server: it says later where they came from. Raises Problem."""
        if not all(map(has_id, resources)):
            raise Problem(422, "no_id", "a resource of a server has an id")
        listed = [
            {"fullUrl": f"{self._client.base}/{one['resourceType']}/{one['id']}", "resource": one}
            for one in resources
        ]
        try:
            bundle = orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": listed})
        except orjson.JSONEncodeError:
            raise Problem(422, "too_deep", "nested too deep to be FHIR") from None
        return read_incoming(bundle, self._patient)


def has_id(resource: Json) -> bool:
    """Whether a resource has an id as FHIR writes it."""
    id = resource.get("id")
    return isinstance(id, str) and _ID.fullmatch(id) is not None

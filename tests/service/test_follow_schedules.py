"""Any schedule of work on the ward, faults, crashes and restarts ends with the store holding exactly what the server has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.support.fhir_server import Fault, FhirServer, Request
from tests.support.followed import (
    ALWAYS,
    QUICK,
    administration,
    demo_patient,
    grades,
    held,
    observation,
    person,
    there,
)
from tocsin.service.follow import FhirClient, Follower, Habits, Stop
from tocsin.service.store import Store, open_store

PATIENTS = ("a", "b")
_numbers = st.integers(0, 7)
_patients = st.sampled_from(PATIENTS)
WRITES = st.tuples(st.just("write"), _patients, _numbers)
LATE = st.tuples(st.just("late"), _patients, st.integers(1, 3))  # seconds
FAULTS = st.tuples(
    st.just("fault"),
    st.integers(0, 12),
    st.sampled_from(
        [
            Fault("status", 429, "0"),
            Fault("status", 503),
            Fault("reset"),
            Fault("cut"),
            Fault("gateway"),
            Fault("expired"),
        ]
    ),
)
MOVES = st.tuples(st.just("during"), st.integers(0, 12), _patients, _numbers)
CRASHES = st.tuples(st.just("crash"), st.integers(0, 25))
ROUNDS, RESTARTS, AWAY = st.just(("round",)), st.just(("restart",)), st.just(("server",))
DELETES = st.tuples(st.just("delete"), _patients, _numbers)
STALE = st.tuples(st.just("fault"), st.integers(0, 12), st.just(Fault("stale")))
CLOCKS = st.tuples(st.just("clock"), st.integers(-3, 3))  # hours
GROUPS = st.tuples(st.just("group"), st.sampled_from([("a",), ("b",), ("a", "b"), ()]))
LONG_AGO = st.tuples(st.just("late"), _patients, st.integers(600, 90_000))
# So short that only what must be found by the overlap is found by it.
SHORT = Habits(overlap=timedelta(seconds=3), sweep_s=1e9)
# What polling alone must stand; and what needs a look at everything.
USUAL = st.one_of(WRITES, WRITES, LATE, FAULTS, MOVES, CRASHES, ROUNDS, ROUNDS, RESTARTS, AWAY)
WORST = st.one_of(USUAL, DELETES, STALE, CLOCKS, GROUPS, LONG_AGO)


class Crash(BaseException):
    """The process ends here, without a word."""


@dataclass
class Doom(Stop):
    """Ends the process at the n-th time that it waits for the server or has just written to the store."""

    left: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.left = None

    def step(self) -> None:
        """Come one step nearer."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash

    def check(self) -> None:
        """Every wait looks here."""
        self.step()


class DoomedStore(Store):
    """A store whose process may end right after a write: it is on the disk, and nobody was told."""

    def __init__(self, store: Store, doom: Doom) -> None:
        super().__init__(store.database)
        self.doom = doom

    def save_resources(self, *arguments: Any, **more: Any) -> Any:
        """Save, and perhaps end."""
        found = super().save_resources(*arguments, **more)
        self.doom.step()
        return found


@dataclass
class Ward:
    """A server, a follower of it, and what is about to go wrong."""

    server: FhirServer
    folder: Path
    habits: Habits
    faults: dict[int, Fault] = field(default_factory=dict[int, Fault])
    writes: dict[int, tuple[str, int]] = field(default_factory=dict[int, tuple[str, int]])
    doom: Doom = field(default_factory=Doom)
    value: int = 0

    def __post_init__(self) -> None:
        self.server.before = self._before
        self.open()

    def open(self) -> None:
        """Start a follower, as a new process would."""
        self.store = DoomedStore(open_store(str(self.folder / "follow.db")), self.doom)
        self.client = FhirClient(self.server.base, stop=self.doom, patience=QUICK)
        self.follower = Follower(self.client, self.store, "ward", self.habits)

    def close(self) -> None:
        """End the follower."""
        self.client.close()
        self.store.close()

    def _before(self, request: Request) -> Fault | None:
        if request.number in self.writes:
            self.write(*self.writes.pop(request.number))
        fault = self.faults.pop(request.number, None)
        # Only a search can be forgotten by a server; of a group it would mean that there is none.
        return None if fault and fault.kind == "expired" and "_offset" not in request.query else fault

    def write(self, patient: str, number: int, late_s: int = 0) -> None:
        """Write a resource in a new version; committed late, it bears an earlier time than others that were read."""
        self.value += 1
        more: dict[str, Any] = {"status": "entered-in-error"} if self.value % 7 == 0 else {}
        if number == 7:
            made = administration("dose", patient, dosage={"dose": {"value": self.value, "unit": "mg"}})
            made["medicationCodeableConcept"] = {"text": "tocilizumab"}
        else:
            made = observation(f"{patient}-{number}", patient, 35 + self.value / 100, number, **more)
        late = self.server.now - timedelta(seconds=late_s) if late_s else None
        self.server.put({**made, "id": f"late-{self.value}"} if late else made, late)

    def do(self, step: tuple[Any, ...]) -> None:
        """Take one step of a schedule."""
        next_request = len(self.server.requests)
        match step:
            case ("write", patient, number):
                self.write(patient, number)
            case ("late", patient, seconds):
                self.write(patient, 0, seconds)
            case ("delete", patient, number):
                self.server.delete("Observation", f"{patient}-{number}")
            case ("fault", after, fault):
                self.faults[next_request + after] = fault
            case ("during", after, patient, number):
                self.writes[next_request + after] = (patient, number)
            case ("clock", hours):
                self.server.now += timedelta(hours=hours)
            case ("group", members):
                self.server.group(*members)
            case ("server",):
                self.server.restart()
            case ("restart",):
                self.close()
                self.open()
            case ("crash", after):
                self.doom.left = after
                self.round()
            case _:
                self.round()

    def round(self) -> None:
        """Make a round; if the process ends in it, a new one is started."""
        self.server.now += timedelta(seconds=1)
        try:
            self.follower.round()
        except Crash:
            event("crashed")
            self.close()
            self.doom.left = None
            self.open()
        self.doom.left = None

    def settle(self) -> None:
        """Let everything be well again, and make the rounds that it takes."""
        self.faults.clear()
        self.writes.clear()
        self.server.group(*PATIENTS)
        for _ in range(2):
            done = self.follower.round()
            assert done.is_whole
            assert not done.tally.troubles


@contextmanager
def a_ward(habits: Habits, per_page: int) -> Iterator[Ward]:
    server = FhirServer(per_page=per_page)
    for patient in PATIENTS:
        server.put(person(patient))
    server.group(*PATIENTS)
    with (
        TemporaryDirectory(
            prefix="tocsin-follow-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
        ) as folder,
        server.running(),
    ):
        ward = Ward(server, Path(folder), habits)
        try:
            yield ward
        finally:
            ward.close()


def judge(ward: Ward) -> None:
    """None lost, none doubled: resource by resource, and version by version."""
    for patient in PATIENTS:
        assert held(ward.store, patient) == there(ward.server, patient)
        rows = ward.store.resources(patient)
        assert len(rows) == len({(one.type, one.id) for one in rows})


BOUNDED = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@BOUNDED
@given(st.lists(USUAL, min_size=3, max_size=25), st.sampled_from([2, 3, 50]))
def test_polling_alone_loses_and_doubles_nothing(steps: list[tuple[Any, ...]], per_page: int) -> None:
    with a_ward(SHORT, per_page) as ward:
        for step in steps:
            ward.do(step)
        ward.settle()
        judge(ward)
        for patient in PATIENTS:
            assert ward.store.versions(patient) <= ward.server.versions(patient)


@BOUNDED
@given(st.lists(WORST, min_size=3, max_size=25), st.sampled_from([2, 3, 50]))
def test_with_deletions_and_clocks_that_jump_too(steps: list[tuple[Any, ...]], per_page: int) -> None:
    with a_ward(ALWAYS, per_page) as ward:
        for step in steps:
            ward.do(step)
        ward.settle()
        judge(ward)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(FAULTS, CRASHES, RESTARTS, AWAY), min_size=2, max_size=10), st.integers(0, 7))
def test_the_grades_are_those_of_one_bundle_of_everything(steps: list[tuple[Any, ...]], number: int) -> None:
    with a_ward(ALWAYS, 60) as ward:
        patient = demo_patient(ward.server, number)
        ward.server.group(patient)
        for step in steps:
            ward.do(step)
        ward.faults.clear()
        assert ward.follower.round().is_whole
        assert held(ward.store, patient) == there(ward.server, patient)
        found = grades(held(ward.store, patient))
        assert found == grades(there(ward.server, patient))
        assert len(found) > 1

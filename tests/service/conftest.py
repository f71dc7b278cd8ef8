"""What tests of the service share: the made-up patients, and a store of each kind."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.postgres import Server, postgres
from tests.support.service import Served, served
from tocsin.demo import demo_folder
from tocsin.service.config import Config
from tocsin.service.store import Store, open_store

__all__ = ["postgres"]
CAR_T = "1-car-t-tocilizumab"


@pytest.fixture(scope="session")
def demo() -> Callable[[str], bytes]:
    """The Bundle of a made-up patient by its id."""
    return lambda name: (demo_folder() / f"{name}.json").read_bytes()


@pytest.fixture(scope="session")
def car_t(demo: Callable[[str], bytes]) -> bytes:
    """The Bundle of the patient after CAR-T."""
    return demo(CAR_T)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The place of an empty store, of each kind in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    return new_database(request.getfixturevalue("postgres"))


def new_database(server: Server) -> str:
    """The address of a new database of a server."""
    name = f"store_{uuid4().hex}"
    server.run(f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """An empty store, of each kind in turn."""
    opened = open_store(place)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running service over a file; the patients of one module."""
    with served(Config(store=str(tmp_path_factory.mktemp("service") / "store.db"))) as found:
        yield found


def resource(
    kind: str = "Observation", id: str | None = "o1", patient: str = "p1", **more: Any
) -> dict[str, Any]:
    """A small resource of a patient."""
    found: dict[str, Any] = {"resourceType": kind, **({} if id is None else {"id": id}), **more}
    return found if kind == "Patient" else {"subject": {"reference": f"Patient/{patient}"}, **found}


def bundle(*resources: dict[str, Any]) -> bytes:
    """A Bundle of resources."""
    entries = [{"resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()

"""What every test may ask for, and how Hypothesis runs."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every run and machine; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of specifications and real data beside the repository (or where TOCSIN_SHARED says)."""
    folder = Path(os.environ.get("TOCSIN_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    return folder


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their parameter: packed ones hold the second of their packing, and every worker must find the same names."""
    return argname if isinstance(val, bytes) else None

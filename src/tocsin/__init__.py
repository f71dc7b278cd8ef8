"""Tocsin grades cytokine release syndrome over time, on every scale at once, and shows its evidence."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.api import grade, grade_bundle
    from tocsin.errors import UserError
    from tocsin.grading.calc import calc
    from tocsin.knowledge.explain import explain
    from tocsin.results import Result, read_result

_HOMES = {
    "Result": "tocsin.results",
    "UserError": "tocsin.errors",
    "calc": "tocsin.grading.calc",
    "explain": "tocsin.knowledge.explain",
    "grade": "tocsin.api",
    "grade_bundle": "tocsin.api",
    "read_result": "tocsin.results",
}
__all__ = ["Result", "UserError", "calc", "explain", "grade", "grade_bundle", "read_result"]


def __getattr__(name: str) -> Any:
    # Each name is fetched when it is first used: the command line starts without numba, duckdb and pyarrow.
    if name not in _HOMES:
        raise AttributeError(f"module 'tocsin' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

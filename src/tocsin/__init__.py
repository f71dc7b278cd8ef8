"""Tocsin grades cytokine release syndrome over time, on every scale at once, and shows its evidence."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.api import grade, grade_bundle
    from tocsin.coding.icd10cm import code
    from tocsin.errors import UserError
    from tocsin.exports import export
    from tocsin.grading.calc import calc
    from tocsin.guidance.audit import audit
    from tocsin.knowledge.explain import explain
    from tocsin.report.advice import advise
    from tocsin.report.leaflet import leaflet
    from tocsin.results import Result, read_result

_HOMES = {
    "Result": "tocsin.results",
    "UserError": "tocsin.errors",
    "advise": "tocsin.report.advice",
    "audit": "tocsin.guidance.audit",
    "calc": "tocsin.grading.calc",
    "code": "tocsin.coding.icd10cm",
    "explain": "tocsin.knowledge.explain",
    "export": "tocsin.exports",
    "grade": "tocsin.api",
    "grade_bundle": "tocsin.api",
    "leaflet": "tocsin.report.leaflet",
    "read_result": "tocsin.results",
}
__all__ = [
    "Result",
    "UserError",
    "advise",
    "audit",
    "calc",
    "code",
    "explain",
    "export",
    "grade",
    "grade_bundle",
    "leaflet",
    "read_result",
]


def __getattr__(name: str) -> Any:
    # Each name is fetched when it is first used: the command line starts without numba, duckdb and pyarrow.
    if name not in _HOMES:
        raise AttributeError(f"module 'tocsin' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

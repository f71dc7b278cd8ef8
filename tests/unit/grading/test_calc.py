"""`calc`: the form of its answer, what it refuses, and how little it imports."""

import doctest
import json
import subprocess
import sys
from typing import Any

import pytest

from tocsin.errors import UserError
from tocsin.grading import calc as module
from tocsin.grading.calc import calc
from tocsin.knowledge.vocabulary import SCALES


def test_the_answer_is_json_with_sorted_lists() -> None:
    answer = calc(temp_c="38.5", fever_attributed_to_crs="yes", oxygen_device="nasal_cannula", ice=9)
    assert list(answer) == [*SCALES, "icans", "icans_ctcae6"]
    assert json.loads(json.dumps(answer)) == answer
    for scale in answer.values():
        assert list(scale) == ["grade", "set", "why", "settled_by"]
        assert scale["set"] == sorted(scale["set"])


def test_its_example_is_true() -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0


def test_none_is_not_said_and_unknown_is_unknown() -> None:
    said = {"temp_c": 38.5, "fever_attributed_to_crs": True, "oxygen_device": "none", "hypotension": False}
    said["n_vasopressors_excl_vasopressin"] = 0
    assert calc(**said, death_due_to_crs=None)["astct"]["set"] == [1]
    assert calc(**said, death_due_to_crs="unknown")["astct"]["set"] == [1, 5]


def test_only_the_scales_that_the_findings_speak_about() -> None:
    assert list(calc(ice=9)) == ["icans", "icans_ctcae6"]
    assert list(calc(cartox10=9)) == ["cres"]
    assert list(calc(temp_c=39)) == [*SCALES]


@pytest.mark.parametrize(
    ("findings", "message"),
    [
        ({}, "nothing to grade: "),
        ({"cause": "car_t"}, "nothing to grade: "),
        ({"temp_c": None}, "nothing to grade: "),
        ({"temperature_c": 39}, "unknown finding 'temperature_c': "),
        ({"temp": 39}, "unknown finding 'temp': did you mean temp_c?"),
        ({"temp_c": 102}, "temp_c = 102: is this Fahrenheit? "),
    ],
)
def test_refuses(findings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        calc(**findings)
    assert caught.value.message.startswith(message)


def test_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tocsin.grading.calc import calc; calc(temp_c=39, ice=9);"
        "print(sorted({'numpy', 'numba', 'duckdb', 'pyarrow', 'rich', 'typer'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

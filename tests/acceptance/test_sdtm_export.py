"""The exported datasets pass CDISC's own schema of Dataset-JSON 1.1."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.round_trips import random_result
from tocsin.exports import export


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The datasets of a made-up crowd."""
    out = tmp_path_factory.mktemp("sdtm") / "out"
    export(random_result(tmp_path_factory.mktemp("crowd"), 6, 40), "sdtm", out, study="MADEUP")
    return out


@pytest.fixture(scope="module")
def check(data: Path) -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads((data / "sdtm-dataset-json/schema/dataset.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft201909Validator(schema)


@pytest.mark.parametrize("name", ["sdtm/ce", "sdtm/fa", "sdtm/suppce", "sdtm/relrec", "adam/adcrs"])
def test_dataset_json_is_valid(exported: Path, check: Any, name: str) -> None:
    whole = json.loads((exported / f"{name}.json").read_text(encoding="utf-8"))
    assert [error.message for error in check.iter_errors(whole)] == []
    assert whole["records"] > 0
    whole["columns"][0]["dataType"] = "word"
    assert list(check.iter_errors(whole))

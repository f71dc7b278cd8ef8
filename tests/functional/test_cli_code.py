"""`tocsin code` as a coder meets it: the list, one subject, JSON, and mistakes in one line."""

import json
import re
from pathlib import Path

import pytest

from tests.functional.test_cli import error, ok
from tests.support.charted import CAR_T, OPEN, joined, result_of
from tocsin.api import grade
from tocsin.demo import demo_folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled patients, graded."""
    out = tmp_path_factory.mktemp("demo") / "results"
    grade(demo_folder(), out=out)
    return out


DEMO = {
    "1-car-t-tocilizumab": "T80.82XA, D89.833, G92.01",
    "2-blinatumomab-step": "T80.89XA, D89.833, T45.AX5A",
    "3-haplo-fluids": "T86.5, D89.832",
    "4-vasopressin-puzzle": "T80.82XA, D89.833, G92.01",
    "5-unknown-flow": "T80.82XA, D89.833, G92.00",
    "6-sepsis": "T80.82XA, D89.833, G92.01",
    "7-recurrence": "T80.82XA, D89.832, G92.01",
    "8-death": "T80.82XA, D89.839, G92.02",
}


def test_the_bundled_patients_read_by_eye(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims = json.loads(ok(capsys, "code", str(demo), "--json"))["claims"]
    assert {one["source_id"]: ", ".join(line["code"] for line in one["codes"]) for one in claims} == DEMO
    assert {one["fiscal_year"] for one in claims} == {2026}


def test_the_list_has_a_line_for_each(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = ok(capsys, "code", str(demo))
    assert all(name in printed for name in DEMO)
    assert "T80.82XA, D89.839, G92.02" in printed


def test_one_subject_says_why_and_what_is_lacking(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = " ".join(ok(capsys, "code", str(demo), "--subject", "8-death").split())
    assert "fiscal year 2026" in printed
    assert re.search(r"2\. D89\.839 Cytokine release syndrome, grade unspecified", printed)
    assert "Cause of death not documented" in printed
    assert "[CON-003, " in printed
    assert "A computed grade is not documentation" in printed


def test_the_json_of_one_is_the_promised_one(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(ok(capsys, "code", str(demo), "--subject", "1", "--json"))
    assert (found["subject_id"], found["fiscal_year"]) == (1, 2026)
    assert [line["code"] for line in found["codes"]] == ["T80.82XA", "D89.833", "G92.01"]
    for line in found["codes"]:
        assert line["title"]
        assert line["why"]
        assert line["rule"]
        assert line["source"]
        assert line["strength"]
        assert line["confidence"]
    assert all(gap["what"] and gap["why"] for gap in found["gaps"])


def test_recalled_is_said_where_it_stands(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = " ".join(ok(capsys, "code", str(demo), "--subject", "2-blinatumomab-step").split())
    assert "Recalled: confirm against the current list." in printed


def test_another_scale(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(
        ok(capsys, "code", str(demo), "--subject", "3-haplo-fluids", "--scale", "penn", "--json")
    )
    assert [line["code"] for line in found["codes"]] == ["T86.5", "D89.833"]


def test_nothing_to_code_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    result_of("0h car_t; 12h temp 37", joined(CAR_T, OPEN), out=out)
    assert "nothing to code" in ok(capsys, "code", str(out), "--subject", "1")
    assert json.loads(ok(capsys, "code", str(out), "--subject", "1", "--json"))["codes"] == []
    nobody = tmp_path / "nobody"
    result_of("0h car_t; 12h temp 37", out=nobody)
    assert "nothing to code" in ok(capsys, "code", str(nobody))
    assert json.loads(ok(capsys, "code", str(nobody), "--json")) == {"claims": []}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: no run.json in it"),
        (["{demo}", "--subject", "9-nobody"], "no subject '9-nobody' in it"),
        (["{demo}", "--subject", "8-deth"], "did you mean 8-death?"),
        (["{demo}", "--scale", "astc"], "did you mean astct"),
        (["{demo}", "--subject", "1", "--scale", "astc"], "did you mean astct"),
        ([], "Missing argument 'DIR'"),
    ],
)
def test_the_users_mistake_is_one_line(
    demo: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert says in error(capsys, "code", *(one.format(demo=demo) for one in arguments))

"""`tocsin calc`: by options and by CSV, the same answers, in the promised shapes."""

import csv
import json
from pathlib import Path

import pytest

from tests.functional.test_cli import error, ok
from tocsin.grading.fields import crs_readers, icans_readers
from tocsin.knowledge.vocabulary import SCALES

Capsys = pytest.CaptureFixture[str]
CANNULA = (
    "--temp-c",
    "38.6",
    "--fever-attributed-to-crs",
    "yes",
    "--hypotension",
    "no",
    "--oxygen-device",
    "nasal_cannula",
)


def test_every_field_is_an_option(capsys: Capsys) -> None:
    printed = ok(capsys, "calc", "--help")
    fields = [*crs_readers(), *icans_readers()]
    assert [field for field in fields if f"--{field.replace('_', '-')} " not in printed] == []


def test_an_answer_has_the_set_the_reason_and_what_settles_it(capsys: Capsys) -> None:
    printed = ok(capsys, "calc", *CANNULA, "--n-vasopressors-excl-vasopressin", "0")
    assert "2-3" in printed
    assert "flow not recorded" in " ".join(printed.split())
    assert "--o2-flow-lpm" in printed


def test_its_json_is_the_promised_one(capsys: Capsys) -> None:
    found = json.loads(ok(capsys, "calc", *CANNULA, "--n-vasopressors-excl-vasopressin", "0", "--json"))
    assert tuple(found) == SCALES
    assert found["astct"] == {
        "grade": None,
        "set": [2, 3],
        "why": "Undecided, 2 or 3: nasal cannula, flow not recorded.",
        "settled_by": ["o2_flow_lpm"],
    }


def test_icans_is_asked_in_the_same_way(capsys: Capsys) -> None:
    found = json.loads(ok(capsys, "calc", "--ice", "6", "--age-years", "54", "--json"))
    assert (found["icans"]["grade"], "astct" in found) == (2, False)


class TestCsv:
    def findings(self, folder: Path, *lines: str) -> Path:
        file = folder / "findings.csv"
        file.write_text(
            "\n".join(["id,temp_c,fever_attributed_to_crs,oxygen_device,o2_flow_lpm,ward", *lines]) + "\n",
            "utf-8",
        )
        return file

    def test_goes_in_and_comes_out(self, capsys: Capsys, tmp_path: Path) -> None:
        file = self.findings(tmp_path, "a,38.6,yes,nasal_cannula,2,north", "b,38.6,yes,bipap,,south")
        lines = ok(capsys, "calc", "--csv", str(file)).splitlines()
        assert lines[0].split(",") == ["id", *(name for scale in SCALES for name in (scale, f"{scale}_set"))]
        assert [line.split(",")[0] for line in lines[1:]] == ["a", "b"]

    def test_is_written_beside_and_renamed(self, capsys: Capsys, tmp_path: Path) -> None:
        file, out = self.findings(tmp_path, "a,38.6,yes,bipap,,north"), tmp_path / "grades.csv"
        printed = ok(capsys, "calc", "--csv", str(file), "--out", str(out))
        assert printed == ""
        assert out.read_text("utf-8") == ok(capsys, "calc", "--csv", str(file))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["findings.csv", "grades.csv"]

    def test_leaves_nothing_when_a_line_is_wrong(self, capsys: Capsys, tmp_path: Path) -> None:
        file, out = (
            self.findings(tmp_path, "a,38.6,yes,bipap,,north", "b,hot,yes,bipap,,north"),
            tmp_path / "grades.csv",
        )
        assert "line 3, column temp_c" in error(capsys, "calc", "--csv", str(file), "--out", str(out))
        assert not out.exists()

    def test_no_line_of_findings_gives_the_columns(self, capsys: Capsys, tmp_path: Path) -> None:
        assert ok(capsys, "calc", "--csv", str(self.findings(tmp_path))).startswith("id,astct,astct_set,")

    def test_a_folder_that_is_not_there_is_the_users_mistake(self, capsys: Capsys, tmp_path: Path) -> None:
        file = self.findings(tmp_path, "a,38.6,yes,bipap,,north")
        assert "choose a file" in error(
            capsys, "calc", "--csv", str(file), "--out", str(tmp_path / "no" / "grades.csv")
        )


def test_the_vignettes_of_the_reference(capsys: Capsys, shared: Path) -> None:
    """Every vignette with a known grade is answered with a set that holds it."""
    file = shared / "reference" / "vignettes.csv"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        known = {row["id"]: row for row in csv.DictReader(lines)}
    answers = {row["id"]: row for row in csv.DictReader(ok(capsys, "calc", "--csv", str(file)).splitlines())}
    assert list(answers) == list(known)
    wrong = [
        (id, scale)
        for id, row in known.items()
        for scale in ("astct", "ctcae5", "lee2014")
        if row[scale].isdecimal() and not int(answers[id][f"{scale}_set"]) >> int(row[scale]) & 1
    ]
    assert wrong == []

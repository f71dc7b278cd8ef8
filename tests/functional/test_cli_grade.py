"""`tocsin grade`, `demo` and `show`, from records to the drawn course, and what is left when one is interrupted."""

import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scripts import build_readme_picture
from tests.functional.test_cli import error, ok
from tests.support.made_up import CAR_T, FEVER, csv_folder
from tocsin import cli
from tocsin.api import grade
from tocsin.demo import demo_folder
from tocsin.records import read_records
from tocsin.report.build import build_course
from tocsin.report.terminal import draw_course

Capsys = pytest.CaptureFixture[str]
CHART = (
    FEVER,
    "1,2024-01-01T10:00:00Z,oxygen_device,,,nasal_cannula,",
    "1,2024-01-01T12:00:00Z,inhaled_o2_flow,2,L/min,,",
    "1,2024-01-01T12:00:00Z,fio2,28,%,,",
    "1,2024-01-01T14:00:00Z,norepinephrine,8,ug/min,,2024-01-01T20:00:00Z",
    "1,2024-01-01T15:00:00Z,tocilizumab,640,mg,,",
    "1,2024-01-01T16:00:00Z,body_temperature,99,Cel,,",
    "1,2024-01-03T10:00:00Z,body_temperature,36.9,Cel,,",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run over one made-up patient."""
    folder = tmp_path_factory.mktemp("grade")
    assert cli.run(["grade", str(csv_folder(folder / "source", CHART)), "--out", str(folder / "run")]) == 0
    return folder / "run"


def spaced(text: str) -> str:
    """Printed text with its folding undone."""
    return " ".join(text.split())


class TestGrade:
    def test_prints_a_short_account(self, capsys: Capsys, tmp_path: Path) -> None:
        printed = spaced(
            ok(capsys, "grade", str(csv_folder(tmp_path / "source", CHART)), "--out", str(tmp_path / "run"))
        )
        assert "1 episode in 1 subject" in printed
        assert "rows 9 read = 8 used + 0 of no interest + 1 quarantined (looks_like_fahrenheit 1)" in printed
        assert "peak grades ASTCT grade 3: 1" in printed
        assert f"tocsin show {tmp_path / 'run'} --subject 1" in printed
        assert "not a medical device" in printed

    def test_json_is_run_json(self, capsys: Capsys, tmp_path: Path) -> None:
        source = csv_folder(tmp_path / "source", CHART)
        printed = json.loads(ok(capsys, "grade", str(source), "--out", str(tmp_path / "run"), "--json"))
        assert printed == json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))

    def test_options_reach_the_run(self, capsys: Capsys, tmp_path: Path) -> None:
        source, out = csv_folder(tmp_path / "source", CHART), tmp_path / "run"
        options = [
            "--scale",
            "ctcae5",
            "--set",
            "fever_hold=48",
            "--set",
            "zone=Europe/Berlin",
            "--as-known",
            "--events",
            "none",
        ]
        run = json.loads(ok(capsys, "grade", str(source), "--out", str(out), *options, "--json"))[
            "parameters"
        ]
        assert (run["scale"], run["fever_hold_h"], run["as_known"], run["events"]) == (
            "ctcae5",
            48,
            True,
            "none",
        )
        assert run["set"] == {"fever_hold": "48", "zone": "Europe/Berlin"}
        assert pq.read_table(out / "events.parquet").num_rows == 0

    def test_side_files_and_site_codes(self, capsys: Capsys, tmp_path: Path) -> None:
        source = csv_folder(tmp_path / "source", CHART, therapies=())
        therapies = tmp_path / "therapies.csv"
        therapies.write_text("subject_id,time,cause,product\n1,2024-01-01T00:00:00Z,car_t,\n", "utf-8")
        options = ["--therapies", str(therapies), "--format", "csv"]
        assert "1 episode" in ok(capsys, "grade", str(source), "--out", str(tmp_path / "run"), *options)

    def test_no_therapy_says_how_to_give_one(self, capsys: Capsys, tmp_path: Path) -> None:
        source = csv_folder(tmp_path / "source", CHART, therapies=())
        assert "give --therapies FILE" in spaced(
            ok(capsys, "grade", str(source), "--out", str(tmp_path / "run"))
        )

    def test_no_episode_says_so(self, capsys: Capsys, tmp_path: Path) -> None:
        source = csv_folder(tmp_path / "source", CHART[1:2])
        assert "so no episode" in spaced(ok(capsys, "grade", str(source), "--out", str(tmp_path / "run")))

    def test_an_output_that_is_a_file_is_refused(self, capsys: Capsys, tmp_path: Path) -> None:
        (tmp_path / "run").write_text("mine")
        assert "is a file" in error(
            capsys, "grade", str(csv_folder(tmp_path / "source", CHART)), "--out", str(tmp_path / "run")
        )
        assert (tmp_path / "run").read_text() == "mine"

    @pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_interrupted_it_leaves_nothing_half_written(
        self, tmp_path: Path, number: int, status: int
    ) -> None:
        minutes = (
            f"1,2024-01-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z,body_temperature,38.5,Cel,,"
            for n in range(20_000)
        )
        source = csv_folder(tmp_path / "source", [line for line in minutes for _ in range(20)], [CAR_T])
        arguments = [sys.executable, "-m", "tocsin.cli", "grade", str(source), "--out", str(tmp_path / "run")]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not list(tmp_path.glob(".run.part-*")):
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == status
        assert "Traceback" not in said
        assert [path.name for path in tmp_path.iterdir()] == ["source"]


class TestShow:
    def test_draws_the_lanes_and_explains_the_rows(self, capsys: Capsys, run: Path) -> None:
        printed = ok(capsys, "show", str(run), "--subject", "1")
        for lane in (
            "ASTCT",
            "CTCAE v5.0",
            "Lee 2014",
            "temp °C",
            "norepinephrine",
            "nasal cannula",
            "tocilizumab",
            "clock (UTC)",
        ):
            assert any(line.startswith(lane) for line in printed.splitlines()), lane
        said = spaced(printed)
        assert "Grade 3 (ASTCT): one vasopressor. Norepinephrine 8 ug/min since 14:00" in said
        assert "To settle it: What was the flow (L/min) of the nasal cannula?" in said
        assert "age_unknown: The birth date is unknown" in said
        assert "recalled, not re-read: see `tocsin explain lee2014`" in said
        assert "not a medical device" in said

    def test_is_plain_and_80_columns_off_a_terminal(self, capsys: Capsys, run: Path) -> None:
        printed = ok(capsys, "show", str(run), "--subject", "1")
        assert "\x1b" not in printed
        assert max(map(len, printed.splitlines())) <= 80

    def test_json_has_rows_and_evidence(self, capsys: Capsys, run: Path) -> None:
        found: dict[str, Any] = json.loads(ok(capsys, "show", str(run), "--subject", "1", "--json"))
        assert list(found) == ["subject_id", "source_id", "episodes", "rows"]
        row = next(row for row in found["rows"] if row["time"] == "2024-01-01T14:00:00+00:00")
        assert row["grades"]["astct"] == {"grade": 3, "set": [3], "recalled": False}
        assert row["grades"]["lee2014"]["recalled"]
        assert {one["part"]: (one["signal"], one["value"]) for one in row["evidence"]}["vasopressor"] == (
            "norepinephrine",
            8.0,
        )
        known = set(pq.read_table(run / "events.parquet")["event_id"].to_pylist())
        assert {one["event_id"] for row in found["rows"] for one in row["evidence"]} <= known

    def test_without_a_subject_it_lists_who_has_an_episode(self, capsys: Capsys, run: Path) -> None:
        assert "3 ASTCT" in spaced(ok(capsys, "show", str(run)))
        (episode,) = json.loads(ok(capsys, "show", str(run), "--json"))["episodes"]
        assert (episode["source_id"], episode["scale"], episode["peak"]) == ("1", "astct", [3])

    def test_an_unknown_subject_is_the_users_mistake(self, capsys: Capsys, run: Path) -> None:
        assert "no subject '12'" in error(capsys, "show", str(run), "--subject", "12")

    def test_a_near_miss_is_suggested(self, capsys: Capsys, tmp_path: Path) -> None:
        lines = [line.replace("1,2024", "patient-a,2024", 1) for line in (FEVER, CAR_T)]
        source = csv_folder(tmp_path / "source", lines[:1], lines[1:])
        ok(capsys, "grade", str(source), "--out", str(tmp_path / "run"))
        assert "did you mean patient-a?" in error(
            capsys, "show", str(tmp_path / "run"), "--subject", "patient-b"
        )

    def test_a_damaged_run_is_one_line(self, capsys: Capsys, tmp_path: Path) -> None:
        ok(capsys, "grade", str(csv_folder(tmp_path / "source", CHART)), "--out", str(tmp_path / "run"))
        (tmp_path / "run" / "grades.parquet").write_bytes(b"PAR1")
        assert "run `tocsin grade` again" in error(capsys, "show", str(tmp_path / "run"), "--subject", "1")


class TestCheck:
    def test_counts_what_a_source_holds(self, capsys: Capsys, tmp_path: Path) -> None:
        source = csv_folder(tmp_path / "source", [*CHART, "1,2024-01-01T10:00:00Z,levophed drip rate,8,,,"])
        found = json.loads(ok(capsys, "codes", "--check", str(source), "--json"))
        assert (found["format"], found["rows"], found["mapped"]) == ("csv", 10, 9)
        assert {"signal": "body_temperature", "codes": 1, "rows": 3} in found["signals"]
        assert [(one["code"], one["rows"]) for one in found["unmapped"]] == [("levophed drip rate", 1)]
        assert "levophed" in ok(capsys, "codes", "--check", str(source))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `tocsin demo` prints."""
    folder = tmp_path_factory.mktemp("demo")
    environment = os.environ | {"TMPDIR": str(folder)}
    arguments = [sys.executable, "-m", "tocsin.cli", "demo"]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    assert list(folder.iterdir()) == []  # nothing is kept unless asked for
    return done.stdout


class TestDemo:
    def test_says_that_the_patients_are_made_up(self, printed: str) -> None:
        assert printed.startswith("Made-up patients")

    def test_prints_nine_episodes_of_eight_patients(self, printed: str) -> None:
        table = printed.split("Peak grades")[0]
        assert [
            sum(line.startswith(f"{number}-") for line in table.splitlines()) for number in range(1, 9)
        ] == [1, 1, 1, 1, 1, 1, 2, 1]

    def test_draws_one_course_and_says_what_to_type_next(self, printed: str) -> None:
        assert "tocilizumab" in printed
        assert "day +2.0" in printed
        assert "tocsin demo --out" in printed
        assert max(map(len, printed.splitlines())) <= 80

    def test_keeps_its_files_where_it_is_told(self, capsys: Capsys, tmp_path: Path) -> None:
        printed = ok(capsys, "demo", "--out", str(tmp_path / "demo"))
        assert f"tocsin show {tmp_path / 'demo'} --subject" in spaced(printed)
        assert (tmp_path / "demo" / "run.json").is_file()
        assert json.loads(ok(capsys, "demo", "--json"))["episodes"] == 9


def test_the_readmes_picture_is_what_show_draws(tmp_path: Path) -> None:
    """The text of the picture, style apart: rich may write colours in another way from one version to the next."""
    grade(demo_folder(), out=tmp_path / "demo")
    course = build_course(read_records(tmp_path / "demo", build_readme_picture.SUBJECT))
    drawn = "".join(line.plain for line in draw_course(course, build_readme_picture.WIDTH))
    texts = re.findall(
        r'<text class="course-r\d+"[^>]*>(.*?)</text>', build_readme_picture.PICTURE.read_text("utf-8")
    )
    shown = html.unescape("".join(texts)).replace("\xa0", " ")
    assert "".join(shown.split()) == "".join(drawn.split()), "run `python -m scripts.build_readme_picture`"

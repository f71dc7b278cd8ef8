"""`tocsin export`: what it prints and writes, where it may write, and how it refuses."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.functional.test_cli import error, ok
from tests.support.made_up import CAR_T, FEVER, csv_folder
from tocsin import cli
from tocsin.exports import FORMATS

Capsys = pytest.CaptureFixture[str]
OURS = ("fhir", "meds", "cibmtr")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run over one made-up patient."""
    folder = tmp_path_factory.mktemp("export")
    assert cli.run(["grade", str(csv_folder(folder / "in")), "--out", str(folder / "run")]) == 0
    return folder / "run"


def files(folder: Path) -> set[str]:
    """Every file of a folder and of the folders in it."""
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


EXPECTED = {
    "fhir": {
        "bundles/1.json",
        "ndjson/Observation.ndjson",
        "ndjson/Condition.ndjson",
        "ndjson/Patient.ndjson",
    },
    "meds": {"data/0.parquet", "metadata/codes.parquet", "metadata/dataset.json", "labels/crs_any.parquet"},
    "cibmtr": {"form-4100.csv", "form-4100.json"},
}


@pytest.mark.parametrize("to", OURS)
def test_writes_files_and_an_account(capsys: Capsys, run: Path, tmp_path: Path, to: str) -> None:
    out = tmp_path / "out"
    printed = ok(capsys, "export", str(run), "--to", to, "--out", str(out))
    account = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert EXPECTED[to] <= files(out)
    assert set(account["files"]) | {"export.json"} == files(out)
    assert (account["to"], account["run"]["format"]) == (to, "csv")
    assert account["run"]["knowledge"]
    assert "written to" in " ".join(printed.split())
    assert all(len(line) <= 80 or str(out) in line for line in printed.splitlines())


def test_prints_its_account_as_json(capsys: Capsys, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    printed = json.loads(ok(capsys, "export", str(run), "--to", "meds", "--out", str(out), "--json"))
    assert printed == json.loads((out / "export.json").read_text(encoding="utf-8"))


def test_an_earlier_export_makes_way(capsys: Capsys, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ok(capsys, "export", str(run), "--to", "fhir", "--out", str(out))
    account = json.loads((out / "export.json").read_text(encoding="utf-8"))
    (out / "bundles" / "old.json").write_text("{}")
    account["files"].append("bundles/old.json")
    (out / "export.json").write_text(json.dumps(account))
    (out / "notes.txt").write_text("mine")
    ok(capsys, "export", str(run), "--to", "fhir", "--out", str(out))
    assert "bundles/old.json" not in files(out)
    assert (out / "notes.txt").read_text() == "mine"


def test_an_account_cannot_send_us_to_other_files(capsys: Capsys, run: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other.txt"
    other.write_text("mine")
    ok(capsys, "export", str(run), "--to", "meds", "--out", str(out))
    for name in ("../other.txt", str(other)):
        (out / "export.json").write_text(json.dumps({"to": "meds", "files": [name]}))
        error(capsys, "export", str(run), "--to", "meds", "--out", str(out))
        assert other.read_text() == "mine"


def refused(capsys: Capsys, run: Path, out: Path, *more: str) -> str:
    """The line with which an export is refused."""
    return error(capsys, "export", str(run), "--out", str(out), *more)


def test_refuses_what_the_user_can_put_right(capsys: Capsys, run: Path, tmp_path: Path) -> None:
    full, meds = tmp_path / "full", tmp_path / "meds"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    ok(capsys, "export", str(run), "--to", "meds", "--out", str(meds))
    new = tmp_path / "new"
    assert "'xml' is not one of 'fhir'" in refused(capsys, run, new, "--to", "xml")
    assert "--to" in refused(capsys, run, new)
    assert f"--out {full}: is not empty" in refused(capsys, run, full, "--to", "fhir")
    assert f"--out {meds}: holds an export to meds" in refused(capsys, run, meds, "--to", "fhir")
    assert "is a file" in refused(capsys, run, full / "thesis.txt", "--to", "fhir")
    assert "no run.json in it" in refused(capsys, tmp_path / "absent", new, "--to", "fhir")
    assert "only --to cibmtr" in refused(capsys, run, new, "--to", "fhir", "--revision", "4.0")
    assert not new.exists()
    assert (full / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("to", OURS)
def test_a_run_without_events_is_refused(capsys: Capsys, tmp_path: Path, to: str) -> None:
    ok(capsys, "grade", str(csv_folder(tmp_path / "in")), "--out", str(tmp_path / "run"), "--events", "none")
    said = refused(capsys, tmp_path / "run", tmp_path / "out", "--to", to)
    assert "events.parquet is empty" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("to", OURS)
def test_a_run_without_an_episode_is_written_all_the_same(capsys: Capsys, tmp_path: Path, to: str) -> None:
    source = csv_folder(tmp_path / "in", [FEVER.replace("38.5", "36.5")], [CAR_T])
    ok(capsys, "grade", str(source), "--out", str(tmp_path / "run"))
    ok(capsys, "export", str(tmp_path / "run"), "--to", to, "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "export.json").is_file()


# Writes FHIR, and stops in the middle of it.
HANGS = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from tocsin.exports import export, fhir
    from tocsin.results import read_result

    def stop(*_):
        print("writing", flush=True)
        time.sleep(60)
    fhir._bundle = stop
    export(read_result(sys.argv[1]), "fhir", Path(sys.argv[2]))
""")


def test_an_export_that_is_stopped_leaves_nothing(run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGS, str(run), str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_format(capsys: Capsys) -> None:
    printed = ok(capsys, "export", "--help")
    assert all(name in printed for name in FORMATS)

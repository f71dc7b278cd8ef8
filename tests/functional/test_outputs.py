"""Outputs appear whole or not at all: interrupted and killed runs, refused places, stale leftovers, the command's status."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.support.made_up import CAR_T, FEVER, csv_folder, graded, onsets
from tocsin.errors import UserError
from tocsin.results import read_result

# Grades into a folder, and stops in the middle of it: when the first grade rows are about to be written.
HANGS = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    import tocsin.api
    from tocsin.engines import sink

    write = sink.Sink.take
    def take(self, events, timeline):
        write(self, events, timeline)
        print("writing", flush=True)
        time.sleep(60)
    sink.Sink.take = take
    tocsin.api.grade(Path(sys.argv[1]), out=Path(sys.argv[2]))
""")


def start(source: Path, out: Path) -> subprocess.Popen[str]:
    """Start a run that stops in the middle, and wait until it is there."""
    command = [sys.executable, "-c", HANGS, str(source), str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def hidden(folder: Path) -> list[str]:
    """Leftovers in a folder."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("old", [True, False], ids=["over an old run", "into nothing"])
def test_a_run_that_is_stopped_leaves_the_output_as_it_was(
    tmp_path: Path, how: signal.Signals, old: bool
) -> None:
    source, out = csv_folder(tmp_path / "in"), tmp_path / "out"
    if old:
        graded(source, out=out)
    before = contents(out) if old else {}
    process = start(source, out)
    assert (contents(out) if old else {}) == before
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert out.exists() == old
    if old:
        assert contents(out) == before
        assert onsets(read_result(out))
    if how == signal.SIGINT:
        assert hidden(tmp_path) == []


def test_after_a_kill_the_next_run_succeeds_and_clears_up(tmp_path: Path) -> None:
    source, out = csv_folder(tmp_path / "in"), tmp_path / "out"
    process = start(source, out)
    process.kill()
    process.communicate(timeout=30)
    graded(source, out=out)
    assert onsets(read_result(out))


def test_leftovers_of_a_process_with_our_number_are_in_nobodys_way(tmp_path: Path) -> None:
    """In a container every run has the same process number."""
    left = tmp_path / f".out.part-{os.getpid()}"
    left.mkdir()
    (left / "grades.parquet").write_bytes(b"half")
    graded(csv_folder(tmp_path / "in"), out=tmp_path / "out")
    assert onsets(read_result(tmp_path / "out"))


def test_a_refused_run_leaves_the_old_output_and_nothing_else(tmp_path: Path) -> None:
    source, out = csv_folder(tmp_path / "in"), tmp_path / "out"
    graded(source, out=out)
    before = contents(out)
    (source / "events.csv").write_text("subject_id\n1\n", encoding="utf-8")
    with pytest.raises(UserError):
        graded(source, out=out)
    assert contents(out) == before
    assert hidden(tmp_path) == []


def test_a_refused_run_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        graded(tmp_path / "absent", out=tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


def test_an_old_run_is_replaced_whole_and_strangers_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    graded(csv_folder(tmp_path / "a", [FEVER, "1,2024-01-01T11:00:00Z,oxygen_device,,,magic,"]), out=out)
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    graded(csv_folder(tmp_path / "b", []), out=out)
    assert read_result(out).episodes.num_rows == 0
    assert len((out / "unmapped.csv").read_text(encoding="utf-8").splitlines()) == 1
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("place", ["a file", "below a file", "nowhere"])
def test_places_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    out = {"a file": file, "below a file": file / "out", "nowhere": Path("/proc/tocsin/out")}[place]
    with pytest.raises(UserError) as caught:
        graded(csv_folder(tmp_path / "in"), out=out)
    assert str(out) in caught.value.message
    assert file.read_text(encoding="utf-8") == "mine"


def test_the_output_may_be_deep_and_the_source_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv_folder(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    graded(Path("in"), out=Path("a/b/c"))
    assert onsets(read_result(tmp_path / "a" / "b" / "c"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    graded(Path("../in"), out=Path())
    assert onsets(read_result(tmp_path / "here"))


def tocsin(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "tocsin.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The one line on the standard error of a refused command."""
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_the_command_refuses_in_one_line_with_status_2(tmp_path: Path) -> None:
    source, out = csv_folder(tmp_path / "in"), tmp_path / "out"
    (tmp_path / "events.csv").write_text("subject_id\n1\n", encoding="utf-8")
    assert "absent" in one_line(tocsin("grade", tmp_path / "absent", "--out", out))
    assert "column" in one_line(tocsin("grade", tmp_path, "--out", out))
    assert "fever_hld" in one_line(tocsin("grade", source, "--out", out, "--set", "fever_hld=3"))
    assert "KEY=VALUE" in one_line(tocsin("grade", source, "--out", out, "--set", "fever_hold"))
    assert "events.csv" in one_line(tocsin("grade", source, "--out", source / "events.csv"))
    assert "nothing" in one_line(tocsin("show", tmp_path / "nothing", "--subject", "1"))
    assert not out.exists()


def test_the_command_tells_of_quarantine_and_succeeds(tmp_path: Path) -> None:
    bad = "1,yesterday,body_temperature,39,Cel,,"
    result = tocsin("grade", csv_folder(tmp_path / "in", [FEVER, bad], [CAR_T]), "--out", tmp_path / "out")
    assert result.returncode == 0
    assert "quarantine" in result.stdout
    assert onsets(read_result(tmp_path / "out"))


def test_the_command_is_interrupted_cleanly(tmp_path: Path) -> None:
    """SIGTERM too: that is how batch systems end a job."""
    code = HANGS.replace(
        "tocsin.api.grade(Path(sys.argv[1]), out=Path(sys.argv[2]))",
        "sys.argv = ['tocsin', 'grade', sys.argv[1], '--out', sys.argv[2]]\nfrom tocsin.cli import main\nmain()",
    )
    source, out = csv_folder(tmp_path / "in"), tmp_path / "out"
    for how in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(source), str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.1)
        process.send_signal(how)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 128 + how
        assert "Traceback" not in errors
        assert not out.exists()
        assert hidden(tmp_path) == []

"""`tocsin advise`: what it prints, its JSON, and every mistake as one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.charts import chart, write_folder
from tocsin import advise, grade, read_result
from tocsin.cli import run
from tocsin.demo import demo_folder

Run = Callable[..., tuple[int, str, str]]
SUBJECT = "1-car-t-tocilizumab"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo patients, graded."""
    folder = tmp_path_factory.mktemp("advise") / "out"
    grade(demo_folder(), out=folder)
    return folder


@pytest.fixture
def say(graded: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `tocsin advise` on the demo patients: the status, what it printed, and its error."""

    def call(*arguments: str, folder: Path = graded) -> tuple[int, str, str]:
        status = run(["advise", str(folder), *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_the_first_screen(say: Run) -> None:
    status, out, _ = say("--subject", SUBJECT, "--at", "2026-02-12T20:00Z")
    assert status == 0
    first = "\n".join(out.splitlines()[:24])
    assert "axicabtagene ciloleucel (Yescarta)" in first
    assert "Grade 3 (ASTCT): one vasopressor." in first
    assert "Tocilizumab in this episode: 1 of at most 4 doses." in first
    assert "STOP    No further tocilizumab yet" in first
    assert "TOC-004" in first
    assert "not before 13 Feb 03:30" in first


def test_no_line_is_wider_than_80_and_the_note_stands_once(say: Run) -> None:
    for at in ("2026-02-11T18:00Z", "2026-02-12T17:30Z", "2026-02-14T12:00Z"):
        _, out, _ = say("--subject", SUBJECT, "--at", at, "--pack", "both")
        assert max(map(len, out.splitlines())) <= 80
        assert " ".join(out.split()).count("Not a medical device") == 1


def test_a_dose_is_shown_with_its_arithmetic(say: Run) -> None:
    _, out, _ = say("--subject", SUBJECT, "--at", "2026-02-12T17:30Z")
    said = " ".join(out.split())
    assert "Tocilizumab 640 mg IV: 8 mg/kg x 80 kg = 640 mg; over 1 h;" in said
    assert "If it is treated as severe (the record leaves it open):" in said


def test_the_json_is_that_of_the_api(say: Run, graded: Path) -> None:
    status, out, _ = say("--subject", SUBJECT, "--at", "2026-02-12T20:00Z", "--json")
    assert status == 0
    found = json.loads(out)
    assert found == json.loads(
        json.dumps(advise(read_result(graded), SUBJECT, at="2026-02-12T20:00Z").as_json())
    )
    assert found["grade"]["set"] == [3]
    assert found["grade"]["why"].startswith("Grade 3 (ASTCT)")


def test_without_a_time_it_speaks_of_the_last_record(say: Run) -> None:
    _, out, _ = say("--subject", SUBJECT)
    assert "At 16 Feb 13:00 2026 (UTC)" in out


def test_after_the_last_record_the_state_goes_on(say: Run) -> None:
    """Subject 2's record ends in recovery; two days on it is still resolved, and no error."""
    status, out, _ = say("--subject", "2-blinatumomab-step", "--at", "2026-01-27T08:00")
    assert status == 0
    assert "Resolved" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--subject", "nobody"), "no subject 'nobody' in it"),
        (
            ("--subject", SUBJECT, "--at", "yesterday"),
            "time 'yesterday': write date and time, such as 2026-02-12T20:00",
        ),
        (("--subject", SUBJECT, "--at", "2026-02-12"), "time '2026-02-12': write date and time"),
        (("--subject", SUBJECT, "--at", "2026-02-01T00:00"), "nothing is on record yet at 2026-02-01 00:00"),
        (("--subject", SUBJECT, "--pack", "mine"), "mine"),
        ((), "Missing option"),
    ],
)
def test_mistakes_are_one_line(say: Run, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = say(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_subject_whose_events_were_not_kept(say: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    write_folder(source, [(None, chart("0h car_t; 10h temp 37"))])
    grade(source, out=out)
    status, _, err = say("--subject", "1", folder=out)
    assert status == 2
    assert "grade again with --events all" in err
    grade(source, out=tmp_path / "again", events="all")
    assert say("--subject", "1", folder=tmp_path / "again")[0] == 0


def test_weights_of_0_and_of_700_kg_never_become_a_dose(tmp_path: Path) -> None:
    for weight in ("0", "700"):
        source = tmp_path / f"of-{weight}"
        line = f"-1h weight {weight}; 0h car_t; 48h temp 39.4; 50h sbp 82; 51h norepinephrine 6 until 80h; 52h temp 39"
        write_folder(source, [(None, chart(line))])
        found = advise(grade(source), "1")
        assert not any(item.dose for item in found.items if item.id.startswith("TOC"))
        assert any(one.what == "weight" for one in found.missing)

"""`tocsin leaflet`: a page from a run, from a product or blank; and every way to ask for one wrongly."""

import json
from pathlib import Path

import pytest

from tests.functional.test_cli import error, ok
from tests.support.made_up import FEVER, csv_folder
from tocsin import cli

Capsys = pytest.CaptureFixture[str]
PRODUCT = ("--product", "teclistamab", "--date", "2026-03-02")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run over one made-up patient."""
    folder = tmp_path_factory.mktemp("leaflet")
    assert cli.run(["grade", str(csv_folder(folder / "source", (FEVER,))), "--out", str(folder / "run")]) == 0
    return folder / "run"


class TestPages:
    def test_of_a_subject_of_a_run(self, capsys: Capsys, run: Path, tmp_path: Path) -> None:
        capsys.readouterr()
        out = tmp_path / "leaflet.html"
        assert f"Written to {out}" in ok(
            capsys, "leaflet", str(run), "--subject", "1", "--out", str(out)
        ).replace("\n", " ")
        assert "CAR-T cells" in out.read_text("utf-8")
        assert "from 1 January 2024 to 15 January 2024" in out.read_text("utf-8")

    def test_of_a_product(self, capsys: Capsys, tmp_path: Path) -> None:
        out = tmp_path / "leaflet.html"
        printed = ok(capsys, "leaflet", *PRODUCT, "--language", "es", "--out", str(out))
        assert "its translation has not been reviewed" in " ".join(printed.split())
        assert '<html lang="es">' in out.read_text("utf-8")
        assert "teclistamab (Tecvayli)" in out.read_text("utf-8")

    def test_blank(self, capsys: Capsys, tmp_path: Path) -> None:
        out = tmp_path / "leaflet.html"
        ok(capsys, "leaflet", "--out", str(out))
        assert out.read_text("utf-8").count('class="hand"') == 4

    def test_holds_no_id_of_the_subject(self, capsys: Capsys, tmp_path: Path) -> None:
        folder = tmp_path / "demo"
        ok(capsys, "demo", "--out", str(folder))
        out = tmp_path / "leaflet.html"
        ok(capsys, "leaflet", str(folder), "--subject", "2-blinatumomab-step", "--out", str(out))
        assert "2-blinatumomab-step" not in out.read_text("utf-8")
        assert "from 24 January 2026 to 31 January 2026" in out.read_text("utf-8")

    def test_two_runs_write_the_same_bytes_over_each_other(self, capsys: Capsys, tmp_path: Path) -> None:
        out = tmp_path / "leaflet.html"
        ok(capsys, "leaflet", *PRODUCT, "--out", str(out))
        before = out.read_bytes()
        ok(capsys, "leaflet", *PRODUCT, "--out", str(out))
        assert out.read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["leaflet.html"]

    def test_json_says_what_the_page_says(self, capsys: Capsys, tmp_path: Path) -> None:
        out = tmp_path / "leaflet.html"
        found = json.loads(ok(capsys, "leaflet", *PRODUCT, "--out", str(out), "--json"))
        assert (found["out"], found["language"], found["date"]) == (str(out), "en", "2 March 2026")
        page = out.read_text("utf-8")
        assert all(section["title"] in page for section in found["sections"])
        rules = found["sections"][0]["statements"][0]["rules"]
        assert set(rules[0]) == {"id", "source", "strength", "confidence"}


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--product", "teclistamap"), "did you mean teclistamab"),
            (("--product", "teclistamab", "--date", "2 March"), "write YYYY-MM-DD"),
            (("--product", "teclistamab", "--date", "2026-02-30"), "write YYYY-MM-DD"),
            (("--date", "2026-03-02"), "name the product too"),
            (("--language", "fr"), "unknown language 'fr'"),
            (("--subject", "1"), "go together"),
            (("nowhere",), "go together"),
            (("nowhere", "--subject", "1"), "no finished run in it"),
            (("nowhere", "--subject", "1", *PRODUCT), "leave them out"),
        ],
    )
    def test_one_line_and_no_file(
        self,
        capsys: Capsys,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        arguments: tuple[str, ...],
        says: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert says in error(capsys, "leaflet", *arguments, "--out", "leaflet.html")
        assert list(tmp_path.iterdir()) == []

    def test_a_subject_that_is_not_there(self, capsys: Capsys, run: Path, tmp_path: Path) -> None:
        capsys.readouterr()
        out = tmp_path / "leaflet.html"
        assert "no subject '9'" in error(capsys, "leaflet", str(run), "--subject", "9", "--out", str(out))

    def test_a_place_that_cannot_be_written(self, capsys: Capsys, tmp_path: Path) -> None:
        out = tmp_path / "absent" / "leaflet.html"
        assert "cannot write there" in error(capsys, "leaflet", "--out", str(out))

    def test_a_folder_in_its_place(self, capsys: Capsys, tmp_path: Path) -> None:
        assert "cannot write there" in error(capsys, "leaflet", "--out", str(tmp_path))
        assert list(tmp_path.parent.glob(f".{tmp_path.name}.part-*")) == []

"""Writes docs/assets/course.svg, the README's picture: what `tocsin show` draws of a made-up patient of the demo."""

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console

from tocsin.api import grade
from tocsin.demo import demo_folder
from tocsin.records import read_records
from tocsin.report.build import build_course
from tocsin.report.course import Course
from tocsin.report.terminal import draw_course

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "assets" / "course.svg"
SUBJECT, WIDTH = "1", 110
TITLE = "tocsin show (a made-up patient)"
FONTS = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'


def picture(course: Course) -> str:
    """Return a course as SVG, the colours of a terminal kept."""
    console = Console(
        record=True, width=WIDTH, force_terminal=True, color_system="truecolor", file=io.StringIO()
    )
    for line in draw_course(course, WIDTH):
        console.print(line)
    svg = console.export_svg(title=TITLE, unique_id="course")
    # rich would fetch a font from the network; whoever looks has one.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", FONTS)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def main() -> None:
    """Grade the demo and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        grade(demo_folder(), out=Path(folder) / "demo")
        course = build_course(read_records(Path(folder) / "demo", SUBJECT))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(course), encoding="utf-8")


if __name__ == "__main__":
    main()

"""How a command writes one file: beside its place, then put there whole or not at all."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tocsin.errors import UserError


@contextmanager
def written_beside(out: Path, option: str = "--out") -> Generator[TextIO]:
    """Give a file to write, and put it in its place when all went well. Raises UserError where that cannot be."""
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8", newline="") as target:
            yield target
        part.replace(out)
    except OSError as error:
        raise UserError(
            f"{option} {out}: cannot write there ({error.strerror}); choose a file you may write"
        ) from None
    finally:
        part.unlink(missing_ok=True)

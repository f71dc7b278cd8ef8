"""The product labels as rows of rules: `guidance/labels/<product>.toml`, completed by what `products.toml` knows."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tocsin.errors import UserError
from tocsin.knowledge import _files
from tocsin.knowledge.products import LabelFact, Product, product

FOLDER: Final = _files.FOLDER / "guidance" / "labels"


def label_rows() -> Iterator[dict[str, Any]]:
    """Every row of every label, in the form of any other rule.

    A row that names a `fact` takes its text, source and confidence from the product: a fact lives once.
    """
    for path in sorted(FOLDER.glob("*.toml")):
        for row in tomllib.loads(path.read_text("utf-8"))["rule"]:
            yield _label_row(path, row)


def _label_row(path: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: cell for key, cell in row.items() if key not in ("fact", "when")}
    known = product(path.stem)
    return {
        "role": "advice",
        "pack": "label",
        "strength": "LABEL",
        "section": f"label of {known.brand}",
        "product": known.id,
        **(_from_product(known, row) if "fact" in row else {}),
        **own,
        "when": f"product == '{known.id}' and ({row['when']})",
    }


def _from_product(known: Product, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a fact of the product gives a row. A row is only as sure as its least sure part."""
    fact = _fact(known, row["fact"])
    if fact is None:
        raise UserError(f"labels/{known.id}.toml: rule {row['id']}: the product has no {row['fact']}")
    cells = {"text": fact.text, "source": fact.source, "jurisdiction": fact.jurisdiction}
    confidence = "recalled" if fact.recalled else fact.confidence
    return {**cells, "cell": (row["fact"],), "confidence": confidence, "recalled": fact.recalled}


def _fact(known: Product, name: str) -> LabelFact | None:
    if name != "label_scale":
        return getattr(known, name)
    scale = known.label_scale
    return LabelFact(scale.note, scale.source, scale.confidence) if scale and scale.note else None

"""Eight made-up FHIR patients that show what Tocsin does; no real person is behind them."""

from pathlib import Path


def demo_folder() -> Path:
    """Return the folder of the bundled made-up patients, one FHIR Bundle each."""
    return Path(__file__).parent

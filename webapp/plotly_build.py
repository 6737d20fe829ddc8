"""Which build of plotly.js the pages load: the smaller one that the set-up fetched, else the one in Plotly's wheel."""

import sys
from pathlib import Path

import plotly


def plotly_folder() -> Path:
    """The folder that holds ``plotly.min.js``."""
    fetched = Path(sys.prefix) / "plotly"
    if (fetched / "plotly.min.js").exists():
        return fetched
    return Path(plotly.__file__).parent / "package_data"

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def real_data():
    """The folder of published image files, where there is one."""
    folder = Path(os.environ.get("NASTURTIUM_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no image files in {folder}; set NASTURTIUM_TEST_DATA to a folder with MNIST/raw/*.gz")
    return folder

"""manage.py over a database that is not ready."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def manage(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    own = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    own |= {"DJANGO_SETTINGS_MODULE": "webapp.settings", "NASTURTIUM_DATA": str(folder), **environment}
    return subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=own, capture_output=True, text=True)


@pytest.mark.parametrize("words", [("search", "laptop-demo"), ("datasets", "list"), ("owner",), ("worker", "search")])
def test_a_database_without_tables_is_one_line_that_names_the_command(tmp_path, words):
    result = manage(tmp_path, *words)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"The database {tmp_path / 'nasturtium.sqlite3'} (the folder is NASTURTIUM_DATA) is not set up for this version: "
        "run script/server once, or manage.py prepare."
    ]


def test_a_database_that_cannot_be_reached_is_one_line_that_says_where(tmp_path):
    result = manage(tmp_path, "datasets", "list", DATABASE_URL="postgres://nobody@127.0.0.1:9/nasturtium")
    assert result.returncode == 2
    assert result.stderr.startswith(
        "The database nasturtium at 127.0.0.1 cannot be reached: check DATABASE_URL. It said:"
    )
    assert len(result.stderr.splitlines()) == 1

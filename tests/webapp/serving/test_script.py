"""script/server asked for help, or given arguments it does not take: it says what it reads, and starts nothing."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "script" / "server"


@pytest.mark.parametrize(("word", "status"), [("--help", 0), ("-h", 0), ("--port", 2)])
def test_an_argument_is_answered_with_the_variables_it_reads(word, status):
    result = subprocess.run([SCRIPT, word], capture_output=True, text=True, timeout=20)
    assert result.returncode == status and result.stdout.startswith("Sets up what is missing")
    assert "TRAIN_WORKERS" in result.stdout and "#" not in result.stdout

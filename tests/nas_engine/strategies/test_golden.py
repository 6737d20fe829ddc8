"""The first 20 proposals of every strategy with its default settings, pinned. A change here needs a reason in the commit.

``python -m tests.nas_engine.strategies.test_golden`` writes the file anew.
"""

import json
from pathlib import Path

import pytest

from nas_engine import catalog
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from tests.nas_engine.contracts import build, run

GOLDEN = Path(__file__).with_name("golden_proposals.json")


def proposals(name: str) -> list[list[int]]:
    strategy = build(name, NASNetSpace(NASNetConfig()), seed=0, settings={})
    return [list(trial.architecture.choices) for trial in run(strategy, 20)]


@pytest.mark.parametrize("name", list(catalog.STRATEGIES))
def test_the_first_twenty_proposals_are_the_recorded_ones(name):
    assert proposals(name) == json.loads(GOLDEN.read_text())[name]


def _written(recorded: dict[str, list[list[int]]]) -> str:
    """JSON with one proposal a line, so that a change shows as changed lines."""
    parts = [f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for name, rows in recorded.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    GOLDEN.write_text(_written({name: proposals(name) for name in catalog.STRATEGIES}))

import dataclasses
import subprocess
import sys

import pytest

from nas_engine import catalog
from nas_engine.config import settings_of
from nas_engine.errors import ConfigError

ENTRIES = {f"{kind}/{name}": one for kind in ("SPACES", "STRATEGIES") for name, one in getattr(catalog, kind).items()}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_is_described_and_its_settings_are_frozen_and_labelled(entry):
    assert entry.label and entry.about.endswith(".")
    config_class = entry.config_class()
    assert config_class.__dataclass_params__.frozen
    assert all(about.label for about in settings_of(config_class).values())
    assert len(settings_of(config_class)) == len(dataclasses.fields(config_class))


def test_an_unknown_name_is_answered_with_those_there_are():
    assert catalog.entry(catalog.STRATEGIES, "ppo", "strategy").label == "PPO"
    with pytest.raises(ConfigError) as caught:
        catalog.entry(catalog.STRATEGIES, "magic", "strategy")
    assert "ppo" in caught.value.problems["strategy"]


def test_listing_and_validating_needs_no_torch():
    script = (
        "import sys\n"
        "from nas_engine import catalog\n"
        "from nas_engine.search_config import read_search\n"
        "for name in catalog.STRATEGIES:\n"
        "    read_search({'strategy': name})\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

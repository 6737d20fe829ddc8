import dataclasses

import pytest

from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.protocol import DataConfig, Protocol, SkeletonConfig, TrainingConfig
from nas_engine.search_config import SearchConfig

DEFAULT = Protocol(DataConfig(), "0123", SkeletonConfig(), TrainingConfig())


def variants() -> list[Protocol]:
    """One protocol for every single field that differs from the default."""
    found = [dataclasses.replace(DEFAULT, dataset_fingerprint="4567"), dataclasses.replace(DEFAULT, engine=-1)]
    for part in ("data", "skeleton", "training"):
        config = getattr(DEFAULT, part)
        for field in dataclasses.fields(config):
            about, value = field.metadata.get("setting"), getattr(config, field.name)
            if isinstance(value, bool):
                other = not value
            elif about.options:
                other = next(option for option in about.options if option != value)
            elif isinstance(value, str):
                other = value + "x"
            else:
                other = value + 4 if about.maximum is None or value + 4 <= about.maximum else about.maximum
            found.append(dataclasses.replace(DEFAULT, **{part: dataclasses.replace(config, **{field.name: other})}))
    return found


def test_equal_protocols_have_equal_fingerprints():
    again = Protocol(read(DataConfig, {}), "0123", read(SkeletonConfig, {}), read(TrainingConfig, {}))
    assert again == DEFAULT and again.fingerprint() == DEFAULT.fingerprint()
    assert len(DEFAULT.fingerprint()) == 12 and int(DEFAULT.fingerprint(), 16) >= 0


def test_any_field_that_differs_changes_the_fingerprint():
    protocols = variants()
    assert len(protocols) > 20
    assert len({DEFAULT.fingerprint(), *(protocol.fingerprint() for protocol in protocols)}) == len(protocols) + 1


def test_the_fingerprint_is_the_same_on_every_machine_and_day():
    """Databases keep fingerprints. This one may change only together with ENGINE_PROTOCOL or a protocol's fields."""
    assert DEFAULT.fingerprint() == "2d2959d84215"


def test_the_summary_names_what_matters():
    assert DEFAULT.summary() == "digits, 20 epochs, N 2, F 32"


def test_filters_of_stacked_cells_are_even():
    odd = read(SkeletonConfig, {"filters": 33})
    with pytest.raises(ConfigError, match="32 or 34"):
        odd.check_stackable()
    with pytest.raises(ConfigError) as caught:
        SearchConfig(skeleton=odd)
    assert list(caught.value.problems) == ["skeleton.filters"]
    assert SearchConfig(space="randwire", skeleton=odd).skeleton.filters == 33


def test_cells_that_are_whole_networks_leave_only_what_their_space_reads():
    whole = SkeletonConfig(repeats=5, filters=64, dropout=0.2).only(("dropout", "norm_decay"))
    assert whole == SkeletonConfig(dropout=0.2, whole=True)
    assert whole.only(None).whole is False
    protocol = dataclasses.replace(DEFAULT, skeleton=whole)
    assert protocol.summary() == "digits, 20 epochs, whole networks"
    assert protocol.fingerprint() != dataclasses.replace(DEFAULT, skeleton=SkeletonConfig(dropout=0.2)).fingerprint()

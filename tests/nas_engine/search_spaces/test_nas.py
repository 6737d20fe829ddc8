import random

import pytest

from nas_engine.architecture import ANCHOR, GIVEN, Architecture
from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.protocol import SkeletonConfig
from nas_engine.search import run_search
from nas_engine.search_spaces.nas import NASConfig, NASSpace
from nas_engine.strategies.random_search import RandomSearch
from nas_engine.strategies.settings import RandomSearchConfig
from nas_engine.trial import Evaluation

WHOLE = SkeletonConfig(whole=True)


def network(config: NASConfig, **taken):
    """The graph with the named options ("layer 2.from 1" as layer_2_from_1), and the first option everywhere else."""
    space = NASSpace(config)
    wanted = {name.replace("_", " ", 1).replace("_", ".", 1).replace("_", " "): value for name, value in taken.items()}
    choices = tuple(c.options.index(wanted.pop(c.name, c.options[0])) for c in space.choices)
    assert not wanted
    (cell,) = space.cells(Architecture(space.name, choices))
    return cell, {node.id: node for node in cell.nodes}


def test_the_papers_space():
    space = NASSpace(NASConfig())
    assert space.size() == (4 * 4 * 4) ** 6 * 2 ** (5 + 4 + 3 + 2 + 1)
    assert [choice.name for choice in space.choices if choice.kind == ANCHOR][:3] == [
        "layer 2.from 1", "layer 3.from 1", "layer 3.from 2",
    ]  # fmt: skip


def test_a_layer_without_input_takes_the_image_and_what_nothing_reads_is_stacked():
    cell, nodes = network(NASConfig(layers=4), layer_3_from_1="yes", layer_3_from_2="yes")
    assert nodes["layer1"].inputs == nodes["layer2"].inputs == nodes["layer4"].inputs == ("s0",)
    assert nodes["layer3"].inputs == ("layer1", "layer2")
    assert nodes["concat"].inputs == ("layer3", "layer4") and nodes["out"].inputs == ("concat",)


def test_repairs_are_told():
    def told(config: NASConfig, **taken: int) -> tuple[str, ...]:
        space = NASSpace(config)
        choices = [0] * len(space.choices)
        for name, option in taken.items():
            at = next(
                n for n, choice in enumerate(space.choices) if choice.name.replace(" ", "").replace(".", "_") == name
            )
            choices[at] = option
        return space.repairs(Architecture(space.name, tuple(choices)))

    config = NASConfig(layers=3, strides=("1", "2"))
    assert told(config, layer2_from1=1, layer3_from2=1) == ()
    assert told(config, layer3_from1=1, layer3_from2=1, layer1_stride=1) == (
        "Layer 2 has no layer as input: it reads the image.",
        "In front of layer 3 maps of several sizes meet: the smaller ones are padded with zeros.",
    )
    assert told(config, layer2_from1=1, layer3_from1=1, layer3_stride=1) == (
        "Before the classifier maps of several sizes meet: the smaller ones are padded with zeros.",
        "No layer reads layer 2 and layer 3: their outputs are stacked at the end.",
    )
    assert told(NASConfig(layers=3, skips=False)) == ()


def test_smaller_inputs_are_padded_with_zeros():
    config = NASConfig(layers=3, heights=("3",), widths=("5",), filters=("4", "8"), strides=("1", "2"))
    cell, _ = network(config, layer_1_stride="2", layer_3_from_1="yes", layer_3_from_2="yes", layer_2_filters="8")
    made = build_blueprint((cell,), WHOLE, (3, 9, 9), 10)
    pads = [layer for layer in made.layers if layer.kind == "pad"]
    assert [(layer.shape, layer.options["padding"]) for layer in pads] == [((4, 9, 9), (2, 2, 2, 2))]
    third = next(layer for layer in made.layers if layer.name == "layer3.conv")
    assert third.options["in"] == 12 and third.options["kernel"] == (3, 5) and third.shape == (4, 9, 9)
    weights = [3 * 4 * 15, 3 * 8 * 15, 12 * 4 * 15]
    assert made.params == sum(weights) + 2 * (4 + 8 + 4) + 4 * 10 + 10
    assert made.macs == weights[0] * 25 + weights[1] * 81 + weights[2] * 81 + 40


def test_costs_add_up_and_the_blueprint_survives_json():
    space = NASSpace(NASConfig(layers=9, pools=2, strides=("1", "2", "3")))
    for number in range(5):
        cells = space.cells(space.sample(random.Random(number)))
        made = build_blueprint(cells, WHOLE, (3, 32, 32), 10)
        assert sum(node.operation == "max_pool" for node in cells[0].nodes) == 2
        assert made.params == sum(part.params for part in made.placements)
        part = made.placements[0]
        assert set(part.nodes) == {node.id for node in cells[0].nodes}
        assert (part.params, part.macs) == tuple(
            sum(getattr(n, x) for n in part.nodes.values()) for x in ("params", "macs")
        )
        assert Blueprint.from_json(made.as_json()).layers == made.layers


def test_without_skips_it_is_a_chain():
    cell, _ = network(NASConfig(layers=3, skips=False, pools=1))
    assert [node.inputs for node in cell.nodes] == [(), ("s0",), ("layer1",), ("layer2",), ("pool2",), ("layer3",)]


def test_the_depth_grows_with_the_trials():
    space = NASSpace(NASConfig(layers=7, start=2, grow_by=2, grow_every=3))
    assert space.choices[0].kind == GIVEN and space.choices[0].options == ("2", "4", "6", "7")
    depths = []

    def evaluate(architecture):
        depths.append(sum(node.operation == "conv" for node in space.cells(architecture)[0].nodes))
        return Evaluation(0.5, 1, 1)

    run_search(RandomSearch(space, RandomSearchConfig(), 0), evaluate, 14, reuse=False)
    assert depths == [2, 2, 2, 4, 4, 4, 6, 6, 6, 7, 7, 7, 7, 7]
    rng, shallow = random.Random(0), space.fitted(space.sample(random.Random(1)), 3)
    changed = {space.choices[at].name for _ in range(300) for at in differing(shallow, space.mutate(shallow, rng))}
    assert changed and {name.split(".")[0] for name in changed} == {"layer 1", "layer 2", "layer 3", "layer 4"}


def differing(a: Architecture, b: Architecture) -> list[int]:
    return [at for at, pair in enumerate(zip(a.choices, b.choices, strict=True)) if len(set(pair)) > 1]


@pytest.mark.parametrize(
    ("data", "field"), [({"heights": []}, "heights"), ({"layers": 3, "pools": 3}, "pools"), ({"start": 9}, "start")]
)
def test_bad_settings_name_their_field(data, field):
    with pytest.raises(ConfigError) as caught:
        read(NASConfig, data)
    assert field in caught.value.problems

"""What every search space and every strategy must keep. The test modules run these over the catalog, so that a new entry
is tested by being listed."""

import dataclasses
import json
import random

import pytest

from nas_engine import catalog
from nas_engine.architecture import Architecture
from nas_engine.config import as_dict, read, settings_of
from nas_engine.errors import ConfigError
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.strategies.base import Strategy
from nas_engine.strategies.checkpoint import pack_state, unpack_state
from nas_engine.trial import Evaluation, Trial

# Faster learning than the papers', which count on thousands of trials. What is not listed is tested as it comes.
QUICK = {
    "ppo": {"learning_rate": 0.01, "batch": 10, "hidden": 32},
    "reinforce": {"learning_rate": 0.01, "layers": 1, "hidden": 32},
    "regularized_evolution": {"population": 20, "sample": 5},
    "bayesian": {"candidates": 30, "refit": 20},
}
BASELINE = "random"
LEARN_NOTHING = (BASELINE, "grid")


def toy_space(blocks: int = 2) -> NASNetSpace:
    return NASNetSpace(NASNetConfig(blocks=blocks, operations=("identity", "conv_3x3", "sep_conv_3x3", "max_pool_3x3")))


def toy_reward(space: SearchSpace, architecture: Architecture, number: int = 0, noise: float = 0.01) -> float:
    """Like an accuracy: 0.8 plus a small effect of every decision, plus noise that depends on the trial's number."""
    effects = random.Random("effects")
    table = [[effects.uniform(-0.02, 0.02) for _ in choice.options] for choice in space.choices]
    mean = 0.8 + sum(row[taken] for row, taken in zip(table, architecture.choices, strict=True))
    return mean + random.Random(f"noise/{number}").gauss(0, noise)


def ended(space: SearchSpace, trial: Trial, fails: bool = False) -> Trial:
    """The trial as it comes back from the database: through JSON, with a toy evaluation or an error."""
    trial = dataclasses.replace(trial, info=json.loads(json.dumps(trial.info)))
    if fails:
        return trial.failed("Out of memory")
    reward = toy_reward(space, trial.architecture, trial.number)
    return trial.finished(Evaluation(reward, 1000, 1000, seconds=1.0), reward)


def build(name: str, space: SearchSpace, seed: int, settings: dict | None = None) -> Strategy:
    entry = catalog.STRATEGIES[name]
    return entry.build(space, read(entry.config_class(), QUICK.get(name, {}) if settings is None else settings), seed)


def run(strategy: Strategy, trials: int) -> list[Trial]:
    """One trial at a time, none of them failing."""
    history = []
    for number in range(trials):
        history.append(ended(strategy.space, strategy.ask(number)))
        strategy.tell(history[-1])
    return history


class SpaceContract:
    """Give a fixture ``space``."""

    def test_samples_belong_to_the_space_and_decode_the_same_way_twice(self, space):
        rng = random.Random(1)
        for _ in range(50):
            architecture = space.sample(rng)
            space.check(architecture)
            assert space.cells(architecture) == space.cells(architecture)

    def test_sampling_is_reproducible_and_varied(self, space):
        first = [space.sample(random.Random(seed)) for seed in range(20)]
        assert first == [space.sample(random.Random(seed)) for seed in range(20)]
        assert len(set(first)) > 10

    def test_every_option_of_every_choice_is_sampled(self, space):
        rng = random.Random(2)
        seen = [set() for _ in space.choices]
        for _ in range(600):
            for index, taken in enumerate(space.sample(rng).choices):
                seen[index].add(taken)
        assert seen == [set(range(len(choice.options))) for choice in space.choices]

    def test_a_mutation_changes_exactly_one_choice(self, space):
        rng = random.Random(3)
        changed_choices = set()
        for _ in range(max(300, 12 * len(space.choices))):
            parent = space.sample(rng)
            child = space.mutate(parent, rng)
            space.check(child)
            changed = [
                i for i, pair in enumerate(zip(parent.choices, child.choices, strict=True)) if len(set(pair)) > 1
            ]
            assert len(changed) == 1
            changed_choices.update(changed)
        assert changed_choices == {i for i, choice in enumerate(space.choices) if len(choice.options) > 1}

    def test_neighbours_are_all_the_single_changes(self, space):
        architecture = space.sample(random.Random(8))
        around = space.neighbours(architecture)
        assert len(set(around)) == len(around) == sum(len(choice.options) - 1 for choice in space.choices)
        for other in around:
            space.check(other)
            assert sum(a != b for a, b in zip(architecture.choices, other.choices, strict=True)) == 1

    def test_json_and_back(self, space):
        architecture = space.sample(random.Random(4))
        assert Architecture.from_json(json.loads(json.dumps(architecture.as_json()))) == architecture
        for cell in space.cells(architecture):
            assert type(cell).from_json(json.loads(json.dumps(cell.as_json()))) == cell
            assert cell.nodes[-1].kind == "output" and len(cell.key()) == 64

    def test_the_encoding_is_one_hot_and_tells_architectures_apart(self, space):
        rng = random.Random(5)
        architectures = {space.sample(rng) for _ in range(50)}
        encodings = {tuple(space.encode(architecture)) for architecture in architectures}
        assert len(encodings) == len(architectures)
        for encoding in encodings:
            assert len(encoding) == sum(len(choice.options) for choice in space.choices)
            assert sum(encoding) == len(space.choices) and set(encoding) <= {0.0, 1.0}

    def test_the_key_is_64_hex_digits_and_stable(self, space):
        architecture = space.sample(random.Random(6))
        key = space.key(architecture)
        assert len(key) == 64 and int(key, 16) >= 0
        assert key == space.key(Architecture(space.name, architecture.choices))

    def test_choice_names_are_unique(self, space):
        names = [choice.name for choice in space.choices]
        assert len(set(names)) == len(names)

    def test_a_stranger_is_refused(self, space):
        good = space.sample(random.Random(7))
        strangers = [
            Architecture("elsewhere", good.choices),
            Architecture(space.name, good.choices[:-1]),
            Architecture(space.name, (len(space.choices[0].options), *good.choices[1:])),
            Architecture(space.name, (-1, *good.choices[1:])),
        ]
        for stranger in strangers:
            with pytest.raises(ConfigError):
                space.cells(stranger)


class StrategyContract:
    """Give a fixture ``name``: an entry of the catalog."""

    def test_every_setting_is_documented_and_survives_json(self, name):
        config_class = catalog.STRATEGIES[name].config_class()
        config = config_class()
        assert read(config_class, json.loads(json.dumps(as_dict(config)))) == config
        assert set(settings_of(config_class)) == {field.name for field in dataclasses.fields(config_class)}

    def test_proposals_belong_to_the_space(self, name):
        space = toy_space()
        for trial in run(build(name, space, 0), 60):
            space.check(trial.architecture)

    def test_the_seed_decides(self, name):
        first, again, other = (
            [trial.architecture for trial in run(build(name, toy_space(), seed), 60)] for seed in (7, 7, 8)
        )
        assert first == again
        assert first != other

    def test_a_proposal_depends_on_the_tells_and_its_number_only(self, name):
        asked, fresh = build(name, toy_space(), 3), build(name, toy_space(), 3)
        for number in range(35):
            trial = ended(asked.space, asked.ask(number))
            asked.ask(number + 100)
            asked.tell(trial)
            fresh.tell(trial)
        backwards = {number: asked.ask(number) for number in (42, 41, 40)}
        assert backwards == {number: fresh.ask(number) for number in (40, 41, 42)}

    @pytest.mark.parametrize(("interrupted_at", "fails_every"), [(0, 0), (13, 5), (40, 0), (59, 5)])
    def test_interrupted_and_replayed_equals_uninterrupted(self, name, interrupted_at, fails_every):
        whole = _Asynchronous(build(name, toy_space(), 5), fails_every)
        whole.advance(80)
        broken = _Asynchronous(build(name, toy_space(), 5), fails_every)
        broken.advance(interrupted_at)
        checkpoint = pack_state(broken.strategy.state_dict())
        since = len(broken.told)
        broken.advance(interrupted_at + 10)
        broken.strategy = build(name, toy_space(), 5)
        broken.strategy.load_state_dict(unpack_state(checkpoint))
        for trial in broken.told[since:]:
            broken.strategy.tell(trial)
        broken.advance(80)
        assert broken.asked == whole.asked
        assert pack_state(broken.strategy.state_dict()) == pack_state(whole.strategy.state_dict())

    def test_it_survives_failures_infeasible_and_pending_trials(self, name):
        space = toy_space()
        strategy = build(name, space, 1)
        pending = [strategy.ask(number) for number in range(100)]
        for trial in reversed(pending):
            strategy.tell(ended(space, trial, fails=True))
        for number in range(100, 140):
            strategy.tell(strategy.ask(number).infeasible(1 / (1 + number), "Too large"))
        strategy.tell(dataclasses.replace(strategy.ask(140), reward=float("nan")))
        for trial in run(strategy, 60):
            space.check(trial.architecture)

    def test_updates_are_json(self, name):
        strategy = build(name, toy_space(), 2)
        for number in range(60):
            update = strategy.tell(ended(strategy.space, strategy.ask(number)))
            assert update is None or json.loads(json.dumps(update, allow_nan=False)) == update

    def test_a_space_with_a_single_free_choice(self, name):
        space = NASNetSpace(NASNetConfig(1, ("identity",), ("add", "concat"), separate_reduction=False))
        trials = run(build(name, space, 0), 60)
        assert {trial.architecture.choices[-1] for trial in trials} == {0, 1}

    @pytest.mark.parametrize("seed", range(3))
    def test_learners_beat_random(self, name, seed):
        if name in LEARN_NOTHING:
            pytest.skip("learns nothing")
        space = toy_space()
        means = {
            one: sum(
                toy_reward(space, trial.architecture, noise=0) for trial in run(build(one, space, seed), 300)[200:]
            )
            / 100
            for one in (name, BASELINE)
        }
        # A random architecture's reward has a standard deviation of about 0.05, its mean of 100 one of 0.005.
        assert means[name] > means[BASELINE] + 0.05


class _Asynchronous:
    """Seven trials under way at a time; the one that ends next is drawn by lot, so tells come late and out of order."""

    def __init__(self, strategy: Strategy, fails_every: int):
        self.strategy, self.fails_every = strategy, fails_every
        self.asked: list[Trial] = []
        self.told: list[Trial] = []
        self.pending: list[Trial] = []

    def advance(self, tells: int) -> None:
        while len(self.told) < tells:
            while len(self.pending) < 7:
                self.asked.append(self.strategy.ask(len(self.asked)))
                self.pending.append(self.asked[-1])
            trial = self.pending.pop(random.Random(len(self.told)).randrange(7))
            fails = bool(self.fails_every) and trial.number % self.fails_every == 0
            self.told.append(ended(self.strategy.space, trial, fails))
            self.strategy.tell(self.told[-1])

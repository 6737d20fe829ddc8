"""What there is to choose from, by name. Classes are named by dotted path and imported on use, so listing and validating
strategies and spaces never imports torch."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nas_engine.errors import ConfigError
from nas_engine.evaluators.supernet.config import METHODS


@dataclass(frozen=True)
class Entry:
    """``config`` and ``target`` are "module:Class". ``about`` says in a sentence or two what it is good for."""

    label: str
    config: str
    target: str
    about: str

    def target_class(self) -> type:
        return _import(self.target)

    def config_class(self) -> type:
        return _import(self.config)

    def build(self, *arguments: Any) -> Any:
        return _import(self.target)(*arguments)


@dataclass(frozen=True)
class EvaluatorEntry(Entry):
    """``own_space``: the evaluator brings the search space and all measurements along, so that no space, data set or child
    network is chosen. ``instant``: an evaluation is a look-up, which the search worker does itself, many at a time.
    ``shares_weights``: one supernet is trained first, and the trials are what was derived from it, trained by themselves."""

    own_space: bool = False
    instant: bool = False
    shares_weights: bool = False


SPACES = {
    "nasnet": Entry(
        "NASNet",
        "nas_engine.search_spaces.nasnet:NASNetConfig",
        "nas_engine.search_spaces.nasnet:NASNetSpace",
        "Each block takes two states, applies two operations and joins them.",
    ),
    "enas": Entry(
        "ENAS cells",
        "nas_engine.search_spaces.enas:ENASConfig",
        "nas_engine.search_spaces.enas:ENASSpace",
        "Five operations, two of them a node, added; what nothing reads is the output.",
    ),
    "enas_macro": Entry(
        "ENAS networks",
        "nas_engine.search_spaces.enas_macro:ENASMacroConfig",
        "nas_engine.search_spaces.enas_macro:ENASMacroSpace",
        "A whole network: an operation for each layer, and which earlier layers are joined to it.",
    ),
    "listed": Entry(
        "Given cells",
        "nas_engine.search_spaces.listed:ListedConfig",
        "nas_engine.search_spaces.listed:ListedSpace",
        "Exactly the cells that are written out, no others.",
    ),
    "darts": Entry(
        "DARTS cells",
        "nas_engine.search_spaces.darts:DARTSConfig",
        "nas_engine.search_spaces.darts:DARTSSpace",
        "Seven operations; every node adds two of them on two different states, all nodes are the output.",
    ),
    "randwire": Entry(
        "RandWire",
        "nas_engine.search_spaces.randwire:RandWireConfig",
        "nas_engine.search_spaces.randwire:RandWireSpace",
        "Networks wired at random: decided are the generator of the graphs, its parameters and the seeds.",
    ),
    "nas": Entry(
        "NAS 2016",
        "nas_engine.search_spaces.nas:NASConfig",
        "nas_engine.search_spaces.nas:NASSpace",
        "A network layer by layer: filter height, width and number, and which earlier layers are its inputs. "
        "The space of the first NAS paper.",
    ),
    "mnasnet": Entry(
        "MnasNet",
        "nas_engine.search_spaces.mnasnet:MnasNetConfig",
        "nas_engine.search_spaces.mnasnet:MnasNetSpace",
        "The network is a few blocks of equal layers, and every block takes its own decisions: convolution, kernel, "
        "squeeze-and-excitation, skip, filters, layers. Made for networks that must be fast.",
    ),
}

STRATEGIES = {
    "ppo": Entry(
        "PPO",
        "nas_engine.strategies.settings:PPOConfig",
        "nas_engine.strategies.ppo:PPO",
        "An LSTM controller proposes a cell decision by decision and is updated by proximal policy optimisation. "
        "The paper’s choice; needs a few hundred trials to pull ahead of random search.",
    ),
    "reinforce": Entry(
        "REINFORCE",
        "nas_engine.strategies.settings:ReinforceConfig",
        "nas_engine.strategies.reinforce:Reinforce",
        "The plainest policy gradient: an LSTM controller, one step per batch, a moving baseline. "
        "The first NAS paper’s choice; PPO makes more of the same trials.",
    ),
    "regularized_evolution": Entry(
        "Regularized evolution",
        "nas_engine.strategies.settings:EvolutionConfig",
        "nas_engine.strategies.regularized_evolution:RegularizedEvolution",
        "Mutates the best of a few drawn from a population whose oldest member leaves. "
        "Robust, parallel and cheap; good from a hundred trials on.",
    ),
    "nsga2": Entry(
        "NSGA-II",
        "nas_engine.strategies.settings:NSGA2Config",
        "nas_engine.strategies.nsga2:NSGA2",
        "Evolution towards a whole front: accurate cells at every cost, instead of one best. "
        "Any of accuracy, parameters, MACs and latency; one run serves every budget.",
    ),
    "local_search": Entry(
        "Local search",
        "nas_engine.strategies.settings:LocalSearchConfig",
        "nas_engine.strategies.local_search:LocalSearch",
        "Climbs from a good random cell, one decision at a time. Strong where spaces are small and results repeat.",
    ),
    "bayesian": Entry(
        "Bayesian",
        "nas_engine.strategies.settings:BayesianConfig",
        "nas_engine.strategies.bayesian:Bayesian",
        "An ensemble of small networks predicts which mutation of the best cells is worth training. "
        "Makes the most of few, costly trials.",
    ),
    "random": Entry(
        "Random",
        "nas_engine.strategies.settings:RandomSearchConfig",
        "nas_engine.strategies.random_search:RandomSearch",
        "Draws every decision uniformly. The baseline every other strategy has to beat.",
    ),
    "grid": Entry(
        "Grid",
        "nas_engine.strategies.settings:GridConfig",
        "nas_engine.strategies.grid:Grid",
        "Takes every architecture in turn. For sweeps: narrow the space to the few decisions to be compared.",
    ),
}

EVALUATORS = {
    "standalone": EvaluatorEntry(
        "Training each cell",
        "nas_engine.evaluators.settings:StandaloneConfig",
        "nas_engine.evaluators.standalone:StandaloneEvaluator",
        "Every child network is trained from scratch by itself, briefly. Slow and faithful.",
    ),
    "tabular": EvaluatorEntry(
        "A table",
        "nas_engine.evaluators.settings:TabularConfig",
        "nas_engine.evaluators.tabular:open_table",
        "Looks results up in a published table of trained architectures, at the training time it cost there. "
        "Whole searches take seconds, so strategies can be compared over many seeds.",
        own_space=True,
        instant=True,
    ),
    "supernet": EvaluatorEntry(
        "A supernet",
        "nas_engine.evaluators.supernet.config:SupernetConfig",
        "nas_engine.evaluators.supernet.search:SupernetSearch",
        "One network holds every cell, and they share its weights: a search costs minutes to hours. "
        "The cells derived from it are then trained by themselves.",
        shares_weights=True,
    ),
}


def searcher_label(name: str) -> str:
    """What a strategy, or a method that shares weights, is called; its own name if it is unknown here."""
    return STRATEGIES[name].label if name in STRATEGIES else METHODS.get(name, name)


def entry(table: dict[str, Entry], name: str, field: str) -> Entry:
    """The named entry. Raises ConfigError listing what there is."""
    if name not in table:
        raise ConfigError(f"{name!r} is unknown here. Known: {', '.join(table)}.", field)
    return table[name]


def _import(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(module), name)

"""ENAS: a controller learns which paths through the supernet do well, in turns with the weights (Pham et al. 2018)."""

import random
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from nas_engine.architecture import Architecture
from nas_engine.evaluators.supernet.controller import (
    Decoded,
    MacroController,
    MicroController,
    uniform_entropy,
)
from nas_engine.evaluators.supernet.method import Epoch, Method, distinct
from nas_engine.evaluators.supernet.records import Derived
from nas_engine.evaluators.supernet.session import Session
from nas_engine.search_spaces.enas import ENASSpace
from nas_engine.search_spaces.enas_macro import OPERATIONS, ENASMacroSpace
from nas_engine.training.adam import Adam

# Sequences drawn after an epoch to estimate the policy's entropy and marginal probabilities.
_PROBES = 64
# How many times more samples than asked for are scored when architectures are derived.
_DRAWS = 4


class ENAS(Method):
    """An epoch trains the weights along paths that the controller draws, one a batch, then the controller by REINFORCE,
    each sample's reward being its accuracy on one valid batch plus the weighed entropy of its decisions. At the end of an
    epoch some samples are scored on the same valid batch, and the best is what the search would return."""

    rewards_with_dropout = True  # as the released code has it, whose graph of cells is built once

    def __init__(self, session: Session, space: ENASSpace):
        super().__init__(session, space)
        settings = self.config.controller
        self.controller = self._controller(random.Random(f"{session.seed}/controller"))
        self.adam = Adam(self.controller, settings.learning_rate, settings.mean_decay, epsilon=settings.epsilon)
        self.baseline = 0.0

    def _controller(self, rng: random.Random) -> MicroController | MacroController:
        config = self.space.config
        return MicroController(config.nodes, config.operations, self.config.controller, rng)

    def epoch(self) -> Epoch:
        session = self.session
        # The controller stands still while the weights learn, so all paths of the epoch can be drawn at once.
        paths = iter(self._architectures(self._draw(session.batches, "paths")))
        totals = session.train_epoch(lambda images: self.path(next(paths))(images))
        rewards, accuracies, losses = self._train_controller()
        best = max(self._candidates(), key=lambda one: one.supernet_score)
        count = len(accuracies)
        return Epoch(
            totals,
            best,
            sum(losses) / count,
            sum(accuracies) / count,
            {"controller": self._record(rewards, accuracies)},
        )

    def _train_controller(self) -> tuple[list[float], list[float], list[float]]:
        settings, session = self.config.controller, self.session
        generator = session.generator("controller")
        rewards, accuracies, losses = [], [], []
        for update in range(settings.updates):
            noise = torch.rand(settings.samples, len(self.controller.widths), generator=generator)
            drawn = self.controller.sample(noise)
            advantages = []
            for number, architecture in enumerate(self._architectures(drawn)):
                session.step_done("controller", update * settings.samples + number, settings.updates * settings.samples)
                accuracy, loss = self._measure(architecture)
                reward = accuracy + settings.entropy_weight * float(drawn.bonus[number])
                # The released code leaves the order open; the baseline learns first.
                self.baseline -= (1 - settings.baseline_decay) * (self.baseline - reward)
                advantages.append(reward - self.baseline)
                rewards.append(reward)
                accuracies.append(accuracy)
                losses.append(loss)
            self._improve(drawn, torch.tensor(advantages))
        return rewards, accuracies, losses

    def _improve(self, drawn: Decoded, advantages: Tensor) -> None:
        """One step of REINFORCE over the mean of the samples."""
        decoded = self.controller.score(drawn.choices)
        loss = -(decoded.log_probs.sum(1) * advantages).mean()
        self.adam.descend(loss + self.config.controller.skip_weight * decoded.penalty.mean())

    @torch.no_grad()
    def _measure(self, architecture: Architecture) -> tuple[float, float]:
        """Accuracy and loss on one valid batch, by batch statistics."""
        images, labels = self.session.valid_batch()
        self.session.net.train(self.rewards_with_dropout)
        loss, logits = self.session.loss(self.path(architecture), images, labels)
        self.session.net.train()
        return int((logits.argmax(1) == labels).sum()) / len(labels), float(loss)

    def _candidates(self) -> list[Derived]:
        count, found = self.config.derive_samples, []
        for number, architecture in enumerate(self._architectures(self._draw(count, "candidates"))):
            self.session.step_done("scoring", number, count)
            found.append(self.scored(architecture, 1))
        return found

    def derive(self, count: int) -> list[Derived]:
        """The best of several times as many samples, each scored over ``score_batches`` valid batches."""
        total, found = max(self.config.derive_samples, _DRAWS * count), []
        for number, architecture in enumerate(self._architectures(self._draw(total, "derive"))):
            self.session.step_done("scoring", number, total)
            found.append(self.scored(architecture))
        found.sort(key=lambda one: -one.supernet_score)
        return distinct(found, count, self.space)

    def _draw(self, count: int, purpose: str) -> Decoded:
        noise = torch.rand(count, len(self.controller.widths), generator=self.session.generator(purpose))
        return self.controller.sample(noise)

    def _architectures(self, decoded: Decoded) -> list[Architecture]:
        return [Architecture(self.space.name, tuple(row)) for row in decoded.choices.tolist()]

    def _record(self, rewards: list[float], accuracies: list[float]) -> dict:
        probe = self._draw(_PROBES, "probe")
        marginals = probe.probabilities.mean(0).tolist()
        return {
            "entropy": float(probe.entropies.sum(1).mean()),
            "entropy_uniform": uniform_entropy(self.controller.widths),
            "reward": sum(rewards) / len(rewards),
            "accuracy": sum(accuracies) / len(accuracies),
            "baseline": self.baseline,
            "probabilities": {
                choice.name: [round(value, 4) for value in row[: len(choice.options)]]
                for choice, row in zip(self.space.choices, marginals, strict=True)
            },
        }

    def state(self) -> tuple[dict[str, Tensor], dict]:
        adam = {f"adam/{name}": value for name, value in self.adam.state_dict().items()}
        steps = adam.pop("adam/steps")
        named = {f"controller/{name}": value.detach() for name, value in self.controller.named_parameters()}
        return {**named, **adam}, {"adam_steps": steps, "baseline": self.baseline}

    @torch.no_grad()
    def load_state(self, tensors: Mapping[str, Tensor], data: dict) -> None:
        for name, value in self.controller.named_parameters():
            value.copy_(tensors[f"controller/{name}"])
        below = {name.removeprefix("adam/"): value for name, value in tensors.items() if name.startswith("adam/")}
        self.adam.load_state_dict({**below, "steps": data["adam_steps"]})
        self.baseline = data["baseline"]


class MacroENAS(ENAS):
    """The same over whole networks; skips that are not as frequent as wanted are penalised, and rewards are read without
    dropout."""

    rewards_with_dropout = False
    space: ENASMacroSpace

    def _controller(self, rng: random.Random) -> MacroController:
        return MacroController(self.space.config.layers, len(OPERATIONS), self.config.controller, rng)

    def path(self, architecture: Architecture) -> Callable[[Tensor], Tensor]:
        layers = self.space.layers(architecture)
        return lambda images: self.session.net.forward_layers(images, layers)

    def _record(self, rewards: list[float], accuracies: list[float]) -> dict:
        record = super()._record(rewards, accuracies)
        shares = [row[1] for name, row in record["probabilities"].items() if ".skip." in name]
        return {**record, "skip_rate": sum(shares) / len(shares)}

"""DARTS, PC-DARTS and GDAS: the architecture as numbers with a gradient (Liu et al. 2019; Xu et al. 2020; Dong and Yang
2019). Alphas are (edges, 1 + operations); column 0 is "none", which takes a share of the softmax and gives nothing."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from nas_engine.evaluators.supernet.bilevel import first_order, second_order
from nas_engine.evaluators.supernet.derivation import derive_cell, sample_cell
from nas_engine.evaluators.supernet.method import Epoch, Method, distinct
from nas_engine.evaluators.supernet.records import Derived
from nas_engine.evaluators.supernet.session import Session, derived_seed
from nas_engine.networks.supernet import Choice, Path
from nas_engine.search_spaces.darts import DARTSSpace
from nas_engine.training.adam import Adam
from nas_engine.training.loop import Totals

KINDS = ("normal", "reduction")
NONE = "none"
# How many times more samples than asked for are drawn where other architectures than the strongest are wanted.
_DRAWS = 4


class Alphas(nn.Module):
    """Architecture parameters of either kind of cell, normal with spread ``init_scale``; also one an edge if wanted."""

    def __init__(self, edges: int, columns: int, init_scale: float, edge_weights: bool, seed: int):
        super().__init__()
        generator = torch.Generator().manual_seed(derived_seed(seed, "alphas"))
        for kind in KINDS:
            self.register_parameter(kind, nn.Parameter(init_scale * torch.randn(edges, columns, generator=generator)))
        for kind in KINDS if edge_weights else ():
            value = init_scale * torch.randn(edges, generator=generator)
            self.register_parameter(f"{kind}_edges", nn.Parameter(value))


class Differentiable(Method):
    """Alternates, batch by batch, a step of the alphas on valid and a step of the weights on train."""

    def __init__(self, session: Session, space: DARTSSpace):
        super().__init__(session, space)
        settings = self.config.alphas
        self.rules = session.net.plan.rules
        self.operations = (NONE, *self.rules.operations)
        self.weights = list(session.net.parameters())
        self.alphas = Alphas(
            len(self.rules.edges), len(self.operations), settings.init_scale, settings.edge_weights, session.seed
        ).to(session.device)
        self.adam = Adam(
            self.alphas, settings.learning_rate, settings.mean_decay, settings.square_decay,
            weight_decay=settings.weight_decay,
        )  # fmt: skip
        targets = [edge.target for edge in self.rules.edges]
        self.nodes = [[row for row, at in enumerate(targets) if at == node] for node in sorted(set(targets))]

    # The mixture

    def mixture(self) -> dict[str, Tensor]:
        """Softmax over the operations of every edge, "none" among them: (edges, 1 + operations)."""
        return {kind: getattr(self.alphas, kind).softmax(1) for kind in KINDS}

    def edge_weights(self) -> dict[str, Tensor] | None:
        """Softmax over the edges into every node, or None where edges are not weighed."""
        if not self.config.alphas.edge_weights:
            return None
        weights = {}
        for kind in KINDS:
            raw = getattr(self.alphas, f"{kind}_edges")
            weights[kind] = torch.cat([raw[rows[0] : rows[-1] + 1].softmax(0) for rows in self.nodes])
        return weights

    def forward(self, images: Tensor) -> Tensor:
        weights = {kind: value[:, 1:] for kind, value in self.mixture().items()}
        return self.session.net.forward_mixture(images, weights, self.edge_weights())

    def probe(self) -> Callable[[Tensor], Tensor]:
        self.prepare()
        return self.forward

    # An epoch

    def epoch(self) -> Epoch:
        valid = Totals.zero(self.session.device)
        learns = self.session.epoch > self.config.alphas.frozen_epochs

        def before(images: Tensor, labels: Tensor) -> None:
            if learns:
                self.step_alphas(images, labels, valid)

        self.prepare()
        # The weights' own step needs no gradient of the alphas.
        totals = self.session.train_epoch(self._forward_weights, before)
        read = valid.images or None
        return Epoch(
            totals,
            self.strongest(),
            read and float(valid.loss) / read,
            read and int(valid.right) / read,
            self._details(),
            self._skip_weight(),
        )

    def prepare(self) -> None:
        """Whatever has to be made at the beginning of an epoch."""

    def _forward_weights(self, images: Tensor) -> Tensor:
        for parameter in self.alphas.parameters():
            parameter.requires_grad_(False)
        try:
            return self.forward(images)
        finally:
            for parameter in self.alphas.parameters():
                parameter.requires_grad_(True)

    def step_alphas(self, images: Tensor, labels: Tensor, totals: Totals) -> None:
        """One Adam step on a fresh valid batch; ``images`` and ``labels`` are the train batch of the weights' step."""
        session, alphas = self.session, list(self.alphas.parameters())
        valid_images, valid_labels = session.valid_batch()

        def valid_loss() -> Tensor:
            loss, logits = session.loss(self.forward, valid_images, valid_labels)
            totals.add(loss, logits, valid_labels)
            return loss

        if self.config.alphas.order == "first":
            gradients = first_order(valid_loss, alphas, self.weights)
        else:
            gradients = second_order(
                lambda: session.loss(self.forward, images, labels)[0], valid_loss, alphas, self.weights, session.sgd,
                session.learning_rate(),
            )  # fmt: skip
        self.adam.step(gradients)

    # What has been learned

    def strengths(self) -> dict[str, list[list[float]]]:
        """What an operation on an edge weighs when cells are derived: its mixture, times its edge's weight if any."""
        with torch.no_grad():
            mixture, edges = self.mixture(), self.edge_weights()
            if edges:
                mixture = {kind: value * edges[kind][:, None] for kind, value in mixture.items()}
            return {kind: value.tolist() for kind, value in mixture.items()}

    def strongest(self) -> Derived:
        strengths = self.strengths()
        cells = [derive_cell(kind, strengths[kind], self.rules.edges, self.rules.operations) for kind in KINDS]
        return self._derived(cells, score=False)

    def _derived(self, cells: list, score: bool) -> Derived:
        architecture = self.space.architecture(*cells)
        return self.scored(architecture) if score else Derived(architecture, self.space.cells(architecture), None)

    def derive(self, count: int) -> list[Derived]:
        """The strongest cells first; then others drawn edge by edge and operation by operation in proportion to their
        strengths, by their scores."""
        generator = self.session.generator("derive")
        strengths, wanted = self.strengths(), count - 1
        others = []
        for number in range(_DRAWS * wanted):
            self.session.step_done("scoring", number, _DRAWS * wanted)
            drawn = [
                sample_cell(kind, strengths[kind], self.rules.edges, self.rules.operations, generator) for kind in KINDS
            ]
            others.append(self._derived(drawn, score=True))
        others.sort(key=lambda one: -one.supernet_score)
        first = self.scored(self.strongest().architecture)
        return distinct([first, *others], count, self.space)

    def _skip_weight(self) -> float:
        """The mean share of skips in the normal cell's mixture."""
        if "identity" not in self.rules.operations:
            return 0.0
        return float(self.mixture()["normal"].detach()[:, self.operations.index("identity")].mean())

    def _details(self) -> dict:
        with torch.no_grad():
            edges = self.edge_weights() or {}
            return {
                "alphas": {kind: _rounded(getattr(self.alphas, kind)) for kind in KINDS},
                "mixture": {kind: _rounded(value) for kind, value in self.mixture().items()},
                "edge_weights": {kind: _rounded(value) for kind, value in edges.items()},
                "edges": [[edge.source, edge.target] for edge in self.rules.edges],
                "operations": list(self.operations),
            }

    def state(self) -> tuple[dict[str, Tensor], dict]:
        adam = {f"adam/{name}": value for name, value in self.adam.state_dict().items()}
        steps = adam.pop("adam/steps")
        named = {f"alphas/{name}": value.detach() for name, value in self.alphas.named_parameters()}
        return {**named, **adam}, {"adam_steps": steps}

    @torch.no_grad()
    def load_state(self, tensors: Mapping[str, Tensor], data: dict) -> None:
        for name, value in self.alphas.named_parameters():
            value.copy_(tensors[f"alphas/{name}"])
        below = {name.removeprefix("adam/"): value for name, value in tensors.items() if name.startswith("adam/")}
        self.adam.load_state_dict({**below, "steps": data["adam_steps"]})


class GDAS(Differentiable):
    """One operation an edge, drawn by Gumbel-softmax and hardened: its weight is 1 going forward and its probability's
    going backward (Dong and Yang 2019, equations 3 to 7). The temperature falls linearly over the epochs."""

    def temperature(self) -> float:
        settings, epochs = self.config.alphas, self.config.weights.epochs
        share = (self.session.epoch - 1) / max(1, epochs - 1)
        return settings.temperature + (settings.final_temperature - settings.temperature) * share

    def forward(self, images: Tensor) -> Tensor:
        return self.session.net.forward_paths(images, {kind: self._draw(kind) for kind in KINDS})

    def prepare(self) -> None:
        self._noise = self.session.generator("gumbel")

    def _draw(self, kind: str) -> Path:
        alphas = getattr(self.alphas, kind)
        noise = -torch.empty(alphas.shape).exponential_(generator=self._noise).log()
        relaxed = ((alphas.log_softmax(1) + noise.to(alphas.device)) / self.temperature()).softmax(1)
        taken = relaxed.argmax(1)
        kept = relaxed.gather(1, taken[:, None])[:, 0]
        scales = 1 + kept - kept.detach()
        columns = taken.tolist()
        return tuple(
            tuple(Choice(row, columns[row] - 1, scales[row]) for row in rows if columns[row]) for rows in self.nodes
        )

    def _details(self) -> dict:
        return {**super()._details(), "temperature": round(self.temperature(), 4)}


def _rounded(value: Tensor) -> list:
    rows = value.detach().cpu().double()
    return (rows * 1e6).round().div(1e6).tolist()

"""A whole supernet: stem, cells, head, with one set of weights for every architecture of its space."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.blueprint.supernet import SuperCell, SupernetPlan
from nas_engine.cell import Cell
from nas_engine.networks.supernet.banks import Bank, Source
from nas_engine.networks.supernet.cell import MixedCell, Path, path_of


class Supernet(nn.Module):
    """Built from a plan with fresh weights out of torch's global generator. Images (N, C, H, W) to logits (N, classes).

    ``paths`` and ``weights`` map the kind of a cell ("normal", "reduction") to what all cells of that kind do.
    """

    def __init__(self, plan: SupernetPlan):
        super().__init__()
        self.plan = plan
        eps, init = plan.norm_eps, plan.init
        self.stem = Bank(plan.stem, 1, eps, init)
        self.parts = nn.ModuleList(
            MixedCell(part, plan.rules, eps, init) if isinstance(part, SuperCell) else Bank(part, 1, eps, init)
            for part in plan.parts
        )
        kinds = {layer.kind: layer for layer in plan.head.layers}
        linear = kinds["linear"].options
        self.head_relu = "relu" in kinds
        self.dropout = kinds["dropout"].options["rate"] if "dropout" in kinds else 0.0
        self.classifier = nn.Linear(linear["in"], linear["out"], linear["bias"])
        if init == "he_normal":
            nn.init.normal_(self.classifier.weight, std=(2 / linear["in"]) ** 0.5)

    def forward_paths(self, x: Tensor, paths: Mapping[str, Path]) -> Tensor:
        """Along one path for each kind of cell."""
        return self._run(x, lambda cell, older, newer: cell.along(older, newer, paths[cell.plan.kind]))

    def forward_cells(self, x: Tensor, cells: tuple[Cell, ...]) -> Tensor:
        """Along the path of an architecture: its normal and its reduction cell."""
        return self.forward_paths(x, self.paths_of(cells))

    def paths_of(self, cells: tuple[Cell, ...]) -> dict[str, Path]:
        rules = self.plan.rules
        return {cell.kind: path_of(cell, rules.operations, rules) for cell in cells}

    def forward_mixture(
        self, x: Tensor, weights: Mapping[str, Tensor], edge_weights: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Through the mixture of everything: ``weights`` (edges, operations), ``edge_weights`` (edges) for each kind."""
        return self._run(
            x,
            lambda cell, older, newer: cell.mixture(
                older, newer, weights[cell.plan.kind], edge_weights[cell.plan.kind] if edge_weights else None
            ),
        )

    def _run(self, x: Tensor, through) -> Tensor:
        outputs = [self.stem(Source(x), (0,))]
        for part in self.parts:
            if isinstance(part, MixedCell):
                outputs.append(through(part, outputs[part.plan.older], outputs[part.plan.newer]))
            else:
                outputs.append(part(Source(outputs[-1]), (0,)))
        last = torch.relu(outputs[-1]) if self.head_relu else outputs[-1]
        # On in training as well as for rewards: ENAS builds its graph once, with dropout.
        pooled = F.dropout(last.mean((2, 3)), self.dropout, self.training)
        return self.classifier(pooled)

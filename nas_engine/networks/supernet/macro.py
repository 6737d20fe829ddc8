"""The supernet of ENAS' whole networks: every operation of every layer, and skips that are added."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.blueprint.enas_macro import MacroPlan
from nas_engine.networks.supernet.banks import Bank, Source
from nas_engine.search_spaces.enas_macro import Layer


class MacroSupernet(nn.Module):
    """Built from a plan with fresh weights out of torch's global generator. Images (N, C, H, W) to logits (N, classes)."""

    def __init__(self, plan: MacroPlan):
        super().__init__()
        self.plan = plan

        def bank(piece) -> Bank:
            return Bank(piece, 1, plan.norm_eps, plan.init)

        self.stem = bank(plan.stem)
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: bank(piece) for name, piece in layer.items()}) for layer in plan.layers
        )
        self.joins = nn.ModuleDict({str(at): bank(piece) for at, piece in enumerate(plan.joins) if piece})
        self.halvings = nn.ModuleDict(
            {str(at): nn.ModuleList(bank(piece) for piece in pieces) for at, pieces in plan.halvings.items()}
        )
        kinds = {layer.kind: layer for layer in plan.head.layers}
        linear = kinds["linear"].options
        self.dropout = kinds["dropout"].options["rate"] if "dropout" in kinds else 0.0
        self.classifier = nn.Linear(linear["in"], linear["out"], bias=False)
        nn.init.normal_(self.classifier.weight, std=(2 / linear["in"]) ** 0.5)

    def forward_layers(self, x: Tensor, layers: Sequence[Layer]) -> Tensor:
        """Along the path of an architecture, given layer by layer."""
        stored = [self.stem(Source(x), (0,))]
        readers = _readers(layers)
        for at, layer in enumerate(layers):
            value = self.layers[at][layer.operation](Source(stored[-1]), (0,))
            for skip in layer.skips:
                value = value + stored[skip]
            if at:
                value = self.joins[str(at)](Source(value), (0,))
            stored.append(value)
            if str(at) in self.halvings:
                # What nobody reads any more need not be halved; it keeps its place.
                stored = [
                    bank(Source(one), (0,)) if place in readers[at] else None
                    for place, (bank, one) in enumerate(zip(self.halvings[str(at)], stored, strict=True))
                ]
        pooled = F.dropout(stored[-1].mean((2, 3)), self.dropout, self.training)
        return self.classifier(pooled)


def _readers(layers: Sequence[Layer]) -> list[set[int]]:
    """For each layer, which stored maps (0 the stem's, n that of layer n) some later layer reads."""
    read: list[set[int]] = [set() for _ in layers]
    for later in range(1, len(layers)):
        needed = {later, *layers[later].skips}
        for before in range(later):
            read[before] |= {place for place in needed if place <= before + 1}
    return read

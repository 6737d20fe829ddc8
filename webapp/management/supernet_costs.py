"""What a supernet costs, for ``manage.py cells show darts-supernet``. Torch-free."""

from nas_engine.blueprint.supernet import (
    SupernetPlan,
    SupernetRules,
    darts_rules,
    draft_supernet,
    enas_rules,
)
from nas_engine.config import as_dict, read
from nas_engine.errors import ConfigError
from nas_engine.protocol import SkeletonConfig

SUPERNETS: dict[str, tuple[str, SupernetRules]] = {
    "darts-supernet": ("DARTS supernet", darts_rules()),
    "pc-darts-supernet": ("PC-DARTS supernet", darts_rules(partial=4)),
    "enas-supernet": ("ENAS supernet", enas_rules()),
}
_LAYERS = 8
_FILTERS = {"darts": 16, "enas": 20}


def supernet_plan(name: str, options: dict, shape: tuple[int, int, int], classes: int) -> SupernetPlan:
    """The named supernet as the options of the command stack it. Raises ConfigError for those that make no sense here."""
    _, rules = SUPERNETS[name]
    if options["skeleton"] != "cifar":
        raise ConfigError("Supernets are stacked on the CIFAR skeleton.", "skeleton")
    if options["dialect"] not in (None, rules.dialect):
        raise ConfigError(f"{name} is built by the rules of {rules.dialect}.", "dialect")
    if options["aux"] or options["size"]:
        raise ConfigError("A supernet has no auxiliary head, and --filters alone for its size.", "aux")
    filters = options["filters"] or str(_FILTERS[rules.dialect])
    if not filters.isdecimal():
        raise ConfigError(f"{filters!r} is no number of filters.", "filters")
    data = {"dialect": rules.dialect, "filters": int(filters)}
    data |= {key: options[key] for key in ("repeats", "layers", "stem_filters") if options[key] is not None}
    if options["repeats"] is None:
        data.setdefault("layers", _LAYERS)
    skeleton = read(SkeletonConfig, data)
    if skeleton.filters % (2 * rules.partial):
        raise ConfigError(f"must be a multiple of {2 * rules.partial}.", "filters")
    return draft_supernet(rules, skeleton, shape, classes)


def supernet_document(name: str, plan: SupernetPlan) -> dict:
    """Like the document of a cell; its nodes are edges with all their operations."""
    return {
        "name": name,
        "label": SUPERNETS[name][0],
        "skeleton": as_dict(plan.skeleton),
        "image_shape": plan.image_shape,
        "classes": plan.classes,
        "params": plan.params,
        "macs": plan.macs,
        "aux_params": 0,
        "operations": plan.rules.operations,
        "placements": [
            {"name": f"cells.{place}", "kind": cell.kind, "number": cell.number, "filters": cell.filters,
             "inputs": cell.inputs, "shape": cell.shape, "params": cell.params, "macs": cell.macs}
            for place, cell in enumerate(plan.cells)
        ],
        "nodes": _edges(plan),
    }  # fmt: skip


def _edges(plan: SupernetPlan) -> list[dict]:
    edges = []
    for place, cell in enumerate(plan.cells):
        for source, target, side in plan.rules.edges:
            bank = cell.banks[source]
            costs = {name: {"params": piece.params, "macs": piece.macs} for name, piece in bank.items()}
            name = f"s{source}-s{target}" + (f".{'lr'[side]}" if plan.rules.sides == 2 else "")
            edges.append({
                "placement": f"cells.{place}", "id": name, "kind": "edge", "inputs": [f"s{source}"], "operations": costs,
                "params": sum(cost["params"] for cost in costs.values()),
                "macs": sum(cost["macs"] for cost in costs.values()),
            })  # fmt: skip
    return edges


def supernet_rows(plan: SupernetPlan) -> list[tuple[str, tuple[int, ...], int, int]]:
    """(part, output shape, parameters, MACs) for the table of a terminal."""
    head = plan.head
    return [
        ("stem", plan.stem.shape, plan.stem.params, plan.stem.macs),
        *((f"{cell.kind} {cell.number}", cell.shape, cell.params, cell.macs) for cell in plan.cells),
        ("head", head.shape, head.params, head.macs),
    ]

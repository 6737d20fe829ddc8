"""``python manage.py cells``: published and found cells, and what a network of them costs."""

import json
import re

from django.core.management.base import BaseCommand, CommandError

from nas_engine import zoo
from nas_engine.blueprint import Blueprint, Placement, build_blueprint
from nas_engine.blueprint.dialects import DIALECTS
from nas_engine.cell import cells_key
from nas_engine.config import as_dict, read
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_config import skeleton_fields
from nas_engine.search_spaces.graph_statistics import statistics
from nas_engine.search_spaces.randwire import FAMILY, wiring_of
from webapp.console.one_line import OneLineErrors
from webapp.diagrams.network import title
from webapp.management.supernet_costs import SUPERNETS, supernet_document, supernet_plan, supernet_rows
from webapp.results.named import named_cell

ABOUT = (
    "Lists the published cells, or shows what a network stacked from a published or found cell costs: "
    "parameters, multiply-accumulates, shapes, node by node."
)
IMAGE_SIZES = {"cifar": 32, "imagenet": 224}
CLASSES = {"cifar": 10, "imagenet": 1000}


class Command(OneLineErrors, BaseCommand):
    help = ABOUT
    requires_system_checks = []

    def add_arguments(self, parser):
        add = parser.add_argument
        add("action", choices=("list", "show"))
        add(
            "cell",
            nargs="?",
            metavar="NAME|HASH",
            help="a published cell's name, the beginning of a cell's hash, a genotype or its file, random graphs as in "
            "randwire:ws(4,0.75):seed=3, or " + ", ".join(SUPERNETS),
        )
        add("size", nargs="?", metavar="N@F'", help="cells a stage @ filters before the classifier, as in 4@1056")
        add(
            "--skeleton",
            choices=tuple(IMAGE_SIZES),
            help="default: cifar, or imagenet for cells that are a whole network",
        )
        add("--dialect", choices=tuple(DIALECTS), help="building rules; default: those of the released code")
        add("--repeats", type=int, help="N, normal cells a stage")
        add("--layers", type=int, help="cells in all, instead of N")
        add("--filters", help="F, or N@F' as above")
        add("--stem-filters", type=int)
        add("--skip-reduction", action="store_true", help="older inputs skip reductions, as in NASNet large")
        add("--image-size", help="S or HEIGHTxWIDTH; default: 32, or 224 for ImageNet")
        add("--channels", type=int, default=3, help="of the images; default: 3")
        add("--classes", type=int, help="default: 10, or 1000 for ImageNet")
        add("--aux", action="store_true", help="with the auxiliary head, counted apart")
        add("--json", action="store_true", help="print one JSON document")

    def handle(self, *, action, cell, **options):
        try:
            if action == "list":
                self._list(options)
            elif not cell:
                raise ConfigError("Name a cell to show; cells list names the published ones.")
            else:
                self._show(cell, options)
        except ConfigError as error:
            raise CommandError(" ".join(str(error).split()), returncode=2) from None

    def _list(self, options: dict) -> None:
        entries = [zoo.get(name) for name in zoo.names()]
        if options["json"]:
            rows = [
                {
                    "name": entry.name, "label": entry.label, "key": cells_key(entry.cells), "dialect": entry.dialect,
                    "paper": entry.paper, "source": entry.source, "figures": [_figure(entry, row) for row in entry.figures],
                }
                for entry in entries
            ]  # fmt: skip
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        rows = [(entry.name, cells_key(entry.cells)[:7], entry.dialect, entry.paper) for entry in entries]
        self.stdout.write(_table(("name", "cell", "rules", "paper"), rows, "<<<<"))

    def _show(self, name: str, options: dict) -> None:
        entry, cells, label = (None, (), name) if name in SUPERNETS else named_cell(name)
        whole = bool(cells) and cells[0].family != "nasnet"
        usual = options["skeleton"] = options["skeleton"] or ("imagenet" if whole else "cifar")
        height, width = _image_size(options["image_size"] or str(IMAGE_SIZES[usual]))
        classes = CLASSES[usual] if options["classes"] is None else options["classes"]
        shape = (options["channels"], height, width)
        if name in SUPERNETS:
            plan = supernet_plan(name, options, shape, classes)
            self.stdout.write(
                json.dumps(supernet_document(name, plan)) if options["json"] else _supernet_text(name, plan)
            )
            return
        if not all(each.family for each in cells):
            raise ConfigError("This cell is known from a table alone; no network is built from it.", "cell")
        skeleton = _skeleton(entry, cells, options)
        blueprint = build_blueprint(cells, skeleton, shape, classes, aux=options["aux"])
        if options["json"]:
            document = {"name": name, "label": label, **_document(cells, skeleton, blueprint)}
            self.stdout.write(json.dumps(document, ensure_ascii=False))
        else:
            self.stdout.write(_text(label, cells, skeleton, blueprint))


def _figure(entry: zoo.ZooEntry, figure: zoo.Figure) -> dict:
    """The paper's numbers and, as ``measured``, those of the network built here."""
    network = zoo.measured(entry.name, figure.size) if figure.size else None
    ours = {"params": network.params, "macs": network.macs} if network else None
    printed = {name: value for name, value in vars(figure).items() if name != "size"}
    return printed | {"measured": ours}


def _skeleton(entry: zoo.ZooEntry | None, cells: tuple[AnyCell, ...], options: dict) -> SkeletonConfig:
    if cells[0].family != "nasnet":
        return _whole(skeleton_fields(cells[0].family), cells, options)
    data = {"kind": options["skeleton"], "skip_reduction": options["skip_reduction"]}
    data |= {name: options[name] for name in ("repeats", "layers", "stem_filters") if options[name] is not None}
    if entry:
        data["dialect"] = entry.dialect
    if options["dialect"]:
        data["dialect"] = options["dialect"]
    for size in (options["size"], options["filters"]):
        if size is not None:
            data |= _filters(size, cells[0])
    if entry and entry.single:
        data.setdefault("layers", 3 * data.get("repeats", SkeletonConfig.repeats))
    return read(SkeletonConfig, data)


def _whole(fields: tuple[str, ...], cells: tuple[AnyCell, ...], options: dict) -> SkeletonConfig:
    """Of cells that are a whole network: only what their space reads is left to choose."""
    asked = ("dialect", "repeats", "layers", "filters", "stem_filters", "skip_reduction")
    given = {name: options[name] for name in asked if options[name]}
    if options["size"]:
        given["filters"] = options["size"]
    for name in given:
        if name not in fields:
            raise ConfigError("has no say here: the cells are the whole network", name.replace("_", "-"))
    data = {
        "kind": options["skeleton"],
        **given,
        **(_filters(given["filters"], cells[0]) if "filters" in given else {}),
    }
    return read(SkeletonConfig, data).only(fields)


def _filters(text: str, normal: AnyCell) -> dict:
    """ "44", or "4@1056": N and the channels before the classifier, four times F for every state stacked to the output."""
    match = re.fullmatch(r"(?:(\d{1,3})?@)?(\d{1,6})", text)
    if not match or ("@" in text and normal.family != "nasnet"):
        raise ConfigError(f"{text!r} is neither a number of filters nor N@F', as in 4@1056.", "filters")
    filters = int(match[2])
    if "@" not in text:
        return {"filters": filters}
    joined = {state for state, block in enumerate(normal.blocks, start=2) if block.combination != "add"}
    width = 4 * sum(2 if state in joined else 1 for state in normal.concat)
    if filters % width:
        nearest = round(filters / width) * width
        raise ConfigError(
            f"{filters} is no multiple of {width}, as this cell needs; the nearest is {nearest}.", "filters"
        )
    return {"filters": filters // width} | ({"repeats": int(match[1])} if match[1] else {})


def _image_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", text)
    if not match:
        raise ConfigError(f"{text!r} is no image size; give 32 or 28x36.", "image-size")
    return int(match[1]), int(match[2] or match[1])


def _document(cells: tuple[AnyCell, ...], skeleton: SkeletonConfig, blueprint: Blueprint) -> dict:
    nodes = []
    for placement in blueprint.placements:
        nodes += [{"placement": placement.name, **node} for node in _nodes(cells, placement)]
    return {
        "key": cells_key(cells),
        "skeleton": as_dict(skeleton),
        "image_shape": blueprint.image_shape,
        "classes": blueprint.classes,
        "params": blueprint.params,
        "macs": blueprint.macs,
        "aux_params": blueprint.aux_params,
        "cells": [cell.as_json() for cell in cells],
        "placements": [
            {name: value for name, value in placement._asdict().items() if name != "nodes"}
            for placement in blueprint.placements
        ],
        "nodes": nodes,
        **({"graphs": _graphs(cells)} if cells[0].family == FAMILY else {}),
    }


def _graphs(cells: tuple[AnyCell, ...]) -> list[dict]:
    """The statistics of RandWire's graphs, stage by stage."""
    return [{"stage": cell.kind, **vars(statistics(wiring_of(cell)))} for cell in cells]


def _nodes(cells: tuple[AnyCell, ...], placement: Placement) -> list[dict]:
    if not placement.nodes:
        return []
    drawn = next(cell for cell in cells if cell.kind == placement.kind).nodes
    return [
        {
            "id": node.id, "kind": node.kind, "operation": node.operation, "inputs": node.inputs,
            **placement.nodes[node.id]._asdict(),
        }
        for node in drawn
    ]  # fmt: skip


def _text(label: str, cells: tuple[AnyCell, ...], skeleton: SkeletonConfig, blueprint: Blueprint) -> str:
    kind = {"cifar": "CIFAR", "imagenet": "ImageNet"}[skeleton.kind]
    read_kind = not skeleton.whole or "kind" in skeleton_fields(cells[0].family)
    skeleton_words = f"{kind} skeleton, " if read_kind else ""
    rules = cells[0].family if skeleton.whole else skeleton.dialect
    aux = f", {blueprint.aux_params:,} more in the auxiliary head" if blueprint.aux_params else ""
    parts = [
        f"{label} ({cells_key(cells)[:7]})",
        f"{skeleton_words}{skeleton.summary()}, rules of {rules}; "
        f"images {_shape(blueprint.image_shape)}, {blueprint.classes:,} classes",
        f"{blueprint.params:,} parameters{aux}, {blueprint.macs:,} multiply-accumulates",
        *(_graph_lines(cells) if cells[0].family == FAMILY else ()),
        "",
        _table(
            ("part", "output", "parameters", "MACs"),
            [(title(part), _shape(part.shape), f"{part.params:,}", f"{part.macs:,}") for part in blueprint.placements],
            "<>>>",
        ),
    ]
    for kind in dict.fromkeys(cell.kind for cell in cells):
        # The first of its kind may be special (raw stem); the last is what most of them look like.
        placed = [part for part in blueprint.placements if part.kind == kind]
        if placed:
            parts += ["", f"{title(placed[-1])}, node by node", "", _node_table(cells, placed[-1])]
    return "\n".join(parts)


def _graph_lines(cells: tuple[AnyCell, ...]) -> list[str]:
    names = ("edges", "degree", "path_length", "clustering", "connectivity", "depth", "inputs", "outputs")
    rows = [(graph["stage"], *(f"{graph[name]:.4g}" for name in names)) for graph in _graphs(cells)]
    return ["", _table(("graph", *(name.replace("_", " ") for name in names)), rows, "<" + ">" * len(names))]


def _supernet_text(name: str, plan) -> str:
    skeleton = plan.skeleton
    size = f"{skeleton.layers} cells" if skeleton.layers else f"N {skeleton.repeats}"
    rows = [(part, _shape(shape), f"{params:,}", f"{macs:,}") for part, shape, params, macs in supernet_rows(plan)]
    return "\n".join(
        [
            SUPERNETS[name][0],
            f"CIFAR skeleton, {size}, F {skeleton.filters}, rules of {skeleton.dialect}; "
            f"images {_shape(plan.image_shape)}, {plan.classes:,} classes; {len(plan.rules.edges)} edges a cell, "
            f"{len(plan.rules.operations)} operations an edge",
            f"{plan.params:,} parameters, {plan.macs:,} multiply-accumulates through everything",
            "",
            _table(("part", "output", "parameters", "MACs"), rows, "<>>>"),
        ]
    )


def _node_table(cells: tuple[AnyCell, ...], placement: Placement) -> str:
    rows = [
        (
            node["id"], node["operation"] or node["kind"], " ".join(node["inputs"]), _shape(node["shape"]),
            str(node["stride"]), f"{node['params']:,}", f"{node['macs']:,}",
        )
        for node in _nodes(cells, placement)
    ]  # fmt: skip
    return _table(("node", "what", "from", "output", "stride", "parameters", "MACs"), rows, "<<<>>>>")


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]], sides: str) -> str:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [
        "  ".join(f"{text:{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    ]
    return "\n".join(lines)

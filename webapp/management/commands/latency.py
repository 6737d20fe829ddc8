"""``python manage.py latency``: a latency table for a search, measured on this machine."""

import json
import statistics
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.evaluators.latency_layers import knows, layers_of, measure_layer, sample_cells, write_table
from nas_engine.evaluators.latency_table import table_latency
from nas_engine.graph_cell import AnyCell
from nas_engine.latency import LatencyConfig
from nas_engine.search_config import SearchConfig
from nas_engine.significance import agreement
from webapp.console.one_line import OneLineErrors
from webapp.management.commands.search import BAD_INPUT, read_config
from webapp.services.searches import ready_dataset

ABOUT = (
    "Measures how long the layers of a search's networks take on this machine and writes a table that searches on other "
    "machines read: --set evaluator_config.latency=table --set evaluator_config.latency_table=FILE."
)
COVERAGE = 100  # further architectures whose layers are looked up in the table


class Command(OneLineErrors, BaseCommand):
    help = ABOUT

    def add_arguments(self, parser):
        add = parser.add_argument
        add("config", metavar="PRESET|config.json", help="whose space, skeleton and images; as for manage.py search")
        add("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field, as for manage.py search")
        add("--out", required=True, metavar="FILE.csv")
        add("--overwrite", action="store_true", help="where the file exists")
        add("--device", default="auto", help="cpu, cuda, cuda:1, or auto for the first GPU, else cpu; default: auto")
        add("--batch", type=int, default=1, help="images; default: 1")
        add("--threads", type=int, default=1, help="of the processor; default: 1")
        add("--precision", choices=("float32", "bfloat16"), default="float32")
        add("--runs", type=int, default=100, help="of each layer at most; fewer after a quarter of a second")
        add("--samples", type=int, default=500, help="random architectures whose layers are measured; default: 500")
        add("--check", type=int, default=10, help="networks measured whole to compare with the table; default: 10")
        add("--json", action="store_true", help="print one JSON document and nothing else on stdout")

    def handle(self, *, config, out, **options):
        try:
            report = self._measure(read_config(config, options["set"]), Path(out), options)
        except ConfigError as error:
            raise CommandError(" ".join(str(error).split()), returncode=BAD_INPUT) from None
        except OSError as error:
            raise CommandError(f"The table cannot be written: {error}", returncode=BAD_INPUT) from None
        self.stdout.write(json.dumps(report) if options["json"] else _said(report))

    def _measure(self, config: SearchConfig, out: Path, options: dict) -> dict:
        from nas_engine.training.devices import describe_device, open_device

        _check(config, out, options)
        way = _way(options)
        device = open_device(options["device"])
        networks = _Networks(config)
        found = layers_of(networks.space, networks.draft, options["samples"], config.seed)
        name = describe_device(device)["name"]
        print(f"Measuring {len(found.alone)} layers on {name}, a quarter of a second each.", file=sys.stderr)
        measured = {key: measure_layer(alone, device, way) for key, alone in found.alone.items()}
        partly = out.with_name(out.name + ".part")
        with partly.open("w", encoding="utf-8", newline="") as file:
            write_table(file, measured)
        partly.replace(out)
        after = [networks.sampled(options["samples"] + number) for number in range(1, COVERAGE + 1)]
        covered = [pair for pair in after if pair is not None and knows(measured, pair[1])]
        print(f"Measuring {len(covered[: options['check']])} whole networks to compare.", file=sys.stderr)
        checked = [
            {"table_ms": table_latency(str(out), cells, blueprint) * 1e3, "whole_ms": _whole(blueprint, device, way)}
            for cells, blueprint in covered[: options["check"]]
        ]
        return {
            "out": str(out),
            "device": name,
            "layers": len(measured),
            "samples": found.drafted,
            "last_new": found.last_new,
            "further": sum(pair is not None for pair in after),
            "covered": len(covered),
            "checked": checked,
        }


class _Networks:
    """The networks a search may try."""

    def __init__(self, config: SearchConfig):
        self.config, self.space = config, config.build_space()
        self.dataset = ready_dataset(config.data.dataset)

    def draft(self, cells: tuple[AnyCell, ...]) -> Blueprint:
        return build_blueprint(cells, self.config.skeleton, self.dataset.image_shape, len(self.dataset.classes))

    def sampled(self, number: int) -> tuple[tuple[AnyCell, ...], Blueprint] | None:
        """The ``number``-th random one; None where it cannot be built."""
        cells = sample_cells(self.space, number, self.config.seed)
        try:
            return cells, self.draft(cells)
        except ConfigError:
            return None


def _check(config: SearchConfig, out: Path, options: dict) -> None:
    if config.evaluator == "tabular":
        raise ConfigError("This search looks its results up in a table; it builds no networks.", "evaluator")
    if out.exists() and not options["overwrite"]:
        raise ConfigError(f"{out} exists. Name another file, or add --overwrite.")
    if not out.parent.is_dir():
        raise ConfigError(f"There is no folder {out.parent}.")
    if options["samples"] < 1 or not 0 <= options["check"] <= COVERAGE:
        raise ConfigError(f"Take one sample at least, and 0 to {COVERAGE} networks to check.")


def _way(options: dict) -> LatencyConfig:
    """Raises ConfigError under the option's name."""
    names = {f"latency_{name}": name for name in ("batch", "threads", "precision", "runs")}
    try:
        return read(LatencyConfig, {field: options[name] for field, name in names.items()})
    except ConfigError as error:
        problems = {f"--{names.get(field, field)}": text for field, text in error.problems.items()}
        raise ConfigError(problems) from None


def _whole(blueprint: Blueprint, device, way: LatencyConfig) -> float:
    from nas_engine.networks import build
    from nas_engine.training.devices import memory_format
    from nas_engine.training.latency import measure_latency

    network = build(blueprint).to(device, memory_format=memory_format(device))
    return measure_latency(network, blueprint.image_shape, device, way)["median"] * 1e3


def _said(report: dict) -> str:
    lines = [
        f"{report['layers']} layers of {report['samples']} random architectures, measured on {report['device']}: "
        f"{report['out']}",
        f"The last new layer came with sample {report['last_new']}. Of {report['further']} further architectures the "
        f"table knows {report['covered']} completely"
        + ("." if report["covered"] == report["further"] else "; a larger --samples finds more layers."),
    ]
    pairs = [(one["table_ms"], one["whole_ms"]) for one in report["checked"]]
    if pairs:
        shares = sorted(table / whole for table, whole in pairs)
        lines.append(
            f"The sum of the layers is {statistics.median(shares):.2f} ({shares[0]:.2f} to {shares[-1]:.2f}, "
            f"n = {len(shares)}) of a whole network’s latency, which has activations, norms and sums besides."
        )
    ranked = agreement(*zip(*pairs, strict=True)) if pairs else None
    if ranked and ranked.low is not None:
        lines.append(
            f"Both rank these networks with Kendall’s τ {ranked.tau:.2f} ({ranked.low:.2f} to {ranked.high:.2f})."
        )
    lines.append(
        f"Search with it: --set evaluator_config.latency=table --set evaluator_config.latency_table={report['out']}"
    )
    return "\n".join(lines)

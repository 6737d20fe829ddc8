"""A full training without a browser."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.http import Http404

from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.full_training import PRESETS, FullTrainingConfig, read_full_training
from nas_engine.search_config import with_changes
from webapp.console.one_line import OneLineErrors
from webapp.console.progress import warn_of_workers
from webapp.console.training import outcome, report, watch
from webapp.forms.training_starts import config_of
from webapp.management.commands.search import change
from webapp.models import CellRecord, FullTraining
from webapp.results.named import named_cell
from webapp.services.cells import keep
from webapp.services.owner import owner_of_commands
from webapp.services.trainings import create_training

BAD_INPUT = 2


class Command(OneLineErrors, BaseCommand):
    help = (
        "Trains a cell at full size and length and tests it once. CELL is a published name (manage.py cells list), the "
        "beginning of a cell's hash, a file with a genotype, or the genotype itself. The work is done by the workers of a "
        "running script/server, or of manage.py worker; a training goes on from its last epoch whatever happens."
    )

    def add_arguments(self, parser):
        add = parser.add_argument
        add("cell", metavar="CELL")
        add("--dataset", required=True, metavar="D", help="its short name, as manage.py datasets list gives it")
        presets = ", ".join(PRESETS)
        add("--protocol", default="quick", metavar="P", help=f"{presets}; or a JSON file with settings; default: quick")
        add(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="change a field, any number of times: --set schedule.epochs=100 --set fit.measure=params "
            "--set fit.most=3300000",
        )
        add("--seeds", type=int, metavar="N", help="trainings from different initial weights; default: 1")
        add("--name", help="what to call it")
        add("--wait", action="store_true", help="show progress until it is done, then what it came to")
        add("--json", action="store_true", help="print one JSON document and nothing else on stdout")

    def handle(self, *, cell, wait, **options):
        try:
            _, cells, label = named_cell(cell)
            record = keep(cells)
            training = create_training(record, wanted(record, options), owner_of_commands())
        except ConfigError as error:
            raise CommandError(" ".join(str(error).split()), returncode=BAD_INPUT) from None
        print(f"Full training {training.pk}, {training.name}: {training.protocol_summary}", file=sys.stderr)
        warn_of_workers()
        if wait:
            try:
                training = watch(training)
            except KeyboardInterrupt:
                print(f"No longer watched. Training {training.pk} goes on; its page stops it.", file=sys.stderr)
                raise SystemExit(130) from None
        if options["json"]:
            self.stdout.write(json.dumps(report(training), allow_nan=False))
        elif wait:
            self.stdout.write(outcome(training))
        if wait and training.state != FullTraining.State.FINISHED:
            raise SystemExit(1)


def wanted(record: CellRecord, options: dict) -> FullTrainingConfig:
    """The configuration that the options stand for. Raises ConfigError."""
    data = _protocol(record, options["protocol"], options["dataset"])
    changes = dict(change(text) for text in options["set"])
    changes["data.dataset"] = options["dataset"]
    changes |= {name: options[name] for name in ("seeds", "name") if options[name] is not None}
    return read_full_training(with_changes(data, changes))


def _protocol(record: CellRecord, named: str, dataset: str) -> dict:
    if named in PRESETS:
        try:
            return as_dict(config_of(named, record, dataset, None))
        except Http404 as error:
            raise ConfigError(str(error), "protocol") from None
    path = Path(named)
    if not path.is_file():
        raise ConfigError(f"{named} is neither a preset ({', '.join(PRESETS)}) nor a file.", "protocol")
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{named} is not a JSON file: {error}", "protocol") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{named} must hold a JSON object with the fields of a full training.", "protocol")
    return data

"""A search without a browser."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig, read_search, with_changes
from nas_engine.search_presets import SEARCHES, search_preset
from webapp.console.one_line import OneLineErrors
from webapp.console.outcome import leaderboard, report
from webapp.console.progress import warn_of_workers, watch
from webapp.models import Search
from webapp.services.owner import owner_of_commands
from webapp.services.searches import create_search

BAD_INPUT = 2


class Command(OneLineErrors, BaseCommand):
    help = (
        f"Starts a search: a preset ({', '.join(SEARCHES)}) or a JSON file with a configuration, as the search page "
        "gives it. The children are trained by the workers of a running script/server, or of manage.py worker."
    )

    def add_arguments(self, parser):
        parser.add_argument("config", metavar="PRESET|config.json")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="change a field, any number of times: --set training.epochs=3 --set budget.trials=40",
        )
        parser.add_argument("--wait", action="store_true", help="show progress until the search ends, then the best")
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else on stdout")

    def handle(self, *, config, wait, **options):
        try:
            wanted = read_config(config, options["set"])
            search = create_search(wanted, owner_of_commands())
        except ConfigError as error:
            raise CommandError(" ".join(str(error).split()), returncode=BAD_INPUT) from None
        print(f"Search {search.pk}, {search.name}: {search.protocol_summary}", file=sys.stderr)
        warn_of_workers()
        if wait:
            try:
                search = watch(search)
            except KeyboardInterrupt:
                print(f"No longer watched. Search {search.pk} goes on; its page stops it.", file=sys.stderr)
                raise SystemExit(130) from None
        if options["json"]:
            self.stdout.write(json.dumps(report(search), allow_nan=False))
        elif wait:
            self.stdout.write(leaderboard(search))
        if wait and search.state != Search.State.FINISHED:
            raise SystemExit(1)


def read_config(named: str, changes: list[str]) -> SearchConfig:
    """The configuration a preset's name or a file's path stands for, with changes. Raises ConfigError."""
    if named in SEARCHES:
        data = search_preset(named).data
    else:
        data = _file(named)
    return read_search(with_changes(data, dict(change(text) for text in changes)))


def _file(named: str) -> dict:
    path = Path(named)
    if not path.is_file():
        raise ConfigError(f"{named} is neither a preset ({', '.join(SEARCHES)}) nor a file.")
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{named} is not a JSON file: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{named} must hold a JSON object with the fields of a search.")
    return data


def change(text: str) -> tuple[str, object]:
    """ "training.epochs=3" -> ("training.epochs", 3). What is not JSON is taken as text."""
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise ConfigError(f"--set {text}: write FIELD=VALUE, such as training.epochs=3.")
    try:
        return field, json.loads(value)
    except ValueError:
        return field, value

"""``python manage.py compare``: repeated searches on a published table, strategy against strategy."""

import json
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from nas_engine import catalog
from nas_engine.errors import ConfigError
from nas_engine.search_spaces.tables import KINDS, Table, read_table
from webapp.console.one_line import OneLineErrors

ABOUT = (
    "Runs many whole searches on a published table of trained architectures (.npz), where training is a look-up that "
    "costs simulated seconds, and says which strategy found the best architecture at an equal budget."
)
# Seeds a worker process takes at a time.
CHUNK = 5


class Command(OneLineErrors, BaseCommand):
    help = ABOUT
    requires_system_checks = []

    def add_arguments(self, parser):
        add = parser.add_argument
        add("--table", required=True, metavar="FILE.npz", help=f"laid out as {', '.join(KINDS.values())}")
        add("--strategies", default=",".join(catalog.STRATEGIES), help="names, comma-separated; default: all")
        add("--seeds", type=int, default=200, help="searches a strategy; default: 200")
        add("--budget-seconds", type=float, default=0, help="simulated seconds of training a search may spend")
        add("--trials", type=int, default=0, help="trials a search may spend")
        add("--dataset", help="of a table with several; default: the first")
        add("--epochs", type=int, help="of the training a search looks at")
        add("--set", action="append", default=[], metavar="STRATEGY.KEY=VALUE", help="a strategy's setting; repeatable")
        add("--processes", type=int, default=os.cpu_count(), help="default: one a core")
        add("--json", action="store_true", help="print one JSON document")

    def handle(self, **options):
        try:
            report = self._compare(options)
        except ConfigError as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(json.dumps(report) if options["json"] else _table(report))

    def _compare(self, options: dict) -> dict:
        from nas_engine.comparison import Budget, differences, settings_for, summary
        from nas_engine.evaluators.tabular import measures

        names = [name.strip() for name in options["strategies"].split(",") if name.strip()]
        changes = _changes(options["set"], names)
        settings = {name: settings_for(name, changes.get(name)) for name in names}
        if not names or options["seeds"] < 1 or options["processes"] < 1:
            raise ConfigError("Give at least one strategy, one seed and one process.", "strategies")
        budget = Budget(options["budget_seconds"], options["trials"])
        table = read_table(options["table"])
        columns = measures(table, options["dataset"], options["epochs"])
        found = self._run(options, names, settings, budget)
        return {
            "table": {"path": table.path, "kind": table.kind, "rows": table.rows, "columns": columns.about},
            "budget": asdict(budget),
            "rows": [{**summary(name, found[name]), "settings": settings[name]} for name in names],
            "pairs": differences(found),
        }

    def _run(self, options: dict, names: list[str], settings: dict, budget) -> dict:
        seeds = range(options["seeds"])
        chunks = [(name, list(seeds[at : at + CHUNK])) for name in names for at in range(0, len(seeds), CHUNK)]
        found = {name: [] for name in names}
        processes = min(options["processes"], len(chunks))
        # Fresh processes, one thread each: a fork would inherit the state of this one's threads.
        context = multiprocessing.get_context("spawn")
        arguments = (options["table"], options["dataset"], options["epochs"])
        with ProcessPoolExecutor(processes, context, _prepare, arguments) as pool:
            waiting = [pool.submit(_search, name, settings[name], own, budget) for name, own in chunks]
            for (name, _), future in zip(chunks, waiting, strict=True):
                found[name] += future.result()
                self._progress(name, len(found[name]), options)
        return found

    def _progress(self, name: str, done: int, options: dict) -> None:
        if not options["json"] and self.stderr.isatty():
            ending = "\n" if done == options["seeds"] else ""
            self.stderr.write(f"\r{name}: {done} of {options['seeds']} searches", ending=ending)


_evaluator = None


def _prepare(path: str, dataset: str | None, epochs: int | None) -> None:
    """Once in each worker process."""
    global _evaluator
    import torch

    from nas_engine.evaluators.tabular import TabularEvaluator, measures
    from nas_engine.search_spaces.tabular import tabular_space

    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    table: Table = read_table(path)
    _evaluator = TabularEvaluator(tabular_space(table), measures(table, dataset, epochs))


def _end_with_parent() -> None:
    """A worker waits for work for ever; where the command was killed, none will come."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _search(name: str, settings: dict, seeds: list[int], budget) -> list:
    from nas_engine.comparison import search_table

    return [search_table(_evaluator, name, settings, seed, budget) for seed in seeds]


def _changes(pairs: list[str], names: list[str]) -> dict[str, dict]:
    changes: dict[str, dict] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        strategy, dot, key = path.partition(".")
        if not equals or not dot or strategy not in names:
            raise ConfigError(f"{pair!r} is not STRATEGY.KEY=VALUE with a strategy that is compared.", "set")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        changes.setdefault(strategy, {})[key] = value
    return changes


def _table(report: dict) -> str:
    lines = [f"{report['table']['path']}: {report['table']['rows']:,} architectures; {report['table']['columns']}"]
    lines.append(f"{'strategy':24}{'seeds':>6}{'result %':>10}{'std':>7}{'95% CI':>9}{'trials':>8}{'seconds':>9}")
    for row in report["rows"]:
        lines.append(
            f"{row['label']:24}{row['seeds']:>6}{row['test_mean']:>10.2f}{row['test_std']:>7.2f}"
            f"{'±' + format(row['test_ci95'], '.2f'):>9}{row['trials_mean']:>8.0f}{row['seconds_mean']:>9.0f}"
        )
    if report["pairs"]:
        lines.append("paired permutation tests, p corrected by Holm:")
    for pair in report["pairs"]:
        better, worse = (catalog.STRATEGIES[pair[name]].label for name in ("better", "worse"))
        apart = "" if pair["p_holm"] <= 0.05 else "  cannot be told apart"
        lines.append(f"  {better} over {worse}: {pair['difference']:.2f} points, p {pair['p_holm']:.3f}{apart}")
    return "\n".join(lines)

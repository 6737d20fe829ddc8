"""One worker process, as script/server starts several of."""

import logging
import os
import sys
import warnings

from django.core.management.base import BaseCommand, CommandError

log = logging.getLogger(__name__)
ABOUT = """
Runs one worker until it is told to end (Ctrl-C or SIGTERM); its trial then goes back to the queue.

  train   trains one child at a time; start one for each GPU, or one for every one or two CPU cores
  search  advances searches, prepares data sets, and looks after lost trials; one is enough

script/server starts both. To let another machine help, install Nasturtium there and start train workers with the same
two variables as everywhere else:

  REDIS_URL=redis://main:6379/0 DATABASE_URL=postgres://user:word@main/nasturtium python manage.py worker train --gpu 0

Public data sets are prepared there when they are first needed; copy other ones' folders from var/datasets.
"""


class Command(BaseCommand):
    help = ABOUT
    requires_system_checks = []

    def create_parser(self, *arguments, **options):
        import argparse

        return super().create_parser(*arguments, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser):
        parser.add_argument("role", choices=("train", "search"))
        parser.add_argument(
            "--name", default=str(os.getpid()), help="distinguishes workers of one machine; default: pid"
        )
        parser.add_argument(
            "--gpu", type=int, help="train on this GPU only, counted from 0; default: the first, if any"
        )
        parser.add_argument("--cpu", action="store_true", help="train on the CPU even if there is a GPU")
        parser.add_argument(
            "--threads", type=int, default=0, help="CPU threads for training; default: OMP_NUM_THREADS or 1"
        )
        parser.add_argument("--nice", type=int, default=0, help="how far to step back for other programs, 0 to 19")

    def handle(self, *, role, name, gpu, cpu, threads, nice, **options):
        if role == "train":
            _choose_device(gpu, cpu, threads)
        if nice:
            os.nice(nice)
        os.environ["CELERY_SKIP_CHECKS"] = "1"
        # Celery warns of root for the sake of pickle; our messages are JSON.
        warnings.filterwarnings("ignore", message="You're running the worker with superuser", append=False)
        for library in ("celery", "kombu"):
            logging.getLogger(library).setLevel(logging.WARNING)
        status = _run(role, name)
        # Everything is stored; taking torch apart piece by piece would only keep Ctrl-C waiting.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _choose_device(gpu: int | None, cpu: bool, threads: int) -> None:
    """Before torch is imported, which reads these variables once."""
    from tasks.devices import gpu_of

    if cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif gpu is not None:
        try:
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu_of(gpu, os.environ.get("CUDA_VISIBLE_DEVICES"))
        except IndexError:
            raise CommandError(f"--gpu {gpu}: CUDA_VISIBLE_DEVICES names fewer. Count from 0.", returncode=2) from None
    if threads:
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    else:
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(variable, "1")


def _run(role: str, name: str) -> int:
    from celery import signals

    from tasks import devices, housekeeping, workers
    from tasks.app import STOP, app

    threads = int(os.environ.get("OMP_NUM_THREADS", 1))
    device = devices.describe_trainer(threads) if role == "train" else devices.describe_coordinator(threads)
    workers.start(role, name, device)
    signals.worker_ready.connect(lambda **_: log.info("%s is ready on %s", workers.name(), device["name"]), weak=False)
    if role == "search":
        workers.repeat(housekeeping.PERIOD, housekeeping.sweep, "sweeper", until=STOP)
    worker = app.Worker(
        hostname=workers.name(),
        queues=role,
        pool="threads",
        # Training takes the whole device. A search worker waits for the database and Redis most of the time.
        concurrency=1 if role == "train" else 4,
        loglevel="INFO",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    try:
        worker.start()
    finally:
        workers.end()
    return worker.exitcode or 0

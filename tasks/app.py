"""The Celery application. Redis carries messages only: what is to be done stands in the database.

Torch-free at module level, as every module of this package: a task imports what needs torch when it runs.
"""

import os
import threading

from celery import Celery, Task, signals
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

# Set once this worker is told to end; training reads it at every batch and puts its trial back.
STOP = threading.Event()

# Modules whose tasks train workers take; those of the others go to search workers.
TRAINING = ("train", "weights", "removals", "node_latency", "full_training", "supernet")


class PatientTask(Task):
    Request = "tasks.acknowledging:PatientRequest"  # by name: only a worker needs it


app = Celery("nasturtium", broker=settings.BROKER_URL, task_cls=PatientTask)
app.conf.update(
    imports=tuple(f"tasks.{name}" for name in ("search", "datasets", *TRAINING)),
    task_routes={f"tasks.{name}.*": {"queue": "train"} for name in TRAINING},
    task_default_queue="search",
    task_ignore_result=True,
    # A message is acknowledged when its work is done. It must not come back by time alone, or Redis would hand a long
    # training to a second worker: a lost worker's trial is found by the sweeper, through its heartbeat.
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 30 * 86400},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
    timezone="UTC",
)


@signals.worker_shutting_down.connect
def _stop(**_):
    STOP.set()

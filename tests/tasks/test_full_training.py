"""Full trainings without training: a run is claimed once, goes on from its checkpoint, and counts once."""

import dataclasses
import io
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError
from django.utils import timezone

from nas_engine import zoo
from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.full_training import read_full_training
from nas_engine.training.progress import BatchReport, FullEpochReport
from tasks import full_recording, full_training, housekeeping, patience, stored_files, workers
from tasks.checkpoints import Checkpoint, folder_of
from tests.webapp import seeding
from webapp.models import CostPreview, FullTraining, StoredFile, TrainingRun
from webapp.services import trainings as service
from webapp.services.cells import keep
from webapp.services.owner import local_owner

EPOCHS = 4
QUICK = {
    "skeleton": {"repeats": 1, "filters": 4},
    "schedule": {"epochs": EPOCHS},
    "augmentation": {"crop": 0, "flip": False},
    "seeds": 2,
}


class Trainer:
    """Stands in for training: its checkpoint is the number of epochs done. ``before`` is called before each epoch."""

    def __init__(self):
        self.before = lambda run, epoch: None
        self.began = []

    def train(self, cells, config, folder, seed, journal, cancelled):
        path = journal.checkpoint.path
        done = int(path.read_text()) if path.exists() else 0
        self.began.append((seed, done))
        for epoch in range(done + 1, EPOCHS + 1):
            self.before(journal.run, epoch)
            if cancelled():
                raise SearchCancelled
            journal.progress(BatchReport(epoch, EPOCHS, 3, 10, 1.0, 0.1, 50.0))
            path.write_text(str(epoch))
            journal.epoch(report(epoch))
        curve = [dataclasses.asdict(report(epoch)) for epoch in range(1, EPOCHS + 1)]
        return SimpleNamespace(
            test_accuracy=0.9 + seed / 100, test_top5=None, valid_accuracy=None, curve=curve, latency={"median": 0.001},
            seconds=12.0, device={}, devices=1, peak_memory=10**8, batch=96, precision="float32",
            timings={"total": 12.0}, test_images=360, resumed=done,
        )  # fmt: skip


def report(epoch: int) -> FullEpochReport:
    return FullEpochReport(epoch, EPOCHS, 1.0, 0.5, None, 3.0, 100.0, 0.1, 10**8, 96)


@pytest.fixture
def trainer(monkeypatch, tmp_path, settings):
    settings.CHECKPOINTS_DIR = tmp_path / "checkpoints"
    trainer = Trainer()
    monkeypatch.setattr(full_training, "train", trainer.train)
    monkeypatch.setattr(full_training, "write", lambda outcome, training, out, log: out.write(b"bundle" * 10))
    monkeypatch.setattr(full_training, "local_folder", lambda dataset: tmp_path)
    monkeypatch.setattr(full_training, "REPORT_SECONDS", 0.0)
    return trainer


@pytest.fixture
def begin(transactional_db, queue, trainer, stop):
    seeding.dataset()

    def begin(**changes) -> FullTraining:
        record = keep(zoo.get("darts-v2").cells, "DARTS")
        return service.create_training(record, read_full_training(QUICK | changes), local_owner())

    return begin


def runs(training) -> list[TrainingRun]:
    return list(training.runs.order_by("seed"))


def log(training) -> str:
    return "\n".join(training.log.order_by("id").values_list("text", flat=True))


def test_every_seed_is_trained_and_the_training_sums_them_up(begin, queue):
    training = begin()
    assert training.params and training.protocol and training.state == "queued"
    queue.deliver()
    training.refresh_from_db()
    assert training.state == "finished"
    assert training.test_mean == pytest.approx(0.905) and training.test_std == pytest.approx(0.0070710678)
    for run in runs(training):
        assert run.state == "finished" and run.epoch == EPOCHS and len(run.curve) == EPOCHS
        bundle = run.files.get()
        assert b"".join(stored_files.chunks(bundle)) == b"bundle" * 10 and bundle.size == 60
        assert not folder_of(run).exists(), "a finished run needs no checkpoint"
    assert "seed 1 finished: 91.00" in log(training) and "seed 0, epoch 4: train loss 1.000, lr 0.1" in log(training)


def test_a_run_is_claimed_once(begin, queue, trainer):
    begin(seeds=1)
    ((pk, attempt),) = queue.take("train_run")
    full_training.train_run(pk, attempt)
    full_training.train_run(pk, attempt)
    full_training.train_run(pk, attempt + 1)
    assert trainer.began == [(0, 0)]


def test_a_killed_worker_loses_one_epoch_and_another_goes_on(begin, queue, trainer):
    training = begin(seeds=1)

    def die(run, epoch):
        if epoch == 3 and run.attempt == 0:
            raise KeyboardInterrupt  # nothing of ours catches it, as nothing catches SIGKILL

    trainer.before = die
    ((pk, attempt),) = queue.take("train_run")
    with pytest.raises(KeyboardInterrupt):
        full_training.train_run(pk, attempt)
    TrainingRun.objects.update(heartbeat=timezone.now() - timedelta(minutes=5))
    housekeeping.requeue_lost()
    queue.deliver()
    assert trainer.began == [(0, 0), (0, 2)]
    (run,) = runs(training)
    assert run.state == "finished" and run.attempt == 3 and [one["epoch"] for one in run.curve] == [1, 2, 3, 4]
    assert "lost its worker" in log(training) and "goes on after epoch 2" in log(training)


def test_three_losses_in_a_row_without_an_epoch_fail_a_run(begin, queue, trainer):
    training = begin(seeds=1)
    run = training.runs.get()
    for attempt in range(3):
        run = full_recording.claim(run.pk, attempt, "train-9@gone", {})
        assert full_recording.requeue_lost(run)
        assert not full_recording.requeue_lost(run), "seen twice, counted once"
    training.refresh_from_db()
    run.refresh_from_db()
    assert (run.state, training.state) == ("failed", "failed")
    assert "lost 3 times in a row" in run.error and "memory" in run.advice


def test_a_late_result_of_a_lost_worker_does_not_count(begin):
    training = begin(seeds=1)
    run = training.runs.get()
    late = full_recording.claim(run.pk, 0, "train-9@gone", {})
    full_recording.requeue_lost(late)
    assert not full_recording.finish(late, {"test_accuracy": 1.0, "seconds": 1.0}, [], io.BytesIO(b"x"))
    assert not full_recording.fail(late, "late")
    assert not full_recording.put_back(late, "late")
    run.refresh_from_db()
    assert run.state == "queued" and not StoredFile.objects.exists()


def test_pausing_puts_back_and_any_machine_goes_on_from_the_copy(begin, queue, trainer, monkeypatch):
    training = begin(seeds=1)

    def pause(run, epoch):
        if epoch == 3:
            service.pause_training(training)
            for job in list(workers._jobs):
                job.check()

    trainer.before = pause
    queue.deliver()
    training.refresh_from_db()
    run = training.runs.get()
    assert (training.state, run.state, run.epoch) == ("paused", "queued", 2)
    assert run.files.get().kind == "checkpoint" and run.files.get().epoch == 2
    full_training.train_run(run.pk, run.attempt)
    assert trainer.began == [(0, 0)], "a paused training is not taken"
    monkeypatch.setattr(workers, "host", lambda: "elsewhere")
    trainer.before = lambda run, epoch: None
    service.resume_training(training)
    queue.deliver()
    assert trainer.began == [(0, 0), (0, 2)]
    assert training.runs.get().state == "finished"


def test_a_checkpoint_that_another_machine_kept_to_itself_is_said_to_be_lost(begin, queue, trainer, monkeypatch):
    training = begin(seeds=1)
    run = training.runs.get()
    TrainingRun.objects.update(epoch=2, checkpoint_host="birch")
    queue.deliver()
    assert trainer.began == [(0, 0)]
    assert "starts again: its checkpoint is on birch, which has not copied it" in log(training)
    assert run.files.filter(kind="bundle").exists()


def test_a_worker_that_ends_puts_its_run_back(begin, queue, trainer, stop):
    training = begin(seeds=1)
    trainer.before = lambda run, epoch: epoch == 3 and stop.set()
    ((pk, attempt),) = queue.take("train_run")
    full_training.train_run(pk, attempt)
    assert training.runs.get().state == "queued" and queue.take("train_run") == [(pk, attempt)]
    assert "put back after epoch 2: its worker is ending" in log(training)


def test_stopping_keeps_what_is_done_and_the_rest_can_be_taken_up_again(begin, queue, trainer):
    training = begin()

    def halt(run, epoch):
        if run.seed == 1 and epoch == 2:
            service.stop_training(training)
            for job in list(workers._jobs):
                job.check()

    trainer.before = halt
    queue.deliver()
    training.refresh_from_db()
    assert [run.state for run in runs(training)] == ["finished", "stopped"]
    assert training.state == "stopped" and training.test_mean == 0.9 and training.test_std is None
    assert training.reason == "Stopped by hand with 1 seed done."
    with pytest.raises(ConfigError):
        service.stop_training(training)
    trainer.before = lambda run, epoch: None
    service.retry_runs(training)
    queue.deliver()
    training.refresh_from_db()
    assert training.state == "finished" and trainer.began[-1] == (1, 1)


def test_a_failure_keeps_reason_and_advice_and_starts_over_from_nothing_if_asked(begin, queue, trainer):
    training = begin()

    def fail(run, epoch):
        if run.seed == 0 and epoch == 3:
            raise EvaluationFailed("the loss is not a number at epoch 3", "Take a smaller learning rate.")

    trainer.before = fail
    queue.deliver()
    training.refresh_from_db()
    first, second = runs(training)
    assert (first.state, second.state, training.state) == ("failed", "finished", "failed")
    assert first.error.startswith("the loss") and first.advice == "Take a smaller learning rate."
    assert "seed 0 failed: the loss is not a number" in training.reason and training.test_mean == 0.91
    trainer.before = lambda run, epoch: None
    service.retry_runs(training, fresh=True)
    queue.deliver()
    training.refresh_from_db()
    assert trainer.began[-1] == (0, 0) and training.state == "finished"


def test_patience_with_the_database_and_a_bundle_read_twice(begin, queue, monkeypatch):
    training = begin(seeds=1)
    tries = []
    real = full_recording.finish

    def finish(run, numbers, curve, bundle):
        tries.append(bundle.tell())
        bundle.read()
        if len(tries) == 1:
            raise DatabaseError("away")
        return real(run, numbers, curve, bundle)

    monkeypatch.setattr(full_recording, "finish", finish)
    monkeypatch.setattr(patience.time, "sleep", lambda seconds: None)
    queue.deliver()
    assert len(tries) == 2
    assert b"".join(stored_files.chunks(training.runs.get().files.get())) == b"bundle" * 10


def test_lost_messages_are_sent_again(begin, queue):
    training = begin()
    queue.take("train_run")
    TrainingRun.objects.update(sent=timezone.now() - timedelta(minutes=1))
    housekeeping.resend()
    assert len(queue.take("train_run")) == 2
    service.pause_training(training)
    TrainingRun.objects.update(sent=timezone.now() - timedelta(minutes=1))
    housekeeping.resend()
    assert not queue.take("train_run"), "a paused training waits"


def test_a_network_is_fitted_before_it_is_trained(begin):
    training = begin(fit={"measure": "params", "most": 100_000})
    assert training.params <= 100_000 and training.settled["skeleton"]["filters"] > 4
    assert training.config["fit"]["measure"] == "params", "what was asked for stays on record"
    with pytest.raises(ConfigError) as caught:
        begin(fit={"measure": "params", "most": 100})
    assert "fit.most" in caught.value.problems


def test_milliseconds_are_settled_by_the_first_worker_for_all_seeds(begin, queue, monkeypatch):
    training = begin(fit={"measure": "latency", "most": 5.0})
    assert training.settled is None and training.protocol == "" and "5 ms an image" in training.protocol_summary
    monkeypatch.setattr(full_training, "latency_of", lambda device: lambda network: network.params / 1e7)
    queue.deliver()
    training.refresh_from_db()
    assert training.state == "finished" and training.params <= 50_000 and training.protocol
    assert log(training).count("the network that fits") == 1


def test_a_changed_data_set_is_not_trained_on(begin, queue):
    training = begin(seeds=1)
    training.dataset.fingerprint = "f" * 64
    training.dataset.save()
    queue.deliver()
    assert "changed since this training began" in training.runs.get().error


def test_a_deleted_training_leaves_its_worker_in_peace(begin, queue, trainer):
    training = begin(seeds=1)
    trainer.before = lambda run, epoch: epoch == 2 and training.delete()
    queue.deliver()
    assert not TrainingRun.objects.exists()


def test_a_checkpoint_of_which_only_the_predecessor_is_left_is_kept(begin, trainer):
    run = begin(seeds=1).runs.get()
    left = folder_of(run) / "checkpoint.safetensors.previous"
    left.parent.mkdir(parents=True)
    left.write_text("2")
    run.checkpoint_host, run.epoch = workers.host(), 3
    assert Checkpoint(run).prepare() == "goes on after epoch 3" and left.exists()


def test_checkpoints_nobody_goes_on_from_are_removed(begin, trainer):
    training = begin(seeds=1)
    run = training.runs.get()
    Checkpoint(run).prepare()
    gone = folder_of(run).with_name("0" * 32)
    gone.mkdir()
    from tasks import checkpoints

    checkpoints.sweep()
    assert folder_of(run).exists() and not gone.exists()


def test_a_damaged_copy_is_not_trained_on(begin, tmp_path):
    run = begin(seeds=1).runs.get()
    row = stored_files.store(run, StoredFile.Kind.CHECKPOINT, io.BytesIO(b"a" * (2**20 + 5)), 3)
    assert row.chunks.count() == 2
    stored_files.write_to(row, tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == b"a" * (2**20 + 5)
    chunk = row.chunks.first()
    chunk.data = b"b" * 2**20
    chunk.save()
    with pytest.raises(ValueError, match="damaged"):
        stored_files.write_to(row, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["whole"]


def test_a_cost_preview_is_timed_once_for_equal_questions(begin, queue, monkeypatch):
    record, config = keep(zoo.get("darts-v2").cells), read_full_training(QUICK)
    found = SimpleNamespace(seconds_per_epoch=2.0, seconds=8.0, config=config, notes=("batch lowered",))
    monkeypatch.setattr(full_training, "estimate", lambda *arguments: found)
    seeding.dataset()
    first = service.request_preview(record, config)
    assert service.request_preview(record, dataclasses.replace(config, seeds=3, name="x")).pk == first.pk
    queue.deliver()
    first.refresh_from_db()
    assert first.state == "finished" and first.result["seconds_per_epoch"] == 2.0
    assert first.result["notes"] == ["batch lowered"] and first.result["config"]["schedule"]["epochs"] == EPOCHS


def test_a_preview_that_failed_says_why_and_can_be_asked_again(begin, queue, monkeypatch):
    record, config = keep(zoo.get("darts-v2").cells), read_full_training(QUICK)

    def refuse(*arguments):
        raise EvaluationFailed("out of memory", "Take fewer filters.")

    monkeypatch.setattr(full_training, "estimate", refuse)
    seeding.dataset()
    preview = service.request_preview(record, config)
    queue.deliver()
    preview.refresh_from_db()
    assert preview.state == "failed" and "out of memory" in preview.error
    assert service.request_preview(record, config).state == "queued" and len(queue.messages) == 1
    CostPreview.objects.update(created=timezone.now() - timedelta(days=2))
    housekeeping.sweep()
    assert not CostPreview.objects.exists()

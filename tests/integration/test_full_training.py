"""A full training in the real product: its worker is killed, and it goes on from its last epoch."""

import json
import os
import signal
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
EPOCHS = 8
TINY = ("skeleton.repeats=1", "skeleton.filters=8", f"schedule.epochs={EPOCHS}", "optimizer.batch_size=32")


def run(server) -> dict:
    """How the only run stands."""
    fields = "'state', 'epoch', 'attempt', 'worker', 'test_accuracy', 'curve', 'details', 'training__state'"
    return server.ask(f"TrainingRun.objects.values({fields}).get()")


def test_a_killed_worker_costs_a_full_training_at_most_one_epoch(server):
    running = server()
    running.start()
    running.wait(lambda: running.ask("list(Dataset.objects.values_list('state', flat=True))") == ["ready"], "digits")
    changes = [word for change in TINY for word in ("--set", change)]
    started = running.manage("train", "darts-v2", "--dataset", "digits", "--json", *changes)
    assert started.returncode == 0, started.stderr
    training = json.loads(started.stdout)["training"]
    running.wait(lambda: run(running)["epoch"] >= 2, "two epochs")
    trainer = running.pid("train-0")
    os.kill(trainer, signal.SIGKILL)
    done = run(running)["epoch"]
    assert done < EPOCHS, "killed too late"
    running.wait(lambda: run(running)["training__state"] in ("finished", "failed"), "the end of the training")
    found = run(running)
    log = running.ask("list(TrainingLine.objects.order_by('pk').values_list('text', flat=True))")
    assert found["state"] == "finished", log
    assert [one["epoch"] for one in found["curve"]] == list(range(1, EPOCHS + 1))
    assert found["details"]["resumed"] >= done, "what was checkpointed is not trained again"
    assert any("lost its worker, train-0@" in line for line in log) and any(
        "goes on after epoch" in line for line in log
    )
    out = running.data / "model"
    exported = running.manage("export", str(training), "--out", str(out))
    assert exported.returncode == 0 and (out / "weights.safetensors").exists(), exported.stderr
    assert running.stop() == 0

"""Whatever is killed, the search finishes and every trial counts once."""

import os
import signal
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def counts(server) -> dict:
    """How the trials of the only search stand."""
    return server.ask(
        "{'states': list(Trial.objects.order_by('number').values_list('state', flat=True)),"
        "'running': list(Trial.objects.filter(state='running', epoch__gte=1).values_list('number', flat=True)),"
        "'search': Search.objects.get().state}"
    )


def measured(server) -> int:
    return sum(state in ("finished", "reused") for state in counts(server)["states"])


def assert_every_trial_counted_once(server, trials: int) -> None:
    found = server.ask(
        "{'search': Search.objects.values('state', 'told', 'reason').get(),"
        "'trials': list(Trial.objects.order_by('number').values('number', 'state', 'told_as', 'epoch', 'error')),"
        "'curves': [len(curve) for curve in Trial.objects.filter(state='finished').values_list('curve', flat=True)],"
        "'log': list(LogLine.objects.values_list('text', flat=True))}"
    )
    assert found["search"]["state"] == "finished", found
    assert found["search"]["told"] == trials
    assert [trial["number"] for trial in found["trials"]] == list(range(1, trials + 1))
    assert {trial["state"] for trial in found["trials"]} <= {"finished", "reused"}, found["trials"]
    assert sorted(trial["told_as"] for trial in found["trials"]) == list(range(1, trials + 1))
    assert set(found["curves"]) == {4}, "an interrupted training must not leave its epochs behind"
    for trial in found["trials"]:
        finished = [line for line in found["log"] if line.startswith(f"trial {trial['number']} finished: ")]
        assert len(finished) == (trial["state"] == "finished"), finished


def test_a_search_survives_the_death_of_every_process(server):
    running = server()
    running.start()
    running.search()
    running.wait(lambda: counts(running)["running"], "a trial in training")
    trainer = running.pid("train-0")
    os.kill(trainer, signal.SIGKILL)
    running.wait(lambda: running.pid("train-0") != trainer, "another train worker")
    running.wait(lambda: measured(running) >= 2, "two results")
    os.kill(running.pid("search-0"), signal.SIGKILL)
    running.wait(lambda: measured(running) >= 4, "four results")
    (redis,) = (pid for pid, command in running.children().items() if "valkey-server" in command)
    running.wait(lambda: counts(running)["running"], "a trial in training")
    done = measured(running)
    with running.held():  # so that Redis stays away until a training has ended
        os.kill(redis, signal.SIGKILL)
        running.wait(lambda: measured(running) > done, "the end of a training without Redis")
        time.sleep(1.0)  # the worker acknowledges its message after the result is stored
    running.wait(lambda: counts(running)["search"] == "finished", "the end of the search")
    assert_every_trial_counted_once(running, 8)
    log = running.ask("list(LogLine.objects.values_list('text', flat=True))")
    assert any("lost its worker, train-0@" in line for line in log)
    for name in ("train-0", "search-0", "redis"):
        assert f"{name} was killed by SIGKILL; it is started again" in running.text()
    assert running.stop() == 0


def test_a_search_goes_on_after_the_server_was_stopped_and_after_it_was_killed(server):
    running = server()
    running.start()
    running.search()
    running.wait(lambda: counts(running)["running"], "a trial in training")
    assert running.stop(signal.SIGINT) == 0
    assert "running" not in counts(running)["states"], "a worker that ends puts its trial back"
    running.start()
    running.wait(lambda: measured(running) >= 2, "two results")
    children = running.children()
    assert len(children) == 4, children
    running.process.kill()
    running.process.wait()
    wait_until_gone(children)
    running.start()
    running.wait(lambda: counts(running)["search"] == "finished", "the end of the search")
    assert_every_trial_counted_once(running, 8)


def wait_until_gone(pids) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and any(_alive(pid) for pid in pids):
        time.sleep(0.2)
    assert not [pid for pid in pids if _alive(pid)], "the children of a killed server end too"


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

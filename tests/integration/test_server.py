"""Starting and stopping everything; the same with PostgreSQL and a Redis server of the machine."""

import os
import subprocess
import sys
import urllib.request
import uuid

import pytest

from tests.integration.conftest import ROOT


def test_a_second_start_says_that_one_is_running_and_ctrl_c_ends_the_first(server):
    running = server()
    running.start()
    again = subprocess.run(
        [sys.executable, "-m", "webapp.serving"],
        cwd=ROOT,
        env=running.environment,
        text=True,
        capture_output=True,
        timeout=60,
    )
    url = f"http://127.0.0.1:{running.environment['PORT']}"
    assert again.returncode == 1
    assert again.stderr.startswith(f"Nasturtium is running already at {url} (process {running.process.pid}).")
    with urllib.request.urlopen(f"{url}/healthz", timeout=10) as response:
        assert response.status == 200
    other = server(PORT=running.environment["PORT"])
    other.start()
    assert f"port {running.environment['PORT']} is taken" in other.text(), "another data folder takes the next port"
    assert other.stop() == 0
    children = running.children()
    assert running.stop() == 0
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]


def test_a_worker_started_alone_trains_what_waits_for_one(server):
    running = server(TRAIN_WORKERS="0")
    running.start()
    outcome = running.search(budget={"trials": 3})
    assert outcome["state"] in ("queued", "running") and outcome["best"] is None
    again = running.manage("search", str(running.data / "search.json"))
    assert "No train worker is alive, so the search waits." in again.stderr
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker", "train", "--cpu", "--name", "alone"], cwd=ROOT, env=running.environment
    )
    try:
        states = "list(Search.objects.values_list('state', flat=True))"
        running.wait(lambda: running.ask(states) == ["finished", "finished"], "the end of both searches")
    finally:
        worker.terminate()
        assert worker.wait(60) == 0
    assert running.ask("list(Worker.objects.values_list('queue', flat=True))") == ["search"]
    assert "running" not in running.ask("list(Trial.objects.values_list('state', flat=True))")


def postgres_url(name: str) -> str:
    return os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/") + name


@pytest.fixture
def postgres():
    """The URL of a new, empty PostgreSQL database, dropped afterwards."""
    import psycopg

    name = f"nasturtium_test_{uuid.uuid4().hex[:8]}"
    try:
        connection = psycopg.connect(postgres_url("postgres"), autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL server to be reached: {error}")
    with connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgres_url(name)
    with psycopg.connect(postgres_url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url():
    """The URL of an empty database of a Redis server, emptied afterwards."""
    import redis

    base = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")
    for number in range(15, 0, -1):
        url = f"{base}/{number}"
        client = redis.Redis.from_url(url, socket_connect_timeout=3)
        try:
            if client.dbsize():
                continue
        except redis.RedisError as error:
            pytest.skip(f"no Redis server to be reached: {error}")
        yield url
        client.flushdb()
        return
    pytest.skip("no database of the Redis server is empty")


def test_everything_runs_on_postgresql_and_the_machines_redis(server, postgres, redis_url):
    running = server(DATABASE_URL=postgres, REDIS_URL=redis_url, TRAIN_WORKERS="2")
    running.start()
    outcome = running.search("--wait", budget={"trials": 5})
    assert outcome["state"] == "finished"
    assert {trial["state"] for trial in outcome["trials"]} <= {"finished", "reused"}
    assert not (running.data / "nasturtium.sqlite3").exists()
    assert not any("valkey" in command for command in running.children().values())
    assert running.ask("Weights.objects.count()") == 2
    assert running.stop() == 0

"""The process manager: what dies is started again, what is stopped is stopped in order."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from webapp.serving import processes
from webapp.serving.processes import Manager, Program


def program(name: str, code: str, **options) -> Program:
    return Program(name, (sys.executable, "-c", code), **options)


def appended(path: Path, text: str) -> str:
    return f"open({str(path)!r}, 'a').write({text!r})"


async def until(condition, seconds: float = 30.0):
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited in vain")


def run(scenario) -> None:
    asyncio.run(asyncio.wait_for(scenario, 90))


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_program_that_dies_is_started_again_ever_later(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(processes, "FIRST_DELAY", 0.01)
    record = tmp_path / "starts"

    async def scenario():
        manager = Manager()
        manager.start([program("short", appended(record, "x\n") + "; raise SystemExit(3)")])
        await until(lambda: len(lines(record)) >= 4)
        manager.stop()
        await manager.wait_and_stop()

    run(scenario())
    shown = capsys.readouterr().out
    for delay in ("0.01", "0.02", "0.04"):
        assert f"short ended with status 3; it is started again in {delay} s" in shown


def test_a_program_that_lived_long_enough_is_started_again_soon(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(processes, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(processes, "SETTLED", 0.0)
    record = tmp_path / "starts"

    async def scenario():
        manager = Manager()
        manager.start([program("steady", appended(record, "x\n"))])
        await until(lambda: len(lines(record)) >= 3)
        manager.stop()
        await manager.wait_and_stop()

    run(scenario())
    assert "in 0.02 s" not in capsys.readouterr().out


def test_output_is_shown_with_its_programs_name(capsys):
    code = "import sys; print('first\\n\\nunwanted line'); print('x' * 200_000, file=sys.stderr); print('last', end='')"

    async def scenario():
        manager = Manager()
        manager.start([program("talker", code + "; import time; time.sleep(60)", unshown="unwanted")])
        await asyncio.sleep(0.1)
        await until(lambda: "talker" in manager.processes)
        await asyncio.sleep(0.5)
        manager.stop()
        await manager.wait_and_stop()

    run(scenario())
    shown = [line[9:] for line in capsys.readouterr().out.splitlines()]
    assert "talker    first" in shown and "talker    last" in shown
    assert f"talker    {'x' * 200_000}" in shown
    assert not [line for line in shown if "unwanted" in line or line.strip() == "talker"]


def test_higher_tiers_end_first(tmp_path):
    record = tmp_path / "order"
    code = (
        "import signal, time\n"
        "def end(*_):\n    open({path!r}, 'a').write('{name}\\n'); raise SystemExit\n"
        "signal.signal(signal.SIGTERM, end); open({path!r} + '.{name}', 'w').close(); time.sleep(60)"
    )
    programs = [
        program(name, code.format(path=str(record), name=name), tier=tier)
        for name, tier in (("redis", 0), ("web", 2), ("worker", 1))
    ]

    async def scenario():
        manager = Manager()
        manager.start(programs)
        await until(lambda: all(Path(f"{record}.{one.name}").exists() for one in programs))
        manager.stop()
        await manager.wait_and_stop()

    run(scenario())
    assert lines(record) == ["web", "worker", "redis"]


def test_what_does_not_end_is_killed_with_its_children(tmp_path, capsys):
    record = tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(record)!r}, 'w').write(f'{{os.getpid()}}\\n{{child.pid}}\\n'); time.sleep(60)"
    )

    async def scenario():
        manager = Manager()
        manager.start([program("stubborn", code, grace=0.2)])
        await until(lambda: len(lines(record)) == 2)
        manager.stop()
        await manager.wait_and_stop()
        # Killed means signalled; under load the kernel takes a moment to end the child, which is not the manager's to reap.
        await until(lambda: not any(map(_runs, map(int, lines(record)))))

    run(scenario())
    assert "stubborn did not end by itself and is killed" in capsys.readouterr().out
    for pid in map(int, lines(record)):
        assert not _runs(pid)


def test_a_second_ctrl_c_does_not_wait(tmp_path):
    ready = tmp_path / "ready"
    code = f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w').close(); time.sleep(600)"

    async def scenario():
        manager = Manager()
        manager.catch_signals()
        manager.start([program("stubborn", code, grace=600)])
        await until(ready.exists)
        os.kill(os.getpid(), signal.SIGINT)
        stopping = asyncio.create_task(manager.wait_and_stop())
        await until(manager.stopping.is_set)
        os.kill(os.getpid(), signal.SIGINT)
        await stopping

    run(scenario())


def test_a_program_that_is_not_there_is_said_and_tried_again(monkeypatch, capsys):
    monkeypatch.setattr(processes, "FIRST_DELAY", 0.01)

    async def scenario():
        manager = Manager()
        manager.start([Program("missing", ("/nowhere/to/be/found",))])
        await asyncio.sleep(0.2)
        manager.stop()
        await manager.wait_and_stop()

    run(scenario())
    shown = capsys.readouterr().out
    assert "/nowhere/to/be/found" in shown and "missing ended with status 127" in shown


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_when_the_manager_is_killed_its_programs_end(tmp_path):
    record = tmp_path / "pid"
    child = f"import os, time; open({str(record)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(60)"
    manager = (
        "import asyncio, sys\n"
        "from webapp.serving.processes import Manager, Program\n"
        "async def main():\n"
        "    manager = Manager()\n"
        f"    manager.start([Program('child', (sys.executable, '-c', {child!r}))])\n"
        "    await manager.wait_and_stop()\n"
        "asyncio.run(main())"
    )

    async def scenario():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", manager)
        await until(lambda: len(lines(record)) == 1)
        process.kill()
        await process.wait()
        await until(lambda: not _runs(int(lines(record)[0])))

    run(scenario())


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

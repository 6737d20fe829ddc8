"""Runs everything: ``python -m webapp.serving``, which script/server calls once the environment is there.

HOST and PORT say where (127.0.0.1:8000, or the next free port). Ends with 1 if a server is running already or could not
be set up, with 2 for a setting that makes no sense.
"""

import asyncio
import http.client
import os
import sys
import traceback

from django.core.exceptions import ImproperlyConfigured

from webapp import environment
from webapp.serving import programs
from webapp.serving.lock import AlreadyRunning, Lock
from webapp.serving.processes import Manager, show

MANAGE = (sys.executable, str(environment.ROOT / "manage.py"))
COUNT_GPUS = "import torch; print(torch.cuda.device_count())"


def main() -> int:
    try:
        data = environment.data_folder()
        lock = Lock(data / "server.lock")
        lock.take()
        host = os.environ.get("HOST") or "127.0.0.1"
        wanted = environment.number("PORT", 8000, 1)
        port = programs.free_port(host, wanted)
    except AlreadyRunning as error:
        print(error, file=sys.stderr)
        return 1
    except (ImproperlyConfigured, OSError) as error:
        print(f"The server was not started: {error}", file=sys.stderr)
        return 2
    if port != wanted:
        show("server", f"port {wanted} is taken; {port} is used")
    url = f"http://{_shown(host)}:{port}"
    lock.write({"pid": os.getpid(), "url": url})
    return asyncio.run(serve(lock, host, port, url))


async def serve(lock: Lock, host: str, port: int, url: str) -> int:
    """Set up, start tier after tier, and keep everything running until a signal comes. Returns the exit status."""
    manager = Manager(inherited=(lock.descriptor,))
    manager.catch_signals()
    setup = asyncio.create_task(_start(manager, host, port, url))
    stopped = asyncio.create_task(manager.stopping.wait())
    await asyncio.wait((setup, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not setup.done():
        setup.cancel()
    failed = setup.done() and not _succeeded(setup)
    if failed:
        manager.stop()
    await stopped
    show("server", "stopping; trials in training are put back and go on at the next start")
    await manager.wait_and_stop()
    show("server", "stopped")
    return 1 if failed else 0


def _succeeded(setup: asyncio.Task) -> bool:
    try:
        return setup.result()
    except (ImproperlyConfigured, OSError) as error:
        show("server", f"the start failed: {error}")
    except Exception:
        show("server", f"the start failed:\n{traceback.format_exc()}")
    return False


async def _start(manager: Manager, host: str, port: int, url: str) -> bool:
    data = environment.data_folder()
    show("server", f"setting up; data lies in {data}")
    prepared, gpus = await asyncio.gather(_command(*MANAGE, "prepare"), _gpus())
    if not prepared:
        show("server", "the set-up failed; the lines above say why")
        return False
    if not os.environ.get("REDIS_URL"):
        manager.start([programs.redis(data)])
        if not await programs.redis_answers(data):
            show("server", "the embedded Redis server does not answer; the lines above say why")
            return False
    workers = programs.workers(gpus)
    trainers = len(workers) - 1
    on = f"{gpus} GPU{'s' if gpus > 1 else ''}" if gpus else f"the CPU ({programs.cores()} cores)"
    show("server", f"starting {trainers} train worker{'s' if trainers != 1 else ''} on {on}")
    manager.start([*workers, programs.web(host, port)])
    while not await asyncio.to_thread(healthy, _shown(host), port):
        await asyncio.sleep(0.2)
    return await _command(*MANAGE, "welcome", url)


def healthy(host: str, port: int) -> bool:
    """Whether the web server answers."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


async def _command(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await process.wait() == 0
    except asyncio.CancelledError:
        process.terminate()
        raise


async def _gpus() -> int:
    """How many GPUs torch can use, asked in another process: this one stays small."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COUNT_GPUS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    return int(output) if process.returncode == 0 and output.strip().isdigit() else 0


def _shown(host: str) -> str:
    """A name that a browser on this machine can use for the address listened on."""
    return "127.0.0.1" if host in ("0.0.0.0", "") else host


if __name__ == "__main__":
    sys.exit(main())

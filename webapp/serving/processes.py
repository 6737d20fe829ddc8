"""A process manager: starts programs, starts them again when they die, shows their output, stops them in order.

On Linux a program gets SIGTERM when the manager itself is killed. Every program runs in a session of its own, so that
Ctrl-C reaches the manager alone.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds until a program that died is started again; doubled each time
SETTLED = 10.0  # seconds of life after which a death counts as the first again
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """``tier``: lower ones are started first and stopped last. ``grace``: seconds it gets to end before it is killed.
    ``unshown``: output lines that contain this text say nothing here."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict, hash=False)
    tier: int = 1
    grace: float = 20.0
    unshown: str = ""


class Manager:
    """Keeps programs running until :meth:`stop` is called, by a signal for one."""

    def __init__(self, inherited: Iterable[int] = ()):
        """``inherited``: file descriptors every program holds as well."""
        self.inherited = tuple(inherited)
        self.stopping = asyncio.Event()
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.tasks: dict[Program, asyncio.Task] = {}
        self._hurry = asyncio.Event()

    def catch_signals(self) -> None:
        """Stop at Ctrl-C, SIGTERM, or when the terminal is closed; a second one kills what is left."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)

    def stop(self) -> None:
        if self.stopping.is_set():
            self._hurry.set()
        self.stopping.set()

    def start(self, programs: Iterable[Program]) -> None:
        """Start programs and keep them running."""
        for program in programs:
            self.tasks[program] = asyncio.create_task(self._keep(program), name=program.name)

    async def wait_and_stop(self) -> None:
        """Wait for :meth:`stop`, then end everything, the highest tier first."""
        await self.stopping.wait()
        for tier in sorted({program.tier for program in self.tasks}, reverse=True):
            await asyncio.gather(*(self._end(program) for program in self.tasks if program.tier == tier))

    async def _keep(self, program: Program) -> None:
        deaths = 0
        while not self.stopping.is_set():
            began = time.monotonic()
            status = await self._run(program)
            if self.stopping.is_set():
                return
            deaths = 1 if time.monotonic() - began >= SETTLED else deaths + 1
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (deaths - 1))
            show("server", f"{program.name} {_cause(status)}; it is started again in {delay:g} s")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), delay)

    async def _run(self, program: Program) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                pass_fds=self.inherited,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            show("server", f"{program.command[0]}: {error}")
            return 127
        self.processes[program.name] = process
        output = asyncio.create_task(_copy(program, process.stdout))
        status = await process.wait()
        await asyncio.wait((output,), timeout=1.0)  # a grandchild may hold the pipe open for ever
        output.cancel()
        del self.processes[program.name]
        return status

    async def _end(self, program: Program) -> None:
        task, process = self.tasks[program], self.processes.get(program.name)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait((task, hurry), timeout=program.grace, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if process is not None and not task.done():
            show("server", f"{program.name} did not end by itself and is killed")
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        await task


async def _copy(program: Program, stream: asyncio.StreamReader) -> None:
    pending = b""
    while chunk := await stream.read(65536):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace")
            if text.strip() and not (program.unshown and program.unshown in text):
                show(program.name, text)
    if pending:
        show(program.name, pending.decode(errors="replace"))


def show(name: str, line: str) -> None:
    """A line of output: when, who, what. A terminal that is gone is no reason to end."""
    with contextlib.suppress(OSError, ValueError):
        print(f"{time.strftime('%H:%M:%S')} {name:<9} {line.rstrip()}", flush=True)


def _cause(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


# Looked up before any fork: between fork and exec only async-signal-safe work is sound.
_prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


def end_with_parent() -> None:
    """To be called between fork and exec: the program gets SIGTERM when the process that starts it ends (Linux)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

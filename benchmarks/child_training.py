"""How fast children train on a processor: our loop against a plain one, same networks, same images, one run.

    python -m benchmarks.child_training                        all settings, both loops, the ratio of images per second
    python -m benchmarks.child_training --setting digits --rounds 5
    python -m benchmarks.child_training --levers --setting "cifar-10, N 2, F 16"   what each step from plain to ours brings
    python -m benchmarks.child_training --plain processes      on a machine with other work: threads wait for each other
    python -m benchmarks.child_training --images var/datasets/cifar-10             real images instead of random bytes

    python -m benchmarks.child_training --one-process          both loops in one process of one thread, by processor time

Ours runs as the product does: a process with one thread on every core. The plain loop runs both as one process with a
thread for every core and as a process for every core; the better one counts. In a round each runs once, one after the
other, in fresh processes that have taken a first step before the clock starts. Images per second are those of all
processes together, by the wall and by processor time (times the cores), which other programs on the machine disturb less.
In one process, for machines that never rest, the plain loop too profits from the memory that ours keeps.
Results go into benchmarks/results/child_training.json, one entry a setting; --add keeps the rounds that stand there, so
that a machine need not be had for long at once; --no-write leaves it all out.
"""

import argparse
import functools
import json
import multiprocessing
import os
import platform
import shlex
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch

from benchmarks.training_loops import LEVERS, SETTINGS, OurLoop, PlainLoop, cells_of, pictures
from nas_engine.training.devices import describe_device

RESULTS = Path(__file__).parent / "results" / "child_training.json"
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Arrangement:
    """``levers`` None is the product's own loop."""

    name: str
    processes: int
    threads: int
    levers: tuple[str, ...] | None


def comparison(cores: int, plain: str) -> list[Arrangement]:
    """``plain``: "threads" of one process, "processes" of one thread, or "both"."""
    found = []
    if plain != "processes":
        found.append(Arrangement(f"plain, 1 process x {cores} threads", 1, cores, ()))
    if plain != "threads" and cores > 1:
        found.append(Arrangement(f"plain, {cores} processes x 1 thread", cores, 1, ()))
    return [*found, Arrangement(f"ours, {cores} processes x 1 thread", cores, 1, None)]


def ladder() -> list[Arrangement]:
    """Lever after lever, in one process of one thread."""
    steps = [Arrangement("plain", 1, 1, ())]
    steps += [Arrangement(f"+ {name}", 1, 1, LEVERS[: count + 1]) for count, name in enumerate(LEVERS)]
    return [*steps, Arrangement("our loop", 1, 1, None)]


def work(arrangement: Arrangement, setting_name: str, folder: Path | None, start, results) -> None:
    """One process of an arrangement: (images, began, ended, seconds of processor time)."""
    torch.set_num_threads(arrangement.threads)
    setting = SETTINGS[setting_name]
    data = pictures(setting, folder)
    loops = []
    for cells in cells_of(setting):
        if arrangement.levers is None:
            loops.append(OurLoop(setting, cells, data, CPU))
        else:
            loops.append(PlainLoop(setting, cells, data, CPU, arrangement.levers))
    for loop in loops:
        loop.epoch()  # chooses kernels and takes memory
    start.wait()
    began, processor = time.monotonic(), time.process_time()
    for loop in loops:
        loop.epoch()
    results.put((setting.images * len(loops), began, time.monotonic(), time.process_time() - processor))


def measure(arrangement: Arrangement, setting_name: str, folder: Path | None) -> dict[str, float]:
    """Images per second of all processes together, by the wall and by processor time."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(arrangement.processes), context.Queue()
    arguments = (arrangement, setting_name, folder, start, results)
    processes = [context.Process(target=work, args=arguments) for _ in range(arrangement.processes)]
    for process in processes:
        process.start()
    done = [results.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    images = sum(one[0] for one in done)
    wall = max(one[2] for one in done) - min(one[1] for one in done)
    cores = arrangement.processes * arrangement.threads
    return {"wall": images / wall, "processor": cores * images / sum(one[3] for one in done)}


def in_one_process(
    measured: dict[str, list[dict[str, float]]],
    arrangements: list[Arrangement],
    setting_name: str,
    folder: Path | None,
    rounds: int,
) -> None:
    """Add rounds of one-threaded loops in turn, in this process and by its processor time."""
    torch.set_num_threads(1)
    setting, cells = SETTINGS[setting_name], cells_of(SETTINGS[setting_name])
    data = pictures(setting, folder)
    loops = {}
    for one in arrangements:
        made = OurLoop if one.levers is None else functools.partial(PlainLoop, levers=one.levers)
        loops[one.name] = [made(setting, each, data, CPU) for each in cells]
    for number in range(rounds + 1):
        for name, found in loops.items():
            started = time.process_time()
            for loop in found:
                loop.epoch()
            seconds = time.process_time() - started
            if number:  # the first chooses kernels and takes memory
                measured.setdefault(name, []).append({"processor": setting.images * len(found) / seconds})


def another_round(
    measured: dict[str, list[dict[str, float]]], arrangements: list[Arrangement], setting_name: str, folder: Path | None
) -> None:
    """Add one to what was ``measured`` of each arrangement."""
    for one in arrangements:
        rows = measured.setdefault(one.name, [])
        rows.append(measure(one, setting_name, folder))
        shown = ", ".join(f"{clock} {value:.1f}" for clock, value in rows[-1].items())
        print(f"{setting_name}, round {len(rows)}, {one.name}: {shown} images/s", file=sys.stderr)


def median(rows: list[dict[str, float]], clock: str) -> float:
    return statistics.median(row[clock] for row in rows)


def ratio(ours: list[dict[str, float]], plain: list[dict[str, float]], clock: str) -> dict[str, float]:
    """Of the rounds' images per second: the median, the least and the most."""
    ratios = [one[clock] / other[clock] for one, other in zip(ours, plain, strict=True)]
    return {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def compared(setting_name: str, measured: dict[str, list[dict[str, float]]], show: bool) -> dict:
    ours = next(name for name in measured if name.startswith("ours"))
    plains = [name for name in measured if name != ours]
    result: dict = {"rounds": measured}
    for clock in measured[ours][0]:
        best = max(plains, key=lambda name: median(measured[name], clock))
        result[clock] = {
            "plain": median(measured[best], clock),
            "best plain": best,
            "ours": median(measured[ours], clock),
            "ratio": ratio(measured[ours], measured[best], clock),
        }
        shown = result[clock]
        if show:
            print(
                f"{setting_name}, by {clock} time: plain {shown['plain']:.1f} ({best}), ours {shown['ours']:.1f} images/s, "
                f"ratio {shown['ratio']['median']:.2f} (n {len(measured[ours])}, {shown['ratio']['least']:.2f} to "
                f"{shown['ratio']['most']:.2f})"
            )
    return result


def levered(setting_name: str, measured: dict[str, list[dict[str, float]]], show: bool) -> dict:
    result: dict = {"rounds": measured, "steps": []}
    before = None
    for name, rows in measured.items():
        step = {"name": name, "images per second": median(rows, "processor")}
        if before is not None:
            step["ratio"] = ratio(rows, before, "processor")
        before = rows
        result["steps"].append(step)
        gained = f", x {step['ratio']['median']:.2f}" if "ratio" in step else ""
        if show:
            print(f"{setting_name}, {name}: {step['images per second']:.1f} images/s{gained}")
    return result


def stored() -> dict:
    return json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}


def finish(key: str, result: dict, arguments: argparse.Namespace) -> None:
    """Store a result, unless that is not wanted."""
    if arguments.no_write:
        return
    about = describe_device(CPU)
    result["about"] = {
        "command": f"python -m benchmarks.child_training {shlex.join(sys.argv[1:])}".strip(),
        "date": date.today().isoformat(),
        "processor": about["name"],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load before": os.getloadavg()[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
        "images": "a prepared data set" if arguments.images else "random bytes",
        "n": min(len(rows) for rows in result["rounds"].values()),
    }
    results = {**stored(), key: result}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--images", type=Path, help="the folder of a prepared data set; default: random bytes")
    parser.add_argument(
        "--plain", choices=("both", "threads", "processes"), default="both",
        help="threads of one process wait for each other, so on a busy machine they lose much; default: the better",
    )  # fmt: skip
    parser.add_argument("--levers", action="store_true")
    parser.add_argument("--one-process", action="store_true")
    parser.add_argument("--add", action="store_true", help="to the rounds that were measured before")
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    arrangements = comparison(arguments.cores, arguments.plain)
    for name in [arguments.setting] if arguments.setting else SETTINGS:
        key = name + ", levers" * arguments.levers + ", one process" * arguments.one_process
        measured = stored().get(key, {}).get("rounds", {}) if arguments.add else {}
        judged = levered if arguments.levers else compared
        if arguments.one_process:
            # What keeps memory keeps it for the whole process: those loops come when the others are done.
            chosen = ladder() if arguments.levers else [Arrangement("plain", 1, 1, ()), Arrangement("ours", 1, 1, None)]
            keeping = [one for one in chosen if one.levers is None or "kept memory" in one.levers]
            if arguments.levers:
                in_one_process(measured, chosen[: -len(keeping)], name, arguments.images, arguments.rounds)
                chosen = keeping
            in_one_process(measured, chosen, name, arguments.images, arguments.rounds)
            finish(key, judged(name, measured, True), arguments)
            continue
        for number in range(1, arguments.rounds + 1):
            another_round(measured, ladder() if arguments.levers else arrangements, name, arguments.images)
            finish(key, judged(name, measured, number == arguments.rounds), arguments)


if __name__ == "__main__":
    main()

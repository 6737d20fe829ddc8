"""The GPU benchmark runs without Django, and says so where there is no GPU."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHOUT_DJANGO = (
    "import sys, runpy; sys.modules['django'] = None; runpy.run_module('benchmarks.gpu', run_name='__main__')"
)


def run(*options):
    command = [sys.executable, "-c", WITHOUT_DJANGO, *options]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


def test_without_a_gpu_one_line_says_so():
    done = run()
    assert done.returncode == 2
    assert done.stderr.startswith("Nothing was measured: ") and done.stderr.count("\n") == 1 and "no GPU" in done.stderr


def test_it_compares_every_loop_and_trains_whole_children():
    done = run("--device", "cpu", "--quick", "--rounds", "1", "--children", "", "--no-write")
    assert done.returncode == 0, done.stderr
    for name in ("plain", "+ batch augmentation", "+ flat SGD", "+ channels last", "+ bfloat16", "ours"):
        assert f"{name}: " in done.stdout
    assert "a child of 2 epochs of 80 images" in done.stdout

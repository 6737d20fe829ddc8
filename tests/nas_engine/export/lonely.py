"""Running a bundle's files in a world where of all third-party packages only those that torch brings along exist."""

import subprocess
import sys

PROGRAM = """
import importlib.abc, pathlib, runpy, sys, sysconfig

ALLOWED = {allowed!r}
SITE = pathlib.Path(sysconfig.get_paths()["purelib"])

class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        here = any(SITE.glob(top)) or any(SITE.glob(top + ".py")) or any(SITE.glob(top + ".*.so"))
        if top in {refused!r} or (here and top not in ALLOWED):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Wall())
sys.path.insert(0, ".")
sys.argv = [{script!r}, *sys.argv[1:]]
runpy.run_path({script!r}, run_name="__main__")
"""
# What pip install torch safetensors brings along.
TORCH_NEEDS = {
    "torch", "safetensors", "typing_extensions", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "fsspec",
    "filelock", "functorch", "torchgen", "triton", "nvidia",
}  # fmt: skip
OURS = {"nas_engine", "webapp", "tasks"}


def run_lonely(folder, script, *arguments, also=("PIL",)):
    """Run a script of ``folder``, whose files can be imported, with ``arguments``."""
    program = PROGRAM.format(allowed=TORCH_NEEDS | set(also), refused=OURS, script=str(script))
    command = [sys.executable, "-I", "-c", program, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)

"""Who may import whom: the layers of docs/architecture.md, and a web process that never loads torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The only code that may load torch when it is imported. Everything else is imported by the web process, or could be.
TORCH_USERS = (
    "nas_engine.networks",
    "nas_engine.training",
    "nas_engine.evaluators",
    "nas_engine.export.full_bundle",
    "nas_engine.export.onnx_file",
    "nas_engine.strategies.bayesian",
    "nas_engine.strategies.checkpoint",
    "nas_engine.strategies.attention",
    "nas_engine.strategies.controller",
    "nas_engine.strategies.decoding",
    "nas_engine.strategies.policy_gradient",
    "nas_engine.strategies.ppo",
    "nas_engine.strategies.reinforce",
    "nas_engine.strategies.surrogate",
)
# These load torch, or something nearly as heavy; a page or a command must not wait for them.
HEAVY = ("torch", "torchvision", "sklearn", "scipy", "pandas", "matplotlib")
PICKLERS = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")


def modules() -> list[str]:
    files = [file for package in ("nas_engine", "tasks", "webapp") for file in (ROOT / package).rglob("*.py")]
    names = {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files}
    return sorted(name for name in names if name != "webapp.wsgi")  # a second application of the same settings


def loads_torch(name: str) -> bool:
    return any(name == user or name.startswith(f"{user}.") for user in TORCH_USERS)


def run(script: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)


def test_the_layers_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_and_all_it_stands_on_load_no_torch():
    torch_free = [name for name in modules() if not loads_torch(name)]
    assert {"webapp.urls", "tasks.search", "nas_engine.search", "nas_engine.blueprint"} < set(torch_free)
    done = run(
        "import importlib, os, sys\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.django_settings'\n"
        "import django\n"
        "django.setup()\n"
        f"for name in {torch_free!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = [one for one in {HEAVY!r} if one in sys.modules]\n"
        "    assert not heavy, f'{name} loads {heavy}'\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", TORCH_USERS)
def test_the_list_of_torch_users_is_not_stale(name):
    path = ROOT / Path(*name.split("."))
    files = list(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    assert any("torch" in imported(file) for file in files), f"{name} loads no torch: strike it off the list"


def imported(file: Path) -> set[str]:
    """Top-level names of what a file imports when it is imported (imports inside functions left out)."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_the_module_that_ships_with_every_model_needs_torch_alone():
    ours = imported(ROOT / "nas_engine" / "networks" / "model.py")
    assert "torch" in ours and ours - {"torch"} <= sys.stdlib_module_names


@pytest.mark.parametrize("package", ["nas_engine", "tasks", "webapp"])
def test_nothing_of_ours_pickles(package):
    """Whoever can write a pickle runs code where it is read. JSON and safetensors only."""
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            assert not _pickles(node), f"{file.relative_to(ROOT)}:{node.lineno}"


def _pickles(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in PICKLERS for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in PICKLERS
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "torch" and node.attr in ("load", "save")
    return isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", True)


def test_the_search_for_pickles_finds_them():
    for code in ("import pickle", "from joblib import load", "torch.load(f)", "np.load(f, allow_pickle=True)"):
        assert any(_pickles(node) for node in ast.walk(ast.parse(code))), code
    assert not any(_pickles(node) for node in ast.walk(ast.parse("np.load(f, allow_pickle=False)")))

"""Every search space under the strategies that the papers use, trained for real: seconds, on a hundred digits."""

import html
import io
import re
import zipfile

import pytest
import torch
from django.conf import settings
from django.test import Client

from nas_engine import catalog
from nas_engine.datasets import prepare, read_info
from nas_engine.networks.model import load
from nas_engine.search_config import read_search
from tasks import live
from tests.tasks.small_spaces import STRATEGIES, small_search
from tests.webapp import seeding
from webapp.models import Search, Trial
from webapp.services.owner import local_owner
from webapp.services.searches import create_search


@pytest.fixture
def digits(transactional_db):
    """The data set's row, its images prepared once."""
    folder = settings.DATASETS_DIR / "digits"
    if not folder.exists():
        prepare("digits", "Digits", {"kind": "digits"}, folder, folder, lambda fraction, text: None)

    row = seeding.dataset()
    row.fingerprint = read_info(folder).fingerprint
    row.save()
    return row


@pytest.fixture
def searched(digits, queue):
    """searched(space, strategy) -> the ended search."""

    def run(space: str, strategy: str) -> Search:
        live.forget()
        search = create_search(read_search(small_search(space, strategy)), local_owner())
        queue.deliver()
        search.refresh_from_db()
        return search

    yield run
    live.forget()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("space", list(catalog.SPACES))
def test_a_small_search_runs_to_its_end(searched, space, strategy):
    search = searched(space, strategy)
    trials = list(search.trials.order_by("number"))
    assert search.state == Search.State.FINISHED, [search.reason, [trial.error for trial in trials]]
    assert len(trials) == 2
    for trial in trials:
        assert trial.state in Trial.MEASURED, trial.error
        assert trial.params > 0 and trial.macs > 0 and 0 <= trial.valid_accuracy <= 1 and trial.latency > 0
    if strategy in ("ppo", "reinforce"):
        assert search.updates.count() == 1


@pytest.mark.parametrize("space", [name for name in catalog.SPACES if name not in ("enas", "darts", "listed")])
def test_what_was_found_has_its_pages_and_can_be_taken_home(searched, space, tmp_path):
    search = searched(space, "random")
    client = Client()
    client.force_login(local_owner())
    kept = search.trials.get(weights__isnull=False)
    pages = [
        f"/searches/{search.pk}/", f"/searches/{search.pk}/trials/{kept.number}/", f"/cells/{kept.cell_id}/",
        "/leaderboard/", "/leaderboard/?view=positions", "/leaderboard/?view=parallel", "/", "/searches/",
        f"/searches/new/?clone={search.pk}",
    ]  # fmt: skip
    for page in pages:
        response = client.get(page)
        assert response.status_code == 200, page
        assert b'class="thumb"' in response.content or "cells" in page, page
    for kind in ("both", kept.cell.cells[0]["kind"]):
        drawn = client.get(f"/cells/{kept.cell_id}/{kind}.svg")
        assert drawn.status_code == 200 and drawn.content.startswith(b"<svg"), kind
    links = re.findall(
        r'(?:href|src)="(/(?!static/|log)[^"#]+)', client.get(f"/cells/{kept.cell_id}/").content.decode()
    )
    for link in {html.unescape(link) for link in links}:
        assert client.get(link).status_code in (200, 302), link
    bundle = client.get(f"/trials/{kept.pk}/bundle.zip")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(bundle.streaming_content) if bundle.streaming else bundle.content))
    assert {"weights.safetensors", "architecture.json", "model.py"} <= set(archive.namelist())
    archive.extract("weights.safetensors", tmp_path)
    network = load(tmp_path / "weights.safetensors")
    assert sum(parameter.numel() for parameter in network.parameters()) == kept.params
    assert network(network.preprocess(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))).shape == (2, 10)

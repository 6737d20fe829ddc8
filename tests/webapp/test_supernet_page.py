"""The page of a weight-sharing search: what its supernet tells, epoch by epoch, and how far its scores can be trusted."""

import json
from dataclasses import asdict, replace

import pytest

from nas_engine import zoo
from nas_engine.config import as_dict
from nas_engine.evaluators.supernet.presets import read_supernet
from nas_engine.evaluators.supernet.records import EpochRecord
from nas_engine.search_config import read_search
from nas_engine.significance import agreement
from tests.webapp import seeding
from webapp.figures import supernet as figures
from webapp.forms.search import SearchForm
from webapp.models import CostPreview, SupernetEpoch, SupernetRun

OPERATIONS = ["none", "max_pool_3x3", "identity", "sep_conv_3x3"]
EDGES = [[0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
CONFIG = {
    "name": "Shared",
    "evaluator": "supernet",
    "evaluator_config": as_dict(read_supernet({"method": "darts"})),
    "skeleton": {"dialect": "darts", "layers": 3, "filters": 8},
    "budget": {"trials": 6},
}


def record(epoch: int, **changes) -> dict:
    weights = [[0.1, 0.2, 0.3, 0.4] for _ in EDGES]
    cells = [cell.as_json() for cell in zoo.get("darts-v2").cells]
    made = EpochRecord(
        epoch=epoch, epochs=5, learning_rate=0.02, train_loss=2.0 / epoch, train_accuracy=0.5, valid_loss=2.1 / epoch,
        valid_accuracy=0.6, seconds=3.0, images_per_second=90.0, memory=1, mixture={"normal": weights, "reduction": weights},
        edges=EDGES, operations=OPERATIONS, skips=2, skip_places=8,
        derived={"architecture": {}, "cells": cells, "supernet_score": 0.6},
    )  # fmt: skip
    return asdict(replace(made, **changes))


@pytest.fixture
def run(db):
    search = seeding.search(CONFIG, state="running", strategy="darts", ended=None)
    run = SupernetRun.objects.create(search=search, state="running", epoch=2, epochs=5, worker="train-0@elm")
    for epoch in (1, 2):
        SupernetEpoch.objects.create(run=run, number=epoch, record=record(epoch))
    return run


def data(text: str, name: str) -> dict:
    start = text.index(">", text.index(f'id="figure-{name}"')) + 1
    return json.loads(text[start : text.index("</script>", start)])


def test_the_page_shows_progress_losses_weights_and_the_derived_cells(signed_in, run):
    text = signed_in.get(f"/searches/{run.search_id}/").content.decode()
    assert "DARTS: epoch 3 of 5" in text and "3\u00a0s an epoch" in text and "9\u00a0s left" in text
    assert data(text, "shared-loss")["data"][1]["y"] == [2.1, 1.05]
    heat = data(text, "shared-normal")
    assert len([trace for trace in heat["data"] if trace["type"] == "heatmap"]) == len(OPERATIONS)
    assert set(data(text, "derived")) == {"normal", "reduction"}
    assert 'max="2"' in text and "0 of 6 derived cells" in text.replace("<b>0</b>", "0")


def test_before_the_first_epoch_it_says_what_will_come(signed_in, db):
    search = seeding.search(CONFIG, state="queued", strategy="darts", ended=None)
    text = signed_in.get(f"/searches/{search.pk}/").content.decode()
    assert "not begun" in text and "appear after the first epoch" in text


def test_an_alarm_stands_on_the_page(signed_in, run):
    words = "Skip connections are taking over: 6 of the 8 operations of the normal cell."
    SupernetEpoch.objects.create(run=run, number=3, record=record(3, alarm=words, skips=6))
    text = signed_in.get(f"/searches/{run.search_id}/").content.decode()
    assert 'id="skip-alarm"' in text and words in text


def test_an_earlier_epoch_can_be_looked_at(signed_in, run):
    answer = signed_in.get(f"/searches/{run.search_id}/supernet/1/").json()
    assert set(answer["figures"]) == {"normal", "reduction"} and set(answer["cells"]) == {"normal", "reduction"}
    assert signed_in.get(f"/searches/{run.search_id}/supernet/9/").status_code == 404


def test_scores_stand_beside_training_alone_and_never_in_its_place(signed_in, run):
    SupernetRun.objects.filter(pk=run.pk).update(state="finished")
    rows = seeding.measured(run.search, 6)
    for at, trial in enumerate(sorted(rows, key=lambda trial: trial.valid_accuracy)):
        trial.info = {"supernet_score": 0.2 + at / 100}
        trial.save(update_fields=["info"])
    text = signed_in.get(f"/searches/{run.search_id}/").content.decode()
    assert "Over 6 derived cells the two orders agree with Kendall’s τ = <b>1.00</b>" in text
    board = signed_in.get("/leaderboard/").content.decode()
    assert "20.00" not in board, "a supernet's score is no result"


def test_agreement_of_two_orders():
    assert agreement([1, 2, 3], [1, 2, 3]).tau == 1 and agreement([1, 2, 3], [3, 2, 1]).tau == -1
    assert agreement([1, 1, 1], [1, 2, 3]) is None and agreement([1], [2]) is None
    some = agreement([1, 2, 3, 4, 5, 6], [2, 1, 3, 4, 6, 5])
    assert some.tau == pytest.approx(11 / 15) and some.low <= some.tau <= some.high and some.n == 6
    assert agreement([1, 2, 3], [1, 3, 2]).low is None, "three pairs say nothing of an interval"


def test_methods_without_mixtures_draw_none():
    assert figures.mixture(record(1, mixture={}), "normal") is None
    assert figures.losses([]) is None and figures.skips([], 0.5) is None and figures.scores([]) is None


def test_the_form_offers_to_time_a_supernet_and_hides_what_its_method_decides(signed_in, db):
    seeding.dataset()
    form = signed_in.get("/searches/new/?preset=darts").content.decode()
    assert "Weights of the supernet" in form and 'name="evaluator_config.supernet.alphas.order"' in form
    typed = SearchForm.from_config(read_search(CONFIG)).typed | {"start": "darts", "based_on": "darts", "time": "1"}
    panel = signed_in.post("/searches/new/preview/", typed).content.decode()
    preview = CostPreview.objects.get()
    assert preview.cell is None and f'id="cost-{preview.pk}"' in panel and "waits for a train worker" in panel

"""Editing whole networks by the decisions of their space: what a change costs, and how the network is kept or trained."""

import json
import random
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.models import CellRecord, Search, Trial
from webapp.results import deciding

SPACES = ("mnasnet", "nas", "enas_macro", "randwire")
CONFIGS = {"mnasnet": {"base": "small"}, "randwire": {"nodes": 9}, "enas_macro": {"layers": 4}, "nas": {"layers": 4}}


def config(space: str) -> dict:
    return seeding.SMALL | {"space": space, "space_config": CONFIGS[space], "skeleton": {"filters": 8}}


def data_of(response) -> dict:
    text = response.content.decode()
    return json.loads(re.search(r'<script id="edited" type="application/json">(.*?)</script>', text, re.S)[1])


def line(trial: Trial) -> str:
    return "-".join(map(str, trial.choices))


def first_change(search: Search, trial: Trial) -> tuple[int, int]:
    """(decision, option) that makes another network of the trial's, one that can be built."""
    wanted = read_search(search.config)
    space = wanted.build_space()
    architecture = space.from_line(line(trial))
    for at, choice in enumerate(space.choices):
        for option in range(len(choice.options)):
            if option != trial.choices[at] and space.matters(architecture)[at]:
                made = deciding.edited(space, architecture, [f"{at}={option}"])
                if space.key(made) != space.key(architecture):
                    return at, option
    raise AssertionError("every change leads to the same network")


def changed(trial: Trial) -> list[int]:
    at, option = first_change(trial.search, trial)
    return [option if place == at else taken for place, taken in enumerate(trial.choices)]


@pytest.fixture(params=SPACES)
def trial(request, owner):
    search = seeding.search(config(request.param))
    return seeding.measured(search, 6)[2]


def test_a_change_shows_in_costs_drawing_address_and_hash(signed_in, trial):
    address = f"/searches/{trial.search_id}/edit/"
    before = data_of(signed_in.get(address, {"from": line(trial)}))
    assert before["line"] == line(trial) and set(before["layouts"]) == set(before["groups"])
    at, option = first_change(trial.search, trial)
    response = signed_in.get(f"{address}live/", {"cells": line(trial), "from": line(trial), "set": f"{at}={option}"})
    after, text = data_of(response), response.content.decode()
    assert "1 decision changed" in text and trial.cell.short not in re.search(r'class="hash".*?</code>', text)[0]
    assert after["line"].split("-")[at] == str(option)
    assert (after["network"], after["layouts"]) != (before["network"], before["layouts"])
    again = signed_in.get(address, {"cells": line(trial), "from": line(trial), "set": f"{at}={option}"})
    assert parse_qs(urlsplit(again.url).query) == {"cells": [after["line"]], "from": [line(trial)]}


def test_every_group_that_a_node_is_about_is_on_the_page(signed_in, trial):
    response = signed_in.get(f"/searches/{trial.search_id}/edit/", {"from": line(trial)})
    text, groups = response.content.decode(), data_of(response)["groups"]
    named = {group for nodes in groups.values() for group in nodes.values() if group}
    assert named and all(f'id="{group}"' in text for group in named)


def test_training_it_is_a_search_of_exactly_this_network_under_the_same_protocol(signed_in, trial):
    choices = changed(trial)
    body = {"cells": "-".join(map(str, choices)), "from": line(trial)}
    response = signed_in.post(f"/searches/{trial.search_id}/edit/train/", body)
    made = Search.objects.latest("pk")
    assert response.url == f"/searches/{made.pk}/" and made.protocol == trial.search.protocol
    wanted = read_search(made.config)
    space = wanted.build_space()
    proposed = wanted.build_strategy(space).ask(0).architecture
    assert list(space.fitted(proposed, 0).choices) == choices and wanted.budget.trials == 1


def test_keeping_it_makes_its_page_and_training_it_fully_opens_the_form(signed_in, trial):
    choices = changed(trial)
    body = {"cells": "-".join(map(str, choices)), "from": line(trial)}
    kept = signed_in.post(f"/searches/{trial.search_id}/edit/keep/", body)
    record = CellRecord.objects.latest("created")
    assert kept.url == f"/cells/{record.key}/" and signed_in.get(kept.url).status_code == 200
    form = signed_in.post(f"/searches/{trial.search_id}/edit/keep/", body | {"train": ""})
    assert form.url == f"/trainings/new/?cell={record.key}" and signed_in.get(form.url).status_code == 200


def test_the_cells_page_leads_here_and_similar_networks_are_listed_nearest_first(signed_in, trial):
    text = signed_in.get(f"/cells/{trial.cell_id}/").content.decode()
    address = re.search(r'href="(/searches/\d+/edit/\?from=[\d-]+)"', text)[1]
    assert address == f"/searches/{trial.search_id}/edit/?from={line(trial)}"
    shown = signed_in.get(address).content.decode()
    distances = [int(found) for found in re.findall(r'<td class="num">(\d+)</td>', shown)]
    others = trial.search.trials.exclude(pk=trial.pk).values_list("choices", flat=True)
    assert distances == sorted(deciding.apart(trial.choices, choices) for choices in others)
    assert f"{100 * trial.valid_accuracy:.2f}" in shown  # measured already


@pytest.mark.parametrize("edit", ["0=99", "999=0", "nonsense", "0=-1"])
def test_an_edit_there_is_not_is_refused_and_nothing_lost(signed_in, owner, edit):
    trial = seeding.measured(seeding.search(config("nas")), 1)[0]
    response = signed_in.get(f"/searches/{trial.search_id}/edit/", {"cells": line(trial), "set": edit})
    assert response.status_code == 400 and "The network is as it was." in response.content.decode()
    assert data_of(response)["line"] == line(trial)


@pytest.mark.parametrize("cells", ["", "1-2", "x", "0-0-0-0-0-0-0-0-0-0-0-0-99"])
def test_an_address_that_is_no_network_is_not_found(signed_in, owner, cells):
    trial = seeding.measured(seeding.search(config("nas")), 1)[0]
    assert signed_in.get(f"/searches/{trial.search_id}/edit/", {"cells": cells}).status_code == 404


def test_searches_of_stacked_cells_are_edited_elsewhere(signed_in, owner):
    trial = seeding.measured(seeding.search(), 1)[0]
    assert signed_in.get(f"/searches/{trial.search_id}/edit/", {"cells": line(trial)}).status_code == 404


def test_a_network_deeper_than_the_space_begins_with_is_not_queued_as_a_trial(signed_in, owner):
    growing = config("nas") | {"space_config": {"layers": 6, "start": 4, "grow_by": 2}}
    search = seeding.search(growing)
    space = read_search(search.config).build_space()
    architecture = space.fitted(space.sample(random.Random(0)), 10**6)
    assert architecture.choices[0] == 1
    made = seeding.trial(search, 1, architecture)
    text = signed_in.get(f"/searches/{search.pk}/edit/", {"from": line(made), "cells": line(made)}).content.decode()
    assert "Train this" not in text and "Train fully" in text


def test_limits_that_an_edit_breaks_are_named(signed_in, owner):
    search = seeding.search(config("mnasnet") | {"limits": {"max_params": 0.000001}})
    trial = seeding.measured(search, 1)[0]
    text = signed_in.get(f"/searches/{search.pk}/edit/", {"from": line(trial)}).content.decode()
    assert "broken" in text and "more than 1e-06 M" in text

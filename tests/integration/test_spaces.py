"""Every search space under the strategies that the papers use, by the product's own workers through Celery."""

import json
from itertools import product

from nas_engine import catalog
from tests.tasks.small_spaces import STRATEGIES, small_search

START = """[
    __import__("webapp.services.searches", fromlist=["_"]).create_search(
        __import__("nas_engine.search_config", fromlist=["_"]).read_search(config),
        __import__("webapp.services.owner", fromlist=["_"]).local_owner(),
    ).pk
    for config in json.loads({configs!r})
]""".replace("\n", " ")


def test_every_space_is_searched_by_every_kind_of_strategy(server):
    running = server(TRAIN_WORKERS="2")
    running.start()
    running.wait(lambda: running.ask("list(Dataset.objects.values_list('state', flat=True))") == ["ready"], "digits")
    configs = [small_search(space, strategy) for space, strategy in product(catalog.SPACES, STRATEGIES)]
    started = running.ask(START.format(configs=json.dumps(configs)))
    assert len(started) == len(configs)
    running.wait(lambda: running.ask("Search.objects.filter(state__in=Search.ACTIVE).count()") == 0, "the last search")
    ended = (
        "[[s.name, s.state, s.reason, s.trials.filter(state__in=Trial.MEASURED).count()] for s in Search.objects.all()]"
    )
    for name, state, reason, measured in running.ask(ended):
        assert (state, measured) == ("finished", 2), f"{name}: {reason}"

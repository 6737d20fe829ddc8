"""Starting the searches of a comparison together, and stopping them together."""

from django.db import transaction

from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig
from webapp.models import Comparison, Search
from webapp.services.searches import create_search, stop_search


def create_comparison(name: str, configs: list[SearchConfig], owner) -> Comparison:
    """Store the searches and have them begin: all of them, or none. Raises ConfigError as ``create_search`` does."""
    with transaction.atomic():
        comparison = Comparison.objects.create(name=name, owner=owner)
        for config in configs:
            create_search(config, owner, comparison)
    return comparison


def stop_comparison(comparison: Comparison) -> int:
    """End those of its searches that have not ended; returns how many."""
    stopped = 0
    for search in comparison.searches.exclude(state__in=Search.ENDED).defer("strategy_state"):
        try:
            stop_search(search)
        except ConfigError:  # it ended by itself meanwhile
            continue
        stopped += 1
    return stopped

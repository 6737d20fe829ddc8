"""Where a new search starts from: the presets, the person's last search, or the one being cloned."""

from dataclasses import dataclass

from django.http import Http404

from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig, read_search
from nas_engine.search_presets import SEARCHES, SHARING
from webapp.models import Search

FIRST = "laptop-demo"


@dataclass(frozen=True)
class Start:
    """``slug`` names it in the URL and the form: a preset's name, or "search-7". ``sharing``: it trains a supernet."""

    slug: str
    label: str
    about: str
    sharing: bool = False


def starts(user, chosen: str) -> list[Start]:
    """What to offer: every preset, the user's last search, and ``chosen`` if it is another search."""
    offered = [Start(slug, preset.label, preset.about, slug in SHARING) for slug, preset in SEARCHES.items()]
    last = Search.objects.filter(owner=user).order_by("-id").first()
    if last:
        offered.append(Start(f"search-{last.pk}", "My last search", last.name))
    if chosen not in {start.slug for start in offered}:
        search = _search(chosen)
        offered.append(Start(chosen, "A copy", search.name))
    return offered


def config_of(slug: str) -> SearchConfig:
    """The configuration a start stands for. Raises Http404 if there is no such start."""
    if slug in SEARCHES:
        return read_search(SEARCHES[slug].data)
    try:
        return read_search(_search(slug).config)
    except ConfigError as error:
        raise Http404(f"This search was made by another version and cannot be copied: {error}") from None


def _search(slug: str) -> Search:
    number = slug.removeprefix("search-")
    search = Search.objects.filter(pk=int(number)).first() if number.isdigit() and len(number) < 10 else None
    if search is None:
        raise Http404("There is no such preset or search.")
    return search

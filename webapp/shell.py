"""What the frame around every page needs."""

from django.urls import reverse

from nas_engine import __version__
from webapp.models import FullTraining, Search

# In the order of their cascade layers; tokens.css names that order and comes first.
STYLESHEETS = [
    f"css/{name}.css"
    for name in (
        *("tokens", "base", "layout", "parts", "diagram", "plot"),
        *("shell", "pieces", "home", "cell", "difference", "edit", "search", "leaderboard", "compare", "library"),
        *("models", "api", "quiet"),
        "print",
    )
]
THEMES = ("light", "dark")
SECTIONS = (
    ("home", "Home"),
    ("searches", "Searches"),
    ("leaderboard", "Leaderboard"),
    ("compare", "Compare"),
    ("models", "Models"),
    ("datasets", "Data sets"),
    ("workers", "Workers"),
)


def frame(request) -> dict:
    """Context processor: navigation, theme, how much is under way."""
    theme = request.COOKIES.get("theme")
    user = getattr(request, "user", None)
    inside = user is not None and user.is_authenticated
    return {
        "theme": theme if theme in THEMES else "system",
        "release": __version__,
        "stylesheets": STYLESHEETS,
        "sections": _sections() if inside else [],
        "running": _running,  # called where the bar is drawn
    }


def _running() -> int:
    """Searches and full trainings under way."""
    searches = Search.objects.filter(state__in=Search.ACTIVE).count()
    return searches + FullTraining.objects.filter(state__in=FullTraining.ACTIVE).count()


def _sections() -> list[dict]:
    return [{"name": name, "label": label, "url": reverse(name)} for name, label in SECTIONS]

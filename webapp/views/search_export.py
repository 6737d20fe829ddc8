"""A whole search as one HTML file that opens from disk: nothing in it asks any server for anything."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from webapp.diagrams.svg import cell_svg
from webapp.models import Trial
from webapp.plotly_build import plotly_folder
from webapp.shell import STYLESHEETS
from webapp.templatetags.cells import cells_of
from webapp.views.downloads import attachment, safe_name
from webapp.views.search_page import SearchPage
from webapp.views.search_settings import one_line, settings_of_search
from webapp.views.searches import find

MOST_ROWS = 5_000  # trials in the file's table, the best; the plots hold what the page's hold
LOG_LINES = 1_000


def search_html(request, pk):
    """The file. Its size is that of the plots' script, 1.5 MB, and about 200 bytes a trial."""
    search = find(pk)
    page = SearchPage(search)
    rows = search.trials.exclude(state__in=Trial.OPEN).select_related("cell").only(
        "number", "state", "cell__name", "valid_accuracy", "reward", "params", "macs", "latency", "seconds", "error"
    )  # fmt: skip
    context = {
        "search": search,
        "page": page,
        "one_line": one_line(search),
        "settings": settings_of_search(search),
        "rows": rows.order_by("-valid_accuracy", "number")[:MOST_ROWS],
        "most": MOST_ROWS,
        "drawings": [(one, _drawing(one["record"])) for one in page.best_cells],
        "lines": search.log.order_by("-id")[:LOG_LINES],
        "styles": _styles(),
        "plotly": _script(plotly_folder() / "plotly.min.js"),
        "plots": _script(settings.BASE_DIR / "static" / "js" / "plots.js"),
        "theme": request.COOKIES.get("theme", ""),
    }
    response = HttpResponse(render_to_string("searches/export.html", context))
    response["Content-Disposition"] = attachment(f"search-{pk}-{safe_name(search.name)}.html")
    return response


def _drawing(record) -> SafeString:
    return mark_safe(cell_svg(cells_of(record), str(record)))


@cache
def _styles() -> SafeString:
    """All sheets in the order of their layers. None of them names a file."""
    texts = ((settings.BASE_DIR / "static" / name).read_text(encoding="utf-8") for name in STYLESHEETS)
    return mark_safe("\n".join(texts).replace("</", "<\\/"))


@cache
def _script(path: Path) -> SafeString:
    """A script's text, so written that nothing in it ends the element it stands in."""
    return mark_safe(path.read_text(encoding="utf-8").replace("</script", "<\\/script"))

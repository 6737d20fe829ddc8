"""What the bar on every page does: the theme, and the jump to a cell, a search or a data set."""

from django.http import HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from webapp.shell import THEMES

YEAR = 365 * 24 * 3600


@require_POST
def theme(request):
    """Keep the chosen theme in a cookie and go back."""
    choice = request.POST.get("theme")
    if choice not in (*THEMES, "system"):
        return HttpResponseBadRequest(f"theme: write one of {', '.join(THEMES)} or system.")
    response = HttpResponseRedirect(back(request))
    response.set_cookie("theme", choice, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return response


def back(request) -> str:
    """Where the request came from, if that is a page of ours."""
    wanted = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if here else "/"

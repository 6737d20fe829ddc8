"""When a request fails: what happened, and what to do."""

import logging
import secrets

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.template import loader
from django.views.decorators.csrf import requires_csrf_token

from nas_engine import __version__
from webapp.shell import STYLESHEETS

log = logging.getLogger(__name__)


@requires_csrf_token
@login_not_required
def bad_request(request, exception=None):
    return render(request, "errors/400.html", status=400)


@requires_csrf_token
@login_not_required
def forbidden(request, exception=None):
    return render(request, "errors/403.html", status=403)


@requires_csrf_token
@login_not_required
def not_found(request, exception=None):
    return render(request, "errors/404.html", {"path": request.path}, status=404)


@requires_csrf_token
@login_not_required
def csrf_failure(request, reason=""):
    """The form's token does not belong to this session: signed in anew in another tab, or the form is old."""
    log.warning("Form refused at %s: %s", request.path, reason)
    return render(request, "errors/csrf.html", status=403)


@login_not_required
def server_error(request):
    """Rendered without the frame's context: what broke may be what the frame needs. The traceback stands in the log."""
    reference = secrets.token_hex(4)
    log.error("Reference %s: %s %s failed; its traceback is the one above.", reference, request.method, request.path)
    context = {"reference": reference, "stylesheets": STYLESHEETS, "release": __version__}
    return HttpResponse(loader.render_to_string("errors/500.html", context), status=500)

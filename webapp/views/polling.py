"""Fragments that live.js asks for again and again: sent only when what they show has changed."""

import hashlib
import json

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.shortcuts import render

OVER = 286  # live.js takes the fragment and asks no more


def version_of(shown) -> str:
    """A short name for plain data; equal data have equal names."""
    text = json.dumps(shown, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def fragment(request, template: str, context: dict) -> HttpResponse:
    """204 if the page shows ``context["version"]`` already, else the fragment with it in X-Version."""
    if request.GET.get("since") == context["version"]:
        response = HttpResponse(status=204)
    else:
        response = render(request, template, context)
    response["X-Version"] = context["version"]
    response["Cache-Control"] = "no-store"
    return response

"""The API page: tokens of the signed-in person, and what the API has to offer."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.api.v1 import api
from webapp.models import ApiToken
from webapp.services import tokens as service


def api_page(request):
    return _page(request)


@never_cache
@require_POST
def token_issue(request):
    """Make a token and show it, this once; so the answer is the page itself and no redirect."""
    name = request.POST.get("name", "")
    try:
        row, token = service.issue(request.user, name)
    except ConfigError as error:
        return _page(request, status=422, problems=error.problems, typed=name)
    return _page(request, made=row, token=token)


@require_POST
def token_take_back(request, pk: int):
    name = service.take_back(request.user, pk)
    if name is None:
        raise Http404("You have no such token.")
    messages.success(request, f"{name} was taken back. Programs that use it are refused from now on.")
    return redirect("api")


def _page(request, status: int = 200, **more):
    context = {
        "tokens": ApiToken.objects.filter(user=request.user),
        "groups": reference(),
        "address": request.build_absolute_uri(reverse("api-v1:openapi")).removesuffix("openapi.json"),
    }
    return render(request, "api.html", context | more, status=status)


def reference() -> dict[str, list[dict]]:
    """The API's operations by tag, as its own description has them."""
    schema, groups = api.get_openapi_schema(path_prefix="/"), {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            parts = schema["components"]["schemas"]
            entry = {
                "method": method.upper(),
                "path": path.removeprefix("/"),
                "summary": operation["summary"],
                "query": [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"],
                "body": _fields(operation, parts),
            }
            groups.setdefault(operation["tags"][0], []).append(entry)
    return groups


def _fields(operation: dict, parts: dict) -> list[dict]:
    """The fields a request's JSON body may hold."""
    body = operation.get("requestBody")
    if body is None:
        return []
    name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    wanted = parts[name].get("required", ())
    return [
        {"name": field, "needed": field in wanted, "about": about.get("description", "")}
        for field, about in parts[name]["properties"].items()
    ]

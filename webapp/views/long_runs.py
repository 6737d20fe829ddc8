"""What the pages of a search and of a full training do alike: hand out log and settings, obey a button."""

import json

from django.contrib import messages
from django.http import HttpResponse

from nas_engine.errors import ConfigError


def log_as_text(lines) -> HttpResponse:
    """The whole log, oldest first, as text; times in UTC."""
    entries = lines.order_by("id").values_list("time", "text")
    text = "".join(f"{time:%Y-%m-%d %H:%M:%S}  {words}\n" for time, words in entries.iterator())
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def config_as_file(config: dict, filename: str) -> HttpResponse:
    """Settings as a JSON file that ``manage.py`` takes."""
    response = HttpResponse(json.dumps(config, indent=2, ensure_ascii=False), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def act(request, found, action, done: str) -> None:
    """Do what a button asks; the next page says ``done``, or why not."""
    try:
        action(found)
    except ConfigError as error:
        messages.warning(request, "; ".join(error.problems.values()))
    else:
        messages.success(request, done)

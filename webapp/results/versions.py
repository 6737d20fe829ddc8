"""What tells whether an answer made of trials still holds."""

from webapp.models import Search


def trials_version(protocol: str = "") -> tuple:
    """Changes with every trial, under one protocol or under any: whoever writes a trial raises its search's version, and a
    search that is removed is not there any more."""
    searches = Search.objects.filter(protocol=protocol) if protocol else Search.objects.all()
    return tuple(searches.order_by("pk").values_list("pk", "version"))

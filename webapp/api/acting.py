"""What can be done with anything that runs long: searches and full trainings obey the same way."""

from collections.abc import Callable
from typing import Any

from ninja import Router

from webapp.api.answers import Problems


def offer_actions(
    router: Router, noun: str, find: Callable[[int], Any], answer: type, actions: dict[str, tuple[Callable, str]]
) -> None:
    """``POST /{pk}/NAME`` for each of ``actions``, name -> (what is done to the row, summary); it answers with the row."""
    for name, (action, summary) in actions.items():
        router.post(
            f"/{{pk}}/{name}",
            response={200: answer, 422: Problems},
            summary=summary,
            operation_id=f"{find.__module__.replace('.', '_')}_{name}_{noun}",
        )(_obeying(find, action))


def _obeying(find: Callable[[int], Any], action: Callable) -> Callable:
    def act(request, pk: int):
        action(find(pk))
        return find(pk)

    return act

"""What a strategy reported when it was told results: its updates, its checkpoint, how many trials it was told."""

from django.db.models import Max

from tasks.recording import clean, say
from webapp.models import PolicyUpdate, Search


def store_learned(search: Search, told: int, records: list, checkpoint: tuple | None) -> None:
    """``records`` are what ``tell`` returned, None where there was no update; ``checkpoint`` is (the strategy's packed
    state,), or None where it is not stored this time. Call it inside ``changing``."""
    search.told = told
    number = search.updates.aggregate(last=Max("number"))["last"] or 0
    for record in filter(None, records):
        number += 1
        PolicyUpdate.objects.create(search=search, number=number, record=clean(record))
        say(search, update_sentence(number, record))
    fields = ["told"]
    if checkpoint is not None:
        (search.strategy_state,) = checkpoint
        search.strategy_state_told = search.told
        fields += ["strategy_state", "strategy_state_told"]
    search.save(update_fields=fields)


def update_sentence(number: int, record: dict) -> str:
    parts = []
    if record.get("entropy") is not None and record.get("entropy_uniform"):
        parts.append(f"entropy {100 * record['entropy'] / record['entropy_uniform']:.0f}\u00a0%")
    if record.get("kl") is not None:
        parts.append(f"KL {record['kl']:.3f}")
    if record.get("clip_fraction") is not None:
        parts.append(f"clipped {100 * record['clip_fraction']:.0f}\u00a0%")
    return f"controller update {number}" + (f": {', '.join(parts)}" if parts else "")

"""Which weights are kept: those of the best trials of each search, in the database, in chunks."""

import hashlib

from webapp.models import Search, Trial, Weights, WeightsChunk

CHUNK = 2**20


def keep_best(search: Search, trial: Trial, reward: float, weights: bytes) -> None:
    """Store the weights of a trial just finished if it is among the best ``keep_weights`` of its search, and drop those
    of the trial it pushes out. Weights that were asked for one by one stay: only the one pushed out is dropped.
    """
    limit = search.config["budget"]["keep_weights"]
    ranked = Trial.objects.filter(search=search, state=Trial.State.FINISHED, reward__isnull=False)
    best = list(ranked.order_by("-reward", "pk").values_list("pk", flat=True)[: limit + 1])
    if trial.pk not in best[:limit]:
        return
    store(trial, weights)
    if len(best) > limit:
        Weights.objects.filter(trial_id=best[limit]).delete()


def store(trial: Trial, weights: bytes) -> Weights:
    """Keep these weights for the trial, in place of any there. Call it inside a transaction."""
    Weights.objects.filter(trial=trial).delete()
    row = Weights.objects.create(trial=trial, sha256=hashlib.sha256(weights).hexdigest(), size=len(weights))
    starts = range(0, len(weights), CHUNK)
    WeightsChunk.objects.bulk_create(
        [WeightsChunk(weights=row, index=i, data=weights[at : at + CHUNK]) for i, at in enumerate(starts)],
        batch_size=4,
    )
    return row


def load(row: Weights) -> bytes:
    """The weights' bytes. Raises ValueError if they are not the ones that were stored."""
    data = b"".join(bytes(chunk) for chunk in row.chunks.order_by("index").values_list("data", flat=True))
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise ValueError(f"The {row} are damaged in the database: their checksum differs.")
    return data

"""Trained weights: handing out what is stored, asking for what is not."""

from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search
from tasks import clock, messages, recording, retention
from webapp.models import Trial, Weights, WeightsRequest


def measured_as(trial: Trial) -> Trial:
    """The trial that was really trained: itself, or the one whose result it took over."""
    return trial.same_as if trial.state == Trial.State.REUSED and trial.same_as else trial


def stored_weights(trial: Trial) -> Weights | None:
    """The row of the trial's weights, if they are kept."""
    return Weights.objects.filter(trial=measured_as(trial)).first()


def pending_request(trial: Trial) -> WeightsRequest | None:
    """The request for the trial's weights that is under way or has failed, if there is one."""
    return WeightsRequest.objects.filter(trial=measured_as(trial)).first()


def open_weights(trial: Trial) -> bytes:
    """The trial's weights as one safetensors file. Raises ConfigError if they are not stored."""
    row = stored_weights(trial)
    if row is None:
        raise ConfigError(f"The weights of trial {trial.number} were not kept. Ask for them: they are trained again.")
    return retention.load(row)


def request_weights(trial: Trial) -> WeightsRequest | None:
    """Have a measured trial trained again for its weights; returns the request, or None if the weights are there.

    A request under way is not doubled, a failed one is made again. Raises ConfigError if the trial has no result, or its
    data set or the training code has changed since, so that its weights cannot be had again.
    """
    if trial.state not in Trial.MEASURED:
        raise ConfigError(f"Trial {trial.number} is {trial.state}: only a measured trial has weights.")
    if stored_weights(trial):
        return None
    trial = measured_as(trial)
    _check_reproducible(trial)
    with recording.changing(trial.search_id) as search:
        request, new = WeightsRequest.objects.get_or_create(trial=trial, defaults={"sent": clock.now()})
        if not new and request.state != WeightsRequest.State.FAILED:
            return request
        if not new:
            request.state, request.error, request.sent = WeightsRequest.State.QUEUED, "", clock.now()
            request.attempt = recording.next_round(request.attempt)
            request.save(update_fields=["state", "error", "sent", "attempt"])
        recording.say(search, f"trial {trial.number}: weights asked for", number=trial.number)
        messages.after_commit(messages.train_weights, request.pk, request.attempt)
    return request


def _check_reproducible(trial: Trial) -> None:
    search = trial.search
    if read_search(search.config).protocol(search.dataset.fingerprint).fingerprint() != trial.protocol:
        raise ConfigError(
            f"The data set {search.dataset} or the training code changed since trial {trial.number}: "
            "its weights cannot be trained again. Clone the search."
        )

"""Removal damage: asking what a trained RandWire network loses without each of its nodes and edges."""

from nas_engine.errors import ConfigError
from tasks import clock, messages, recording
from webapp.models import RemovalStudy, Trial
from webapp.services.weights import measured_as, stored_weights

State = RemovalStudy.State


def study_of(trial: Trial) -> RemovalStudy | None:
    """The trial's study, whatever its state."""
    return RemovalStudy.objects.filter(trial=measured_as(trial)).first()


def request_study(trial: Trial) -> RemovalStudy:
    """Have a worker study a trial whose weights are kept. A study that is there or under way is not doubled, a failed one is
    made again. Raises ConfigError if there are no weights to remove anything from."""
    trial = measured_as(trial)
    if trial.state != Trial.State.FINISHED or stored_weights(trial) is None:
        raise ConfigError(f"The weights of trial {trial.number} were not kept. Have it trained again for them first.")
    with recording.changing(trial.search_id) as search:
        study, new = RemovalStudy.objects.get_or_create(trial=trial, defaults={"sent": clock.now()})
        if not new and study.state != State.FAILED:
            return study
        if not new:
            study.state, study.error, study.sent, study.done = State.QUEUED, "", clock.now(), 0
            study.attempt = recording.next_round(study.attempt)
            study.save(update_fields=["state", "error", "sent", "done", "attempt"])
        recording.say(search, f"trial {trial.number}: removal damage asked for", number=trial.number)
        messages.after_commit(messages.study_removals, study.pk, study.attempt)
    return study

"""Weights that were not kept: the trial is trained once more under its protocol. Its recorded result stays as it is."""

from nas_engine.search_config import read_search
from tasks import messages, recording, requests, retention, train
from tasks.app import app
from tasks.patience import patiently
from tasks.wording import percent
from tasks.workers import Job
from webapp.models import LogLine, WeightsRequest

State = WeightsRequest.State


@app.task(name="tasks.weights.train_weights")
def train_weights(request_id: int, attempt: int) -> None:
    """Train a trial for its weights alone. Does nothing if this attempt is not (or no longer) asked for."""
    request = requests.claim(WeightsRequest, request_id, attempt, "trial__search__dataset", "trial__cell")
    if request is None:
        return
    trial = request.trial
    with Job(request, f"weights of trial {trial.number} of {trial.search.name}", trial) as job:

        def work() -> None:
            config = read_search(trial.search.config)
            outcome = train.evaluate(trial, config, lambda report: None, job.cancelled)
            weights = train.pack(trial, config, outcome)
            patiently(finish, request, outcome.evaluation.valid_accuracy, weights)

        requests.carry_out(request, work, fail, messages.train_weights)


def finish(request: WeightsRequest, valid_accuracy: float, weights: bytes) -> None:
    """Keep the weights; say in the log if they are not as accurate as the trial was."""
    trial = request.trial
    with recording.changing(trial.search_id) as search:
        if not requests.current(request).delete()[0]:
            return
        retention.store(trial, weights)
        if abs(valid_accuracy - trial.valid_accuracy) < 5e-4:
            text, level = f"trial {trial.number}: weights trained again and kept", LogLine.Level.INFO
        else:
            text, level = (
                f"trial {trial.number}: weights trained again reach {percent(valid_accuracy)}, "
                f"the trial had {percent(trial.valid_accuracy)}; kept with their own number",
                LogLine.Level.BAD,
            )
        recording.say(search, text, level, trial.number)


def fail(request: WeightsRequest, error: str) -> None:
    """Keep the reason; the request can be made again."""
    with recording.changing(request.trial.search_id) as search:
        if requests.current(request).update(state=State.FAILED, error=error):
            number = request.trial.number
            text = f"trial {number}: its weights could not be trained again: {error}"
            recording.say(search, text, LogLine.Level.BAD, number)

import json

from nas_engine.architecture import Architecture
from nas_engine.trial import Evaluation, Trial


def test_an_architecture_is_a_value():
    one, same = Architecture("nasnet", (1, 2)), Architecture("nasnet", (1, 2))
    assert one == same and len({one, same, Architecture("other", (1, 2)), Architecture("nasnet", (2, 1))}) == 3
    assert Architecture.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_a_trial_ends_finished_or_failed_and_keeps_the_rest():
    trial = Trial(3, Architecture("nasnet", (0,)), {"parent": 1})
    evaluation = Evaluation(0.9, 10, 20)
    finished, failed = trial.finished(evaluation, 0.8), trial.failed("Out of memory")
    assert (finished.number, finished.info, finished.evaluation, finished.reward) == (3, {"parent": 1}, evaluation, 0.8)
    assert (failed.number, failed.error, failed.reward) == (3, "Out of memory", None)
    assert trial.reward is None and trial.error is None

"""Starting, pausing, resuming, stopping searches: what is refused, and what is stored."""

import pytest

from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search
from tasks import recording, search
from tests.tasks.conftest import TINY
from webapp.models import Dataset, Search, Trial
from webapp.services import searches
from webapp.services.owner import local_owner

State = Trial.State


def create(**changes) -> Search:
    return searches.create_search(read_search(TINY | changes), local_owner())


def test_a_search_is_stored_with_all_that_decides_its_numbers(start, queue):
    found = start()
    assert read_search(found.config) == read_search(TINY)
    assert found.config["training"]["momentum"] == 0.9, "defaults are written down too"
    assert (found.state, found.strategy, found.dataset.slug) == ("queued", "random", "digits")
    assert found.protocol == read_search(TINY).protocol("0" * 64).fingerprint()
    assert set(found.versions) == {"nasturtium", "python", "torch", "django"}
    assert queue.take("advance_search") == [(found.pk,)]


def test_a_search_without_a_name_gets_one(start):
    assert start(name="").name == "Digits, random"


def test_a_data_set_that_is_not_there_is_named_at_its_field(start):
    with pytest.raises(ConfigError) as refused:
        create(data={"dataset": "cifar-10"})
    assert refused.value.problems == {"data.dataset": "There is no data set 'cifar-10'. Known: digits."}


@pytest.mark.parametrize(
    ("state", "says"), [("preparing", "is still being prepared"), ("failed", "could not be prepared: no room")]
)
def test_a_data_set_that_is_not_ready_is_refused(start, state, says):
    Dataset.objects.update(state=state, message="no room")
    with pytest.raises(ConfigError, match=says):
        create()
    assert not Search.objects.exists()


def test_redis_being_away_does_not_keep_a_search_from_being_stored(start, queue):
    queue.up = False
    assert create().pk


def test_what_makes_no_sense_is_refused_with_the_state(start, queue):
    found = start()
    with pytest.raises(ConfigError, match="The search is queued: only a paused or a failed search can be resumed"):
        searches.resume_search(found)
    searches.pause_search(found)
    with pytest.raises(ConfigError, match="The search is paused: there is nothing to pause"):
        searches.pause_search(found)
    searches.stop_search(found)
    with pytest.raises(ConfigError, match="The search is stopped already"):
        searches.stop_search(found)
    with pytest.raises(ConfigError, match="The search is stopped: only"):
        searches.resume_search(found)


def test_pausing_and_resuming_says_so_in_the_log_and_sends_what_was_queued(start, queue):
    found = start()
    search.advance_search(found.pk)
    sent = queue.take("train_child")
    searches.pause_search(found)
    searches.resume_search(found)
    assert queue.take("train_child") == sent
    texts = list(found.log.order_by("pk").values_list("text", flat=True))
    assert texts[1:] == ["search paused; trials in training are put back", "search resumed"]
    queue.messages.extend(("train_child", *one) for one in sent)
    queue.messages.append(("advance_search", found.pk))
    queue.deliver()
    found.refresh_from_db()
    assert (found.state, found.told) == ("finished", 6)


def test_only_a_failed_trial_of_a_living_search_is_tried_again(start, queue):
    found = start()
    search.advance_search(found.pk)
    trial = found.trials.get(number=1)
    with pytest.raises(ConfigError, match="Trial 1 is queued: only a failed trial"):
        searches.retry_trial(trial)
    claimed = recording.claim(trial.pk, 0, "train-0@elm", {"kind": "cpu", "name": "Test CPU"})
    recording.fail(claimed, "loss became NaN")
    with pytest.raises(ConfigError, match="not yet been told"):
        searches.retry_trial(trial)
    search.advance_search(found.pk)
    searches.pause_search(found)
    queue.messages.clear()
    searches.retry_trial(trial)
    assert not queue.messages, "a paused search trains nothing"
    trial.refresh_from_db()
    assert (trial.state, trial.attempt, trial.error) == (State.QUEUED, 3, "")
    Trial.objects.filter(pk=trial.pk).update(state=State.FAILED)
    for state, says in (("stopped", "was stopped. Clone it"), ("failed", "Resume it")):
        Search.objects.filter(pk=found.pk).update(state=state)
        with pytest.raises(ConfigError, match=says):
            searches.retry_trial(trial)

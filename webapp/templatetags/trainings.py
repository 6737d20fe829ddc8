"""Small things the pages of full trainings and models write."""

from django import template
from django.utils.safestring import SafeString

from webapp.forms.fields import Field
from webapp.forms.training import TrainingForm
from webapp.models import FullTraining, TrainingRun
from webapp.templatetags.parts import state

register = template.Library()


@register.filter
def words(text: str) -> list[str]:
    """ "a b" as ["a", "b"]."""
    return text.split()


@register.filter
def basic(form: TrainingForm, part: str) -> list[Field]:
    """The inputs of a part of the configuration that everybody should see."""
    return form.basic(part)


@register.filter
def advanced(form: TrainingForm, part: str) -> list[Field]:
    """The others."""
    return form.advanced(part)


@register.simple_tag
def run_state(run: TrainingRun, training: FullTraining) -> SafeString:
    """State of a seed in a table: its epoch while it trains; while its training is paused it is not merely queued."""
    if run.state == TrainingRun.State.RUNNING:
        return state("running", f"epoch {run.epoch + 1}" if run.epoch < run.epochs else "testing")
    if run.state == TrainingRun.State.QUEUED and training.state == FullTraining.State.PAUSED:
        return state("paused")
    return state(run.state)


@register.filter
def run_valid(run: TrainingRun) -> float | None:
    """Accuracy on the images held out: the final one, or the last known."""
    return run.valid_accuracy if run.valid_accuracy is not None else (run.curve or [{}])[-1].get("valid_accuracy")

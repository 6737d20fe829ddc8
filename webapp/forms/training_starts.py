"""What a full training starts from: a preset made to suit the cell and the data set, or a training to copy."""

from dataclasses import dataclass

from django.http import Http404

from nas_engine import zoo
from nas_engine.errors import ConfigError
from nas_engine.full_training import PRESETS, FullTrainingConfig, preset_data, read_full_training
from nas_engine.search_config import skeleton_fields
from webapp.models import CellRecord, Dataset, FullTraining, Trial
from webapp.services.trainings import trainable

FIRST = "quick"
# Mirror images of these are other characters, or none.
CHARACTERS = ("digits", "mnist", "emnist", "kmnist", "qmnist", "svhn", "usps")
SMALL = 16  # pixels; a crop of four would lose too much of smaller images


@dataclass(frozen=True)
class Start:
    """``slug`` names it in the URL and the form: a preset's name, or "training-7"."""

    slug: str
    label: str
    about: str


def starts(chosen: str) -> list[Start]:
    """Every preset, and ``chosen`` if it is a training."""
    offered = [Start(slug, preset.label, preset.about) for slug, preset in PRESETS.items()]
    if chosen not in PRESETS:
        offered.append(Start(chosen, "A copy", _training(chosen).name))
    return offered


def config_of(slug: str, record: CellRecord, dataset: str, source: Trial | None) -> FullTrainingConfig:
    """The configuration a start stands for, with this data set if one is named. Raises Http404 if there is no such start."""
    if slug not in PRESETS:
        try:
            return read_full_training(_training(slug).config)
        except ConfigError as error:
            raise Http404(f"This training was made by another version and cannot be copied: {error}") from None
    dialect, single = _rules(record, source)
    data = preset_data(slug, dataset=dataset, dialect=dialect, single=single)
    if skeleton_fields(trainable(record)[0].family) is not None:  # a whole network has no auxiliary head
        data.setdefault("regularisation", {})["aux_weight"] = 0.0
    return read_full_training(_suited(data, dataset))


def first_dataset(source: Trial | None) -> str:
    """The data set the cell was found on, else the largest that is ready."""
    if source is not None:
        return source.search.dataset.slug
    ready = Dataset.objects.filter(state=Dataset.State.READY).order_by("-train_images")
    return ready.values_list("slug", flat=True).first() or "digits"


def _rules(record: CellRecord, source: Trial | None) -> tuple[str, bool]:
    """(dialect, whether the cell has a single form): of its publication, or of the search that found it."""
    entry = zoo.of_key(record.key)
    if entry:
        return entry.dialect, entry.single
    if source is not None:
        return source.search.config["skeleton"].get("dialect", ""), False
    return "", False


def _suited(data: dict, slug: str) -> dict:
    """Augmentation that leaves the images what they are."""
    row = Dataset.objects.filter(slug=slug).only("height", "width").first()
    augmentation = data.setdefault("augmentation", {})
    if slug.split("-")[0] in CHARACTERS:
        augmentation["flip"] = False
    if row and 0 < min(row.height, row.width) <= SMALL and not data.get("data", {}).get("image_size"):
        augmentation.setdefault("crop", 1)
    return data


def _training(slug: str) -> FullTraining:
    number = slug.removeprefix("training-")
    training = FullTraining.objects.filter(pk=int(number)).first() if number.isdigit() and len(number) < 10 else None
    if training is None:
        raise Http404("There is no such preset or training.")
    return training

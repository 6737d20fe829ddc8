"""The files of a trained model, in a folder."""

import json
import zipfile
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from webapp.console.one_line import OneLineErrors
from webapp.models import FullTraining, StoredFile, TrainingRun
from webapp.services.models import bundle_path

BAD_INPUT = 2


class Command(OneLineErrors, BaseCommand):
    help = (
        "Writes the model of a full training into a folder: weights.safetensors, model.onnx, model.py, a model card, how it "
        "was trained, and checksums."
    )

    def add_arguments(self, parser):
        parser.add_argument("training", type=int, metavar="TRAINING", help="its number, as manage.py train prints it")
        parser.add_argument("--out", required=True, metavar="DIR", help="a folder; made if it is not there")
        parser.add_argument("--seed", type=int, help="which of its trainings; default: the first that is done")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *, training, out, seed, **options):
        run, row = _found(training, seed)
        try:
            names = _unpack(bundle_path(row), Path(out))
        except (OSError, ValueError) as error:
            raise CommandError(f"{out} was not written: {error}", returncode=BAD_INPUT) from None
        if options["json"]:
            about = {"training": training, "seed": run.seed, "test_accuracy": run.test_accuracy}
            self.stdout.write(json.dumps(about | {"out": str(Path(out).resolve()), "files": names}))
        else:
            self.stdout.write(f"{len(names)} files in {out}: {', '.join(names)}")


def _found(training: int, seed: int | None) -> tuple[TrainingRun, StoredFile]:
    found = FullTraining.objects.filter(pk=training).first()
    if found is None:
        known = FullTraining.objects.filter(test_mean__isnull=False).order_by("-pk").values_list("pk", flat=True)[:10]
        listed = f" Those with a model: {', '.join(map(str, known))}." if known else ""
        raise CommandError(f"There is no training {training}.{listed}", returncode=BAD_INPUT)
    bundles = StoredFile.objects.filter(run__training=found, kind=StoredFile.Kind.BUNDLE).select_related("run")
    rows = {row.run.seed: row for row in bundles.order_by("run__seed")}
    if not rows:
        raise CommandError(f"Training {training} is {found.state}: no seed is done yet.", returncode=BAD_INPUT)
    if seed is not None and seed not in rows:
        raise CommandError(f"Seed {seed} has no model. Done: {', '.join(map(str, rows))}.", returncode=BAD_INPUT)
    row = rows[next(iter(rows)) if seed is None else seed]
    return row.run, row


def _unpack(bundle: Path, out: Path) -> list[str]:
    """Write the bundle's files; returns their names. Raises ValueError where a file of another model stands in the way."""
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        for name in names:
            there = out / name
            if there.exists() and there.read_bytes() != archive.read(name):
                raise ValueError(f"{name} is there already and differs; take another folder")
        out.mkdir(parents=True, exist_ok=True)
        archive.extractall(out)
    return names

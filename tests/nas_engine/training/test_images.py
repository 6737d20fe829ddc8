from dataclasses import replace

import numpy as np
import torch

from nas_engine.training.images import Augmentation
from tests.nas_engine.training.fixtures import PLAIN, corners, device_images


def augmentation(images, seed=0, **changes):
    return Augmentation(images, replace(PLAIN, **changes), torch.Generator().manual_seed(seed))


def test_images_are_normalised_by_the_mean_and_spread_given():
    pixels, labels = corners(8, channels=3)
    batch, stored = device_images(8, channels=3).part(2, 6)
    np.testing.assert_allclose(batch.numpy(), (pixels[2:6] / 255 - 0.3) / 0.2, rtol=1e-5)
    assert stored.tolist() == labels[2:6].tolist()
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_without_augmentation_a_batch_is_the_images_asked_for():
    images = device_images(8)
    batch, labels = augmentation(images).batch(torch.tensor([5, 1]))
    whole, all_labels = images.part(0, 8)
    assert torch.equal(batch, whole[[5, 1]]) and torch.equal(labels, all_labels[[5, 1]])


def test_a_crop_is_a_window_of_the_image_in_a_black_border():
    pixels, _ = corners(1)
    images = device_images(1)
    padded = np.pad(pixels[0, 0], 2)
    windows = {padded[y : y + 8, x : x + 8].tobytes(): (y, x) for y in range(5) for x in range(5)}
    augment = augmentation(images, crop=2)
    seen = set()
    for _ in range(300):
        batch, _ = augment.batch(torch.tensor([0]))
        seen.add(windows[raw(batch)])
    assert len(seen) == 25, "every window turns up"


def raw(batch):
    """The bytes of the first image of a normalised batch."""
    return ((batch[0, 0] * 0.2 + 0.3) * 255).round().to(torch.uint8).numpy().tobytes()


def test_a_flip_is_the_mirror_image_about_half_the_time():
    images = device_images(200, channels=3)
    batch, _ = augmentation(images, flip=True).batch(torch.arange(200))
    plain, _ = images.part(0, 200)
    mirrored = torch.tensor([torch.equal(one, other.flip(2)) for one, other in zip(batch, plain, strict=True)])
    kept = torch.tensor([torch.equal(one, other) for one, other in zip(batch, plain, strict=True)])
    assert (mirrored ^ kept).all() and 60 < int(mirrored.sum()) < 140


def test_cutout_blanks_a_square_clipped_at_the_edge_to_the_mean_colour():
    images = device_images(200, channels=3)
    batch, _ = augmentation(images, cutout=4).batch(torch.arange(200))
    holes = (batch == 0).all(1)
    sizes = holes.sum((1, 2))
    assert sizes.max() == 16 and sizes.min() == 4 and len(set(sizes.tolist())) > 3
    for hole in holes[:20]:
        rows, columns = hole.any(1), hole.any(0)
        assert torch.equal(hole, rows[:, None] & columns[None, :]), "a rectangle"
    plain, _ = images.part(0, 200)
    assert torch.equal(batch.masked_fill(holes[:, None], 0), plain.masked_fill(holes[:, None], 0))


def test_the_generator_decides_alone():
    images = device_images(32)
    first, again, other = (
        augmentation(images, seed, crop=2, flip=True, cutout=2).batch(torch.arange(32))[0] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)

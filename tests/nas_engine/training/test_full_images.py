"""Images of full trainings: resident or read ahead from disk, cropped, resampled, recoloured; always the same batches."""

import numpy as np
import pytest
import torch

from nas_engine.full_training import AugmentationConfig
from nas_engine.training.full_augmentation import FullAugmentation
from nas_engine.training.full_images import FullImages
from nas_engine.training.images import Augmentation, DeviceImages
from tests.nas_engine.training.fixtures import CPU, PLAIN, corners

NONE = {"crop": 0, "flip": False}
COLOURS = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.2}


def stored(tmp_path, count=24, channels=3, side=8, seed=0):
    """(memory-mapped images, labels), as a prepared data set has them."""
    pixels, labels = corners(count, channels, side, seed)
    np.save(tmp_path / "images.npy", pixels)
    return np.load(tmp_path / "images.npy", mmap_mode="r"), labels


def images(tmp_path, positions=None, **about):
    pixels, labels = stored(tmp_path)
    at = np.arange(len(pixels)) if positions is None else np.array(positions)
    channels = pixels.shape[1]
    return FullImages(pixels, at, labels[at], ([0.3] * channels, [0.2] * channels), CPU, **about)


def batch(one, seed=0, indices=None, **settings):
    augment = FullAugmentation(one, AugmentationConfig(**{**NONE, **settings}), torch.Generator().manual_seed(seed))
    return augment.batch(torch.arange(len(one)) if indices is None else indices)


def bytes_of(normalised):
    return ((normalised * 0.2 + 0.3) * 255).round().clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("settings", [{}, {"crop": 2, "flip": True, "cutout": 3}, {"resized_crop": 0.3}, COLOURS])
def test_images_on_disk_give_the_batches_that_resident_ones_give(tmp_path, settings):
    resident, mapped = (images(tmp_path, resident=there) for there in (True, False))
    assert len(resident.pixels) == 24 and len(mapped.pixels) == 0
    indices = torch.tensor([7, 3, 3, 20])
    for one, other in zip(batch(resident, 1, indices, **settings), batch(mapped, 1, indices, **settings), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(resident.part(2, 9), mapped.part(2, 9), strict=True):
        assert torch.equal(one, other)


def test_what_is_expected_is_read_ahead_and_nothing_else_changes(tmp_path):
    mapped = images(tmp_path, resident=False)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0)).split(6)
    mapped.expect(order)
    assert len(mapped._ahead) == 2
    for part in order:
        assert torch.equal(mapped.fetch(part), images(tmp_path, resident=True).fetch(part))
    assert not mapped._ahead
    mapped.expect(order)
    assert torch.equal(mapped.fetch(order[3]), images(tmp_path).fetch(order[3])), "another order than expected"


def test_simple_augmentation_is_that_of_children(tmp_path):
    pixels, labels = stored(tmp_path)
    basic = DeviceImages(pixels, labels, [0.3] * 3, [0.2] * 3, CPU)
    settings = {"crop": 2, "flip": True, "cutout": 3}
    config = PLAIN.__class__(**{**vars(PLAIN), **settings})
    expected, _ = Augmentation(basic, config, torch.Generator().manual_seed(3)).batch(torch.arange(24))
    assert torch.equal(batch(images(tmp_path), 3, **settings)[0], expected)


def test_only_the_positions_asked_for(tmp_path):
    some = images(tmp_path, positions=[3, 17, 5])
    pixels, labels = stored(tmp_path)
    assert torch.equal(bytes_of(some.part(0, 3)[0]), torch.from_numpy(pixels[[3, 17, 5]]))
    assert some.labels.tolist() == labels[[3, 17, 5]].tolist()


def test_another_size_and_a_central_crop_are_shown_when_measured(tmp_path):
    plain, _ = images(tmp_path).part(0, 24)
    larger, _ = images(tmp_path, size=(16, 16)).part(0, 24)
    expected = torch.nn.functional.interpolate(plain, (16, 16), mode="bilinear", antialias=True)
    torch.testing.assert_close(larger, expected, rtol=1e-4, atol=1e-5)
    central, _ = images(tmp_path, size=(4, 4), central=0.5).part(0, 24)
    torch.testing.assert_close(central, plain[:, :, 2:6, 2:6], rtol=1e-5, atol=1e-6)


def test_a_resized_crop_of_the_whole_image_is_the_image(tmp_path):
    plain, _ = images(tmp_path).part(0, 24)
    whole, _ = batch(images(tmp_path), resized_crop=1.0, crop_ratio=1.0)
    torch.testing.assert_close(whole, plain, rtol=1e-4, atol=1e-4)
    mirrored, _ = batch(images(tmp_path), resized_crop=1.0, crop_ratio=1.0, flip=True)
    turned = [torch.allclose(one, other.flip(2), atol=1e-3) for one, other in zip(mirrored, plain, strict=True)]
    kept = [torch.allclose(one, other, atol=1e-3) for one, other in zip(mirrored, plain, strict=True)]
    assert all(a != b for a, b in zip(turned, kept, strict=True)) and 0 < sum(turned) < 24


def test_boxes_keep_to_the_image_and_to_their_shares():
    pixels = np.zeros((500, 3, 8, 8), np.uint8)
    one = FullImages(pixels, np.arange(500), np.zeros(500, np.int64), ([0] * 3, [1] * 3), CPU)
    augment = FullAugmentation(one, AugmentationConfig(crop=0, flip=False, resized_crop=0.25), torch.Generator())
    boxes = augment._boxes(500)
    width, right, height, down = boxes[:, 0, 0], boxes[:, 0, 2], boxes[:, 1, 1], boxes[:, 1, 2]
    assert ((right.abs() + width) <= 1 + 1e-6).all() and ((down.abs() + height) <= 1 + 1e-6).all()
    area = width * height
    assert area.min() >= 0.25 * 0.8 and area.max() <= 1 and area.min() < 0.35 and area.max() > 0.9
    assert (width / height).max() <= 1.334 and (width / height).min() >= 1 / 1.334


def test_crops_at_another_size_move_the_image_by_whole_pixels_of_that_size(tmp_path):
    still, _ = batch(images(tmp_path, size=(16, 16)))
    moved, _ = batch(images(tmp_path, size=(16, 16)), crop=3)
    for one, other in zip(still, moved, strict=True):
        fits = [
            torch.allclose(one[:, 3 + y : 13 + y, 3 + x : 13 + x], other[:, 3:13, 3:13], atol=1e-3)
            for y in range(-3, 4)
            for x in range(-3, 4)
        ]
        assert any(fits)


def test_colours_stay_in_range_and_change_one_thing_each(tmp_path):
    plain = images(tmp_path).part(0, 24)[0] * 0.2 + 0.3
    grey = (plain * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
    for name, most in COLOURS.items():
        changed = batch(images(tmp_path), **{name: most})[0] * 0.2 + 0.3
        assert changed.min() > -1e-5 and changed.max() < 1 + 1e-5 and not torch.allclose(changed, plain, atol=1e-3)
        if name in ("saturation", "hue"):
            inside = (changed > 1e-4) & (changed < 1 - 1e-4)
            same = (changed * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
            assert torch.allclose(same[inside.all(1)], grey[inside.all(1)], atol=2e-3), name


def test_grey_images_have_no_hue(tmp_path):
    pixels, labels = corners(6, 1)
    one = FullImages(pixels, np.arange(6), labels, ([0.3], [0.2]), CPU)
    plain, _ = one.part(0, 6)
    torch.testing.assert_close(batch(one, saturation=0.5, hue=0.2)[0], plain)
    assert not torch.allclose(batch(one, brightness=0.5)[0], plain)

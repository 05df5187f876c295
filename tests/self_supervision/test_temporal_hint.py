"""Displacements and moved images against slow numpy references and finite differences."""
import numpy as np
import pytest
import torch

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.self_supervision.temporal_hint import (
    box_displacements,
    box_edges,
    join_instances,
    moved_images,
    shift_masks,
    shifts_to_target,
)

HEIGHT, WIDTH = 24, 40


def box(left, top, right, bottom, size=(HEIGHT, WIDTH)):
    """Mask with the given first and last column and row; parts outside are cut off."""
    mask = torch.zeros(size, dtype=torch.bool)
    mask[max(top, 0):max(bottom + 1, 0), max(left, 0):max(right + 1, 0)] = True
    return mask


def single(earlier, later):
    return earlier[None], later[None]


def moved(earlier, later, pairs, min_shift=0, weights=None, **options):
    instances = join_instances(pairs, earlier)
    shifts = shifts_to_target(box_displacements(instances.earlier, instances.later), min_shift)
    if weights is None:
        weights = torch.ones(len(shifts))
    return moved_images(earlier, later, instances, shifts, weights, **options)


def reference(image, other, own, others, shifts, paste_clip, overlap):
    """One clip, pixel by pixel: (3, H, W), (n, H, W) and (n, 2)."""
    result = image.copy()
    for row, column in np.ndindex(image.shape[1:]):
        union = any(mask[row, column] for mask in [*own, *others])
        if any(a[row, column] and not b[row, column] for a, b in zip(own, others)):
            result[:, row, column] = other[:, row, column]
        colours = []
        for mask, (u, v) in zip(own, shifts):
            source = row - v, column - u
            if 0 <= source[0] < image.shape[1] and 0 <= source[1] < image.shape[2] \
                    and mask[source]:
                colours.append(image[(slice(None), *source)])
        if colours and (union or not paste_clip):
            result[:, row, column] = dict(sum=np.sum, mean=np.mean, first=lambda c, axis: c[0])[
                overlap](colours, axis=0)
    return result


@pytest.mark.parametrize('overlap', ['sum', 'mean', 'first'])
@pytest.mark.parametrize('paste_clip', [True, False])
def test_moved_images_equal_a_loop_over_pixels(paste_clip, overlap):
    rng = np.random.default_rng(0)
    counts = [4, 0, 1, 40]  # more instances than one step of the paste holds
    earlier, later = rng.random((2, 4, 3, HEIGHT, WIDTH))
    shifts = [rng.integers(-9, 10, (count, 2)) for count in counts]
    masks = []
    for count in counts:
        pair = np.zeros((2, count, HEIGHT, WIDTH), bool)
        for mask in pair.reshape(-1, HEIGHT, WIDTH):
            top, left = rng.integers(0, HEIGHT - 9), rng.integers(0, WIDTH - 9)
            mask[top:top + 9, left:left + 9] = rng.random((9, 9)) < .8
        masks.append(pair)
    instances = join_instances([tuple(torch.from_numpy(pair)) for pair in masks],
                               torch.from_numpy(earlier))
    assert instances.sample.tolist() == [0] * 4 + [2] + [3] * 40
    first, second = moved_images(torch.from_numpy(earlier), torch.from_numpy(later), instances,
                                 torch.from_numpy(np.concatenate(shifts)), torch.ones(45),
                                 paste_clip, overlap)
    for index, (own, others) in enumerate(masks):
        np.testing.assert_allclose(first[index], reference(
            earlier[index], later[index], own, others, shifts[index], paste_clip, overlap))
        np.testing.assert_allclose(second[index], reference(
            later[index], earlier[index], others, own, -shifts[index], paste_clip, overlap))
    assert torch.equal(first[1], torch.from_numpy(earlier[1]))


def test_displacement_is_half_the_motion_of_the_edge_that_moves_most():
    displacement = box_displacements(
        torch.stack([box(5, 5, 9, 9), box(-3, 4, 4, 8), box(30, 4, 39, 8), box(4, 0, 8, 3),
                     box(10, 10, 20, 14)]),
        torch.stack([box(9, 2, 13, 6), box(4, 4, 11, 8), box(37, 4, 46, 8), box(4, 0, 8, 8),
                     box(8, 10, 22, 14)]))
    # Whole box, cut at the left, at the right and at the top border, and growing.
    assert displacement.tolist() == [[4, -3], [7, 0], [7, 0], [0, 5], [2, 0]]
    assert shifts_to_target(displacement).tolist() == [[2, -2], [4, 0], [4, 0], [0, 2], [1, 0]]


def test_half_of_an_odd_displacement_is_rounded_to_the_even_number():
    odd = torch.tensor([[1, -1], [3, -3], [5, -5], [7, -7]])
    assert shifts_to_target(odd).tolist() == [[0, 0], [2, -2], [2, -2], [4, -4]]


def test_min_shift_zeroes_smaller_components():
    assert shifts_to_target(torch.tensor([[4, -4], [6, -6], [5, 12]]), min_shift=3).tolist() == [
        [0, 0], [3, -3], [0, 6]]


def test_box_edges_of_holes_and_single_pixels():
    masks = torch.stack([box(3, 2, 3, 2) | box(8, 11, 8, 11), box(0, 0, 39, 23)])
    assert box_edges(masks).tolist() == [[[3, 8], [2, 11]], [[0, 39], [0, 23]]]


def test_masks_shift_without_wrapping_around():
    mask = box(30, 20, 39, 23)
    assert torch.equal(shift_masks(mask[None], torch.tensor([[5, -6]]))[0], box(35, 14, 44, 17))
    assert not shift_masks(mask[None], torch.tensor([[100, 0]])).any()


def scene(distance, width=20, top=8):
    """Object on a background in three frames, and its masks in the outer ones."""
    rng = torch.Generator().manual_seed(0)
    background, colours = torch.rand((2, 3, HEIGHT, 80), generator=rng)
    frames, masks = [], []
    for left in (30 - distance, 30, 30 + distance):
        mask = box(left, top, left + width - 1, top + 7, (HEIGHT, 80))
        frames.append(torch.where(mask, colours.roll(left, dims=2), background)[None])
        masks.append(mask)
    return frames, masks


@pytest.mark.parametrize('distance', [0, 3, 10])
def test_images_of_a_moving_object_equal_the_target(distance):
    (earlier, target, later), masks = scene(distance)
    for image in moved(earlier, later, [single(masks[0], masks[2])]):
        assert torch.equal(image, target)


def test_vacated_pixels_come_from_the_opposite_frame():
    (earlier, _, later), masks = scene(10)
    marked = later.clone()
    vacated = masks[0] & ~masks[1]
    marked[..., vacated] = 7
    first, _ = moved(earlier, marked, [single(masks[0], masks[2])])
    assert (first[..., vacated] == 7).all() and vacated.sum() == 10 * 8
    assert (first[..., ~vacated] < 7).all()


def test_clip_cuts_objects_that_move_farther_than_their_size():
    # 20 columns moved by 12: the gap between both masks has 2 * 12 - 20 columns of the paste.
    for distance, lost in ((12, .2), (30, 1.)):
        (earlier, target, later), masks = scene(distance)
        pairs = [single(masks[0], masks[2])]
        clipped, whole = (moved(earlier, later, pairs, paste_clip=clip)[0]
                          for clip in (True, False))
        wrong = (clipped != target).any(1)[0]
        assert wrong.sum() == lost * 20 * 8 and not (wrong & ~masks[1]).any()
        assert torch.equal(clipped[0][:, wrong], earlier[0][:, wrong])
        assert torch.equal(whole, target)


def test_object_at_the_image_border_moves_with_its_free_edge():
    """It enters at the left border: columns 0-3, then 0-9, with 0-6 in the target frame."""
    colours = torch.rand(3, HEIGHT, WIDTH)
    background = torch.rand(3, HEIGHT, WIDTH)
    masks = [box(0, 8, right, 15) for right in (3, 6, 9)]
    earlier, target, later = (
        torch.where(mask, colours.roll(shift, dims=2), background)[None]
        for mask, shift in zip(masks, (0, 3, 6)))
    first, second = moved(earlier, later, [single(masks[0], masks[2])])
    assert torch.equal(second, target)
    # The earlier frame does not show the rear of the object.
    seen = torch.arange(WIDTH) >= 3
    assert torch.equal(first[..., seen], target[..., seen])


def test_colours_of_overlapping_instances():
    mask = box(10, 8, 19, 15)
    pair = (torch.stack([mask, mask]), torch.stack([mask, mask]))
    image = torch.full((1, 3, HEIGHT, WIDTH), .9)
    for overlap, colour in (('sum', 1.8), ('mean', .9), ('first', .9)):
        for found in moved(image, image, [pair], overlap=overlap):
            torch.testing.assert_close(found, torch.where(mask, colour, .9).expand_as(found))


def test_weight_blends_an_instance_with_the_warped_image():
    (earlier, _, later), masks = scene(10)
    pairs = [single(masks[0], masks[2])]
    full, none, part = (moved(earlier, later, pairs, weights=torch.tensor([weight]))
                        for weight in (1., 0., .3))
    for image, own, plain, blended in zip((earlier, later), full, none, part):
        assert torch.equal(plain, image) and not torch.equal(own, image)
        torch.testing.assert_close(blended, image + .3 * (own - image))


@pytest.mark.parametrize('overlap', ['sum', 'mean', 'first'])
def test_instance_of_weight_zero_equals_no_instance(overlap):
    torch.manual_seed(0)
    earlier, later = torch.rand(2, 1, 3, HEIGHT, WIDTH)
    masks = torch.stack([box(4, 4, 15, 12), box(8, 6, 20, 18), box(10, 8, 22, 16),
                         box(16, 10, 28, 20)])
    both = (masks[:2], masks[2:])
    for kept in (0, 1):
        alone = moved(earlier, later, [tuple(half[kept:kept + 1] for half in both)],
                      overlap=overlap)
        weights = torch.tensor([1. - kept, kept])
        for found, expected in zip(moved(earlier, later, [both], weights=weights,
                                         overlap=overlap), alone):
            assert torch.equal(found, expected)


def test_instance_without_a_mask_in_one_image_has_no_effect():
    earlier, later = torch.rand(2, 2, 3, HEIGHT, WIDTH)
    mask, empty = box(4, 4, 15, 12), box(0, 0, -1, -1)
    pairs = [(torch.stack([mask, empty, empty]), torch.stack([empty, mask, empty])),
             (empty[None][:0], empty[None][:0])]
    first, second = moved(earlier, later, pairs)
    assert torch.equal(first, earlier) and torch.equal(second, later)
    assert box_displacements(*pairs[0]).tolist() == [[0, 0]] * 3
    instances = join_instances(pairs, earlier)
    first, second = moved_images(earlier, later, instances, torch.tensor([[5, 3]] * 3),
                                 torch.ones(3))
    assert torch.equal(first, earlier) and torch.equal(second, later)


@pytest.mark.parametrize('row,column', [(10, 14), (10, 22), (4, 4)])
def test_gradient_of_a_pixel_reaches_the_pixel_before_the_shift(row, column):
    """Finite differences of one pixel of the moved earlier image, shift (5, 2)."""
    torch.manual_seed(0)
    earlier, later = torch.rand(2, 1, 3, HEIGHT, WIDTH, dtype=torch.float64)
    pairs = [single(box(10, 8, 24, 15), box(20, 12, 34, 19))]

    def pixel(images):
        count = len(images)
        found = moved(images, later.expand(count, -1, -1, -1), pairs * count)
        return found[0][:, 1, row, column]

    image = earlier.clone().requires_grad_()
    gradient, = torch.autograd.grad(pixel(image), image)
    steps = 1e-4 * torch.eye(HEIGHT * WIDTH, dtype=torch.float64).view(-1, 1, HEIGHT, WIDTH)
    steps = steps * torch.tensor([0, 1, 0]).view(3, 1, 1)
    numeric = (pixel(earlier + steps) - pixel(earlier - steps)) / 2e-4
    torch.testing.assert_close(gradient[0, 1], numeric.view(HEIGHT, WIDTH))
    # Vacated by the instance; covered by its paste; outside of all instances.
    expected = {(10, 14): [], (10, 22): [[0, 1, 8, 17]], (4, 4): [[0, 1, 4, 4]]}
    assert gradient.nonzero().tolist() == expected[row, column]


def test_unusable_masks_are_named():
    images, mask = torch.zeros(1, 3, HEIGHT, WIDTH), box(1, 1, 2, 2)[None]
    with pytest.raises(InputError, match='masks of 2 clips for 1 clips'):
        join_instances([(mask, mask)] * 2, images)
    for bad in ((mask[:, 1:], mask[:, 1:]), (mask, mask[:0]), (mask.float(), mask),
                (mask[0], mask[0])):
        with pytest.raises(InputError, match=r'clip 0 has masks .* must be \(n, 24, 40\)'):
            join_instances([bad], images)

"""Non-maximum suppression with fixed shapes."""
import torch
from torchvision.ops import nms

from mmdet3d_plugin.export.suppression import kept_boxes, pairwise_ious


def test_ious():
    boxes = torch.tensor([[[0., 0., 4., 4.], [2., 0., 6., 4.], [5., 5., 5., 5.]]])
    # 8 shared of 24; an empty box with itself is undefined, which suppresses nothing
    torch.testing.assert_close(pairwise_ious(boxes)[0, :2], torch.tensor(
        [[1., 1 / 3, 0.], [1 / 3, 1., 0.]]))
    assert pairwise_ious(boxes)[0, 2, 2].isnan()


def test_chains_of_boxes():
    """Each box overlaps its neighbours: the second, fourth and so on are dropped."""
    left = torch.arange(7.)
    boxes = torch.stack([left, 0 * left, left + 3, 0 * left + 1], dim=1)[None]  # IoU 1/2, 1/5
    assert kept_boxes(boxes, torch.zeros(1, 7), .4).tolist() == [[1., 0., 1., 0., 1., 0., 1.]]
    assert kept_boxes(boxes, torch.zeros(1, 7), .1).tolist() == [[1., 0., 0., 1., 0., 0., 1.]]
    assert kept_boxes(boxes, torch.zeros(1, 7), .5).tolist() == [[1.] * 7]  # equal is not above
    assert kept_boxes(boxes, torch.arange(7)[None] // 2, .4).tolist() == [[1., 0.] * 3 + [1.]]


def test_random_boxes_of_two_images_as_torchvision():
    torch.manual_seed(0)
    corners = 20 * torch.rand(2, 40, 2)
    boxes = torch.cat([corners, corners + 5 + 10 * torch.rand(2, 40, 2)], dim=2)
    labels = torch.randint(0, 3, (2, 40))
    scores = torch.linspace(1, 0, 40)
    kept = kept_boxes(boxes, labels, .3)
    for image in range(2):
        expected = torch.zeros(40)
        for label in range(3):
            index = (labels[image] == label).nonzero()[:, 0]
            expected[index[nms(boxes[image, index], scores[index], .3)]] = 1.
        assert torch.equal(kept[image], expected) and 5 < expected.sum() < 40

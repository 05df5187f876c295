"""Parts of MonoCon: keypoint offsets, depth, attentive normalisation and initial weights."""
import copy
import math

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from tiny_kitti import P2, packed_frames, project

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.layers import AttentiveBatchNorm2d
from mmdet3d_plugin.models.object_heads.depth_heads import inverse_sigmoid_depth
from mmdet3d_plugin.models.task_modules import CenterCoder
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry


def build(name):
    torch.manual_seed(0)
    cfg = Config.fromfile(f'configs/monocon/{name}.py')
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


def released_keypoints(box):
    """Return the 8 corners and the centre of a box (x, y, z, l, h, w, yaw), released order.

    Along length, height and width the corners are at the low (0) or high (1) end of the box.
    """
    ends = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 0],
                     [1, 0, 0], [1, 0, 1], [1, 1, 1], [1, 1, 0], [.5, .5, .5]])
    x, y, z = ((ends - .5) * box[3:6]).T
    yaw = box[6]
    rotated = np.stack([np.cos(yaw) * x + np.sin(yaw) * z, y,
                        -np.sin(yaw) * x + np.cos(yaw) * z], axis=1)
    return rotated + box[:3] - [0, box[4] / 2, 0]


def test_one_branch_learns_the_offsets_of_corners_and_centre(kitti_root):
    """The loss is the mean over all corners in front of the camera and all centres."""
    model = build('monocon_dla34_synthetic').eval()
    samples = packed_frames(kitti_root, ['Pedestrian', 'Car', 'Cyclist'])[:2]
    near = samples[1]['data_samples'].gt_instances_3d
    near.bboxes_3d.tensor[0, [0, 2]] = torch.tensor([1., .5])  # 4 corners behind the camera
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), True)
    with torch.no_grad():
        loss = model(**data, mode='loss')['loss_offset_3d'].item()
        feature = model.extract_feat(data['inputs'])
        offsets = torch.nn.Sequential(*model.object_head.offset_3d)(feature).numpy()
    assert offsets.shape[1] == 18
    errors = []
    for image, sample in enumerate(samples):
        sample = sample['data_samples']
        for box_2d, box in zip(sample.gt_instances.bboxes.numpy(),
                               sample.gt_instances_3d.bboxes_3d.tensor.numpy()):
            column, row = ((box_2d[:2] + box_2d[2:]) / 2 / 4).astype(int)
            points = released_keypoints(box)
            pixels = project(points, sample.cam2img) @ sample.affine[:2, :2].T
            targets = (pixels + sample.affine[:2, 2]) / 4 - [column, row]
            found = offsets[image, :, row, column].reshape(9, 2)
            errors.append(np.abs(found - targets)[points[:, 2] > 0])
    assert sum(map(len, errors)) == 9 * 5 - 4
    assert loss == pytest.approx(np.concatenate(errors).mean(), rel=1e-4)


def test_other_numbers_of_keypoints_are_refused():
    cfg = Config.fromfile('configs/monocon/monocon_dla34_kitti.py')
    with pytest.raises(InputError, match='num_keypoints is 8, expected 1 or 9'):
        MODELS.build({**cfg.model.object_head, 'num_keypoints': 8})


def test_depth_has_the_released_epsilon():
    """An epsilon of 1e-6 would limit depths to a million metres."""
    model = build('monocon_dla34_kitti')
    assert model.object_head.depth_head.eps == 1e-12
    raw = torch.tensor(-20., dtype=torch.float64)
    assert inverse_sigmoid_depth(raw, 1e-12).item() == pytest.approx(math.exp(20), rel=1e-3)
    assert inverse_sigmoid_depth(raw).item() == pytest.approx(1e6, rel=3e-3)


def test_attentive_normalisation_has_the_released_epsilon_and_momentum():
    norms = [module for module in build('monocon_dla34_kitti').modules()
             if isinstance(module, AttentiveBatchNorm2d)]
    assert len(norms) == 9
    for norm in norms:
        assert (norm.eps, norm.normalise.eps, norm.normalise.momentum) == (1e-3, 1e-3, .03)
        assert (norm.attention[1].eps, norm.attention[1].momentum) == (1e-5, .1)


def test_projective_depth_is_the_divisor_of_the_projection():
    camera = torch.tensor(np.vstack([P2, [0, 0, 0, 1]]))[None]
    geometry = InputGeometry(camera, torch.eye(3, dtype=torch.float64)[None])
    box = torch.tensor([[2., 1.6, 10., 3.9, 1.5, 1.6, .3]], dtype=torch.float64)
    center = torch.tensor(project([[2., 1.6 - .75, 10.]]))
    coder = CenterCoder(['Car'], cell_center='box', heading_center='projected',
                        projective_depth=True)
    code = coder.encode(torch.cat([center - 20, center + 20], dim=1), center, box,
                        torch.tensor([0]), geometry)
    assert code.depths.item() == pytest.approx(10 + P2[2, 3], abs=1e-9)
    decoded = coder.decode(code, torch.tensor([0]), geometry)
    torch.testing.assert_close(decoded.boxes_3d, box)


def test_regression_branches_start_small():
    """The released code draws all their convolutions with a standard deviation of 0.001."""
    model = build('monocon_dla34_kitti')
    branches = [model.dense_head.offset_2d, model.dense_head.size_2d,
                model.object_head.offset_3d, model.object_head.size_3d,
                model.object_head.heading, model.object_head.depth_head.depth]
    for branch in branches:
        for weight in (branch[0].weight, branch[1].attention[0].weight, branch[3].weight):
            assert weight.std().item() == pytest.approx(1e-3, rel=.3)
        assert not branch[0].bias.any() and not branch[3].bias.any()
    assert model.dense_head.heatmap[0].weight.std().item() > .01
    assert model.dense_head.heatmap[3].bias.sigmoid().tolist() == pytest.approx([.1] * 3)

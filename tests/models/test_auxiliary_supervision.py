"""Wrapper that adds auxiliary supervision to mmdet3d's detectors."""
import copy

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from tiny_kitti import packed_frames
from torch.utils._python_dispatch import TorchDispatchMode

from mmdet3d_plugin.datasets import KittiMonoDataset
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.detectors.auxiliary_supervision import (
    collect_depth_maps,
    collect_objects,
)

AUXILIARY = [dict(type='MetricAuxiliary',
                  loss=dict(type='QuasiIsometricLoss', K=2., B=1., epsilon=10.)),
             dict(type='ObjectDepthHead', in_channels=64, hidden_channels=8,
                  loss=dict(type='LaplacianAleatoricLoss'))]


@pytest.fixture(scope='module')
def smoke():
    cfg = Config.fromfile('configs/smoke/smoke_dla34_synthetic-demo.py')
    return cfg.model


@pytest.fixture
def samples(kitti_root):
    frames = packed_frames(kitti_root, ['Pedestrian', 'Cyclist', 'Car'])
    return [frames[index] for index in (0, 1, 3)]


def wrap(detector, feature='neck[0]', auxiliary=AUXILIARY):
    torch.manual_seed(0)
    return MODELS.build(dict(type='AuxiliarySupervision', detector=copy.deepcopy(detector),
                             feature=feature, auxiliary=copy.deepcopy(auxiliary)))


def run(model, samples, mode):
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), mode == 'loss')
    return model(**data, mode=mode)


def test_losses_are_those_of_the_detector_and_the_auxiliaries(smoke, samples):
    wrapped = wrap(smoke)
    own = run(wrapped.detector, samples, 'loss')
    losses = run(wrapped, samples, 'loss')
    assert set(losses) - set(own) == {'loss_metric', 'qi_satisfied', 'loss_object_depth'}
    sum(losses[key] for key in ('loss_metric', 'loss_object_depth')).backward()
    assert wrapped.detector.backbone.base_layer[0].weight.grad.abs().sum() > 0
    assert all(weight.grad is not None for weight in wrapped.auxiliary.parameters())


def test_prediction_is_that_of_the_bare_detector(smoke, samples):
    wrapped = wrap(smoke).eval()
    bare = MODELS.build(copy.deepcopy(smoke)).eval()
    weights = {key.removeprefix('detector.'): value
               for key, value in wrapped.state_dict().items() if key.startswith('detector.')}
    assert set(weights) == set(bare.state_dict())
    bare.load_state_dict(weights)

    def forbid(*_):
        pytest.fail('an auxiliary ran in prediction')

    for auxiliary in wrapped.auxiliary:
        auxiliary.register_forward_pre_hook(forbid)
    with torch.no_grad():
        pairs = list(zip(run(wrapped, samples, 'predict'), run(bare, samples, 'predict')))
    assert len(pairs) == 3
    for mine, other in pairs:
        assert torch.equal(mine.pred_instances_3d.bboxes_3d.tensor,
                           other.pred_instances_3d.bboxes_3d.tensor)
        assert torch.equal(mine.pred_instances_3d.scores_3d, other.pred_instances_3d.scores_3d)


class RecordedOperations(TorchDispatchMode):
    """Record of all PyTorch operators and the shapes of their arguments."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        shapes = [tuple(item.shape) for item in args if isinstance(item, torch.Tensor)]
        self.operations.append((str(function), shapes))
        return function(*args, **(kwargs or {}))


def test_prediction_runs_the_same_operations_as_the_bare_detector(smoke, samples):
    """Equal operations mean equal latency. Measured times would vary."""
    wrapped = wrap(smoke).eval()
    recorded = []
    for model in (wrapped, wrapped.detector):
        with torch.no_grad(), RecordedOperations() as record:
            run(model, samples, 'predict')
        recorded.append(record.operations)
    assert len(recorded[0]) > 100 and recorded[0] == recorded[1]


def test_objects_are_collected_from_the_samples(samples):
    batch = [sample['data_samples'] for sample in copy.deepcopy(samples)]
    objects = collect_objects(batch, torch.zeros(3, 64, 24, 80), 320)
    assert objects.image_index.tolist() == [0, 0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(objects.centers[3:5], batch[1].gt_instances_3d.centers_2d / 4)
    torch.testing.assert_close(objects.boxes[5:], batch[2].gt_instances.bboxes / 4)
    assert objects.depths[:3].tolist() == pytest.approx([12., 25., 9.])
    assert objects.zooms.tolist() == pytest.approx([320 / 1242] * 5 + [320 / 1224] * 2)
    keypoints, in_front = objects.keypoints()
    torch.testing.assert_close(keypoints[:, 8], objects.centers, atol=1e-3, rtol=0)
    assert in_front.all()


def test_zooms_after_transforms_of_mmdet3d(samples):
    """AffineResize stores a matrix to feature pixels, Resize a scale."""
    batch = [sample['data_samples'] for sample in copy.deepcopy(samples)]
    for sample in batch:
        del sample.affine
    objects = collect_objects(batch, torch.zeros(3, 64, 24, 80), 320)
    assert objects.zooms.tolist() == pytest.approx([320 / 1242] * 5 + [320 / 1224] * 2)
    assert objects.geometry is None
    for sample in batch:
        del sample.trans_mat
        sample.set_metainfo(dict(scale_factor=(.5, .5)))
    assert collect_objects(batch, torch.zeros(3, 64, 24, 80), 320).zooms.tolist() == [.5] * 7


def with_depth(samples, *sizes):
    """Add constant dense depth to the samples: 10 m to the first, 11 m to the second, ..."""
    for index, (sample, size) in enumerate(zip(samples, sizes)):
        sample['data_samples'].gt_depth_map = PixelData(data=torch.full((1, *size), 10. + index))
    return samples


def test_auxiliaries_receive_dense_depth(smoke, samples):
    """At the size of the feature map (CropScaleAffine) or of the input."""
    strategy = dict(type='UniformStrategy', positive_threshold=.5, negative_threshold=.75,
                    margin=5.)
    loss = dict(type='MultiRangeMetricLoss', strategy=strategy, num_within=2, num_across=2)
    wrapped = wrap(smoke, auxiliary=[dict(type='MultiRangeAuxiliary', loss=loss)])
    expected = None
    for size in [(24, 80), (96, 320)]:
        torch.manual_seed(0)
        losses = run(wrapped.eval(), with_depth(samples, size, size, size), 'loss')
        assert losses['loss_multi_range'] > 0
        assert expected in (None, losses['loss_multi_range'])
        expected = losses['loss_multi_range']
    expected.backward()
    assert wrapped.detector.backbone.base_layer[0].weight.grad.abs().sum() > 0


def test_dense_depth_is_collected_from_the_samples(samples):
    batch = [sample['data_samples'] for sample in with_depth(samples, *[(24, 80)] * 3)]
    depths = collect_depth_maps(batch, (96, 320))
    assert depths.shape == (3, 24, 80) and depths[:, 0, 0].tolist() == [10., 11., 12.]
    del batch[1].gt_depth_map
    with pytest.raises(InputError, match='1 of 3 samples have no dense depth'):
        collect_depth_maps(batch, (96, 320))
    assert collect_depth_maps([batch[1]], (96, 320)) is None


def test_dense_depth_of_another_view_is_refused(samples):
    """For example after mmdet's Resize, which does not transform dense depth."""
    batch = [sample['data_samples'] for sample in with_depth(samples, *[(375, 1242)] * 3)]
    with pytest.raises(InputError, match='375 x 1242 cells does not cover the view of an input of '
                       '96 x 320 pixels; use CropScaleAffine'):
        collect_depth_maps(batch, (96, 320))


@pytest.mark.parametrize('feature, message', [
    ('nek[0]', 'SMOKEMono3D has no such module; it has backbone, neck, bbox_head'),
    ('', 'no such module'), ('neck[x]', 'no such module')])
def test_unknown_feature_is_refused(smoke, feature, message):
    with pytest.raises(InputError, match=message):
        wrap(smoke, feature)


@pytest.mark.parametrize('feature, message', [
    ('backbone', r'backbone has \d output maps; choose one, backbone\[0\] to'),
    ('neck[7]', 'neck has 1 output maps')])
def test_wrong_index_is_refused(smoke, samples, feature, message):
    with pytest.raises(InputError, match=message):
        run(wrap(smoke, feature), samples, 'loss')


def test_a_single_map_needs_no_index(smoke, samples):
    assert 'loss_metric' in run(wrap(smoke, 'neck'), samples, 'loss')


@pytest.mark.slow
@pytest.mark.parametrize('name', ['pgd', 'fcos3d'])
def test_detectors_of_mmdet3d_train_with_auxiliaries(kitti_root, name):
    """PGD and FCOS3D, with a small backbone and without deformable convolutions."""
    cfg = Config.fromfile(f'configs/ddml/{name}_both_kitti.py')
    detector = cfg.model.detector
    detector.backbone.update(depth=18, init_cfg=None, style='pytorch')
    detector.neck.in_channels = [64, 128, 256, 512]
    detector.bbox_head.dcn_on_last_conv = False
    dataset = KittiMonoDataset(**{**{key: value for key, value in
                                     cfg.train_dataloader.dataset.items() if key != 'type'},
                                  'data_root': str(kitti_root)})
    model = MODELS.build(cfg.model)
    losses = run(model, [dataset[0]], 'loss')
    assert {'loss_cls', 'loss_metric', 'qi_satisfied', 'loss_object_depth'} <= set(losses)
    total, _ = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total)
    assert model.detector.neck.fpn_convs[0].conv.weight.grad.abs().sum() > 0

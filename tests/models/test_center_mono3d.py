"""CenterMono3D: losses, gradients, frames without objects, predictions."""
import copy
import re

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from tiny_kitti import FRAMES, packed_frames

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.dense_heads.center_head_2d import DenseMaps, Peaks
from mmdet3d_plugin.models.detectors.center_mono3d import Detections
from mmdet3d_plugin.models.object_heads.depth_heads import SelectableDepths
from mmdet3d_plugin.models.object_heads.object_head_3d import ObjectPredictions
from mmdet3d_plugin.models.task_modules import center_target_assigner
from mmdet3d_plugin.models.task_modules.center_coder import ObjectBoxes
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry

# Parameters of mmdet3d's two-level trees that their forward pass does not use.
UNUSED = re.compile(r'backbone\.level\d\.project')
TASKS = ['heatmap', 'offset_2d', 'size_2d', 'depth', 'size_3d', 'offset_3d', 'heading']


@pytest.fixture(scope='module')
def config():
    return Config.fromfile('configs/monolss/monolss_dla34_synthetic-demo.py')


@pytest.fixture
def model(config):
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(config.model))
    model.init_weights()
    return model


@pytest.fixture
def samples(config, kitti_root):
    return packed_frames(kitti_root, config.class_names)


def losses_of(model, samples):
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), True)
    return model(**data, mode='loss')


def test_losses_have_one_entry_per_task_and_reach_every_weight(model, samples):
    losses = losses_of(model, samples)
    assert sorted(losses) == sorted(f'loss_{task}' for task in TASKS)
    total = sum(losses.values())
    assert torch.isfinite(total)
    total.backward()
    assert not {name for name in without_gradient(model) if not UNUSED.match(name)}


def without_gradient(model):
    return {name for name, parameter in model.named_parameters() if parameter.grad is None}


def test_depth_loss_before_and_after_the_warm_up(model, samples):
    """Before: 10 times the mean over all locations. After: 100 times the weighted mean.

    The weights are the softmax of the logits. The logits are too similar for a split, so all
    locations are kept. The factor 100 is loss_weight times loss_factor.
    """
    model.eval()  # no Gumbel noise
    recorded = {}
    loss_depth = model.object_head.depth_head.loss_depth

    def record(prediction, log_variance, target, weight):
        recorded.update(prediction=prediction, log_variance=log_variance, target=target,
                        weight=weight)
        return loss_depth(prediction, log_variance, target, weight)

    del model.object_head.depth_head.loss_depth
    model.object_head.depth_head.loss_depth = record
    model.object_head.depth_head.logit.register_forward_hook(
        lambda module, inputs, output: recorded.update(logits=output.flatten(1)))
    for selecting in (False, True):
        model.zero_grad()
        model.object_head.depth_head.selecting = selecting
        losses = losses_of(model, samples)
        losses['loss_depth'].backward()
        elementwise = (1.4142 * (-.5 * recorded['log_variance']).exp()
                       * (recorded['prediction'] - recorded['target']).abs()
                       + .5 * recorded['log_variance'])
        attention = recorded['logits'].softmax(dim=1)
        assert (attention.amax(dim=1) < 1000 * attention.amin(dim=1)).all()
        expected = (100 * (elementwise * attention).mean() if selecting
                    else 10 * elementwise.mean())
        torch.testing.assert_close(losses['loss_depth'], expected)
        learns = not any(name.startswith('object_head.depth_head.logit')
                         for name in without_gradient(model))
        assert learns is selecting


def test_batch_without_objects_has_finite_losses_and_gradients(model, samples):
    empty = [samples[list(FRAMES).index('000012')]] * 2
    losses = losses_of(model, empty)
    for task in TASKS[1:]:
        assert losses[f'loss_{task}'].item() == 0
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        if not UNUSED.match(name):
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    assert all(torch.isfinite(buffer).all() for buffer in model.buffers())


def test_batch_losses_are_object_weighted_means_of_frame_losses(model, samples):
    model.eval()  # batch statistics would mix the frames
    together = losses_of(model, [samples[0], samples[3]])
    alone = [losses_of(model, [samples[index]]) for index in (0, 3)]
    counts = np.array([len(FRAMES[name]) for name in ('000000', '000031')])
    for task in ('offset_2d', 'size_2d', 'depth', 'size_3d', 'offset_3d', 'heading'):
        values = np.array([losses[f'loss_{task}'].item() for losses in alone])
        assert together[f'loss_{task}'].item() == pytest.approx(
            (values * counts).sum() / counts.sum(), rel=1e-4), task


@pytest.mark.parametrize('frames', [(0, 1), (2, 2)], ids=['objects', 'no objects'])
def test_counts_are_reduced_over_ranks_once_per_step(model, samples, monkeypatch, frames):
    """In the assigner, so that ranks with and without objects take part alike."""
    reduced = []
    mean_count = center_target_assigner.mean_count
    monkeypatch.setattr(center_target_assigner, 'mean_count',
                        lambda counts: reduced.append(counts.tolist()) or mean_count(counts))
    losses_of(model, [samples[index] for index in frames])
    num_objects = sum(len(samples[index]['data_samples'].gt_instances_3d) for index in frames)
    assert reduced == [[num_objects] * 3]  # peaks, objects, objects in whole images


def test_task_weights_scale_losses_and_log_the_raw_ones(model, samples):
    model.eval()
    plain = losses_of(model, samples)
    model.task_weights = dict(depth=0., heading=.5, size_2d=1.)
    weighted = losses_of(model, samples)
    assert weighted['loss_depth'].item() == 0
    assert weighted['loss_heading'].item() == pytest.approx(.5 * plain['loss_heading'].item())
    assert weighted['raw_depth'].item() == pytest.approx(plain['loss_depth'].item())
    parsed, _ = model.parse_losses(weighted)
    assert parsed.item() == pytest.approx(
        sum(value.item() for key, value in weighted.items() if key.startswith('loss_')))


def test_detached_boxes_stop_gradients_of_3d_losses(model, samples):
    def gradient():
        model.zero_grad()
        losses_of(model, samples)['loss_depth'].backward()
        weight = model.dense_head.size_2d[-1].weight.grad
        return 0. if weight is None else weight.abs().sum().item()

    model.detach_boxes = False
    assert gradient() > 0
    model.detach_boxes = True
    assert gradient() == 0


@pytest.mark.parametrize('name, change', [('threshold', dict(heatmap_threshold=0.)),
                                          ('none', dict(heatmap_threshold=2.)),
                                          ('none', dict(score_threshold=2.))])
def test_predictions_have_matching_fields(model, samples, name, change):
    model.eval()
    model.test_cfg.update(change, nms_iou=1.)
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), False)
    for sample in model(**data, mode='predict'):
        boxes_3d, boxes_2d = sample.pred_instances_3d, sample.pred_instances
        count = len(boxes_3d.scores_3d)
        assert count == 0 if name == 'none' else 10 < count <= 50
        assert boxes_3d.bboxes_3d.tensor.shape == (count, 7)
        assert boxes_2d.bboxes.shape == (count, 4) and boxes_3d.alphas.shape == (count, )
        assert boxes_3d.sample_weights.shape == (count, 49)
        assert (boxes_3d.scores_3d.diff() <= 0).all()
        assert torch.isfinite(boxes_3d.bboxes_3d.tensor).all()


@pytest.mark.parametrize('nms_iou, kept', [(1., [0, 1, 2, 3]), (.5, [0, 2, 3])])
def test_nms_keeps_the_best_of_overlapping_boxes_of_a_class(model, samples, nms_iou, kept):
    # The second and the third box overlap the first with an IoU of 0.625. The third box has
    # another class.
    boxes_2d = torch.tensor([[0., 0., 10., 8.], [0., 0., 10., 5.], [0., 0., 10., 5.],
                             [20., 0., 30., 8.]])
    boxes = ObjectBoxes(boxes_2d, torch.ones(4, 7), torch.zeros(4))
    scores = torch.tensor([.9, .8, .7, .6])
    peaks = Peaks(torch.zeros(4, dtype=torch.long), torch.tensor([1, 1, 2, 1]), scores, None)
    model.test_cfg.update(nms_iou=nms_iou, heatmap_threshold=0.)
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples[:1])), False)
    detections = Detections(boxes, torch.ones(4), torch.ones(4, 49))
    (sample, ) = model._fill_samples(data['data_samples'], peaks, detections)
    torch.testing.assert_close(sample.pred_instances.scores, scores[kept])
    torch.testing.assert_close(sample.pred_instances.bboxes, boxes_2d[kept])


def test_headings_are_learned_from_label_angles_on_request(model, samples):
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), False)
    geometry = model._geometry(data['data_samples'], torch.device('cpu'))

    def alphas():
        return model.assigner.assign(data['data_samples'], (24, 80), model.coder,
                                     geometry).code.alphas

    plain = alphas()
    model.assigner.label_alphas = True
    with pytest.raises(InputError, match='set alphas=True in LoadAnnotationsMono3D'):
        alphas()
    angles = torch.linspace(-3, 3, len(plain))
    counts = [len(sample.gt_instances_3d) for sample in data['data_samples']]
    for sample, part in zip(data['data_samples'], angles.split(counts)):
        sample.gt_instances_3d.alphas = part
    torch.testing.assert_close(alphas(), angles)


@pytest.mark.parametrize('keep, expected', [(False, [0]), (True, [0, 1, 2])])
def test_boxes_of_nonpositive_size_are_dropped_unless_they_are_kept(model, samples, keep,
                                                                    expected):
    boxes_3d = torch.ones(3, 7)
    boxes_3d[1, 3], boxes_3d[2, 5] = 0., -1.  # a length and a width
    boxes = ObjectBoxes(torch.tensor([[0., 0., 9., 9.]] * 3), boxes_3d, torch.zeros(3))
    peaks = Peaks(torch.zeros(3, dtype=torch.long), torch.tensor([1, 1, 1]),
                  torch.tensor([.9, .8, .7]), None)
    model.test_cfg.update(heatmap_threshold=0., nms_iou=1., keep_nonpositive_sizes=keep)
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples[:1])), False)
    detections = Detections(boxes, torch.ones(3), torch.ones(3, 49))
    (sample, ) = model._fill_samples(data['data_samples'], peaks, detections)
    torch.testing.assert_close(sample.pred_instances_3d.scores_3d, peaks.scores[expected])
    torch.testing.assert_close(sample.pred_instances_3d.bboxes_3d.tensor, boxes_3d[expected])


def test_scores_are_products_of_heatmap_score_and_3d_confidence(model, samples):
    """The confidence changes the order of the detections and drops the last one."""
    boxes = ObjectBoxes(torch.tensor([[0., 0., 9., 9.], [20., 0., 29., 9.], [40., 0., 49., 9.]]),
                        torch.ones(3, 7), torch.zeros(3))
    peaks = Peaks(torch.zeros(3, dtype=torch.long), torch.tensor([1, 1, 1]),
                  torch.tensor([.8, .5, .9]), None)
    model.test_cfg.update(heatmap_threshold=.2, score_threshold=.1, nms_iou=1.)
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples[:1])), False)
    detections = Detections(boxes, torch.tensor([.25, .9, .1]), torch.ones(3, 49))
    (sample, ) = model._fill_samples(data['data_samples'], peaks, detections)
    expected = torch.tensor([.45, .2])  # .5 * .9, .8 * .25; .9 * .1 is below the threshold
    torch.testing.assert_close(sample.pred_instances_3d.scores_3d, expected)
    torch.testing.assert_close(sample.pred_instances.scores, expected)
    torch.testing.assert_close(sample.pred_instances.bboxes, boxes.boxes_2d[[1, 0]])


def test_perfect_outputs_decode_to_the_ground_truth(model, samples, monkeypatch):
    """Both heads are replaced by functions that return the encoded ground truth."""
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), False)
    truth = [copy.deepcopy(sample.gt_instances_3d) for sample in data['data_samples']]
    feature = model.extract_feat(data['inputs'])
    targets = model.assigner.assign(
        data['data_samples'], feature.shape[-2:], model.coder,
        InputGeometry.from_metas([item.metainfo for item in data['data_samples']],
                                 feature.device))
    code = targets.code
    rows, columns = code.cells[:, 1], code.cells[:, 0]

    def forward_dense(_):
        offset = torch.zeros(len(samples), 2, *feature.shape[-2:])
        size = offset.clone()
        offset[targets.image_index, :, rows, columns] = code.offsets_2d
        size[targets.image_index, :, rows, columns] = code.sizes_2d
        return DenseMaps(targets.heatmap * .9, offset, size)

    def forward_objects(feature, queries):
        count = len(queries.boxes)
        match = [((targets.image_index == image) & (targets.labels == label)
                  & ((code.boxes - box).abs().sum(1) < 1e-4)).nonzero().flatten()
                 for image, label, box in zip(queries.image_index, queries.labels, queries.boxes)]
        index = torch.tensor([item[0] if len(item) else 0 for item in match])
        bins, residuals = model.object_head.heading_coder.encode(code.alphas[index])
        depth = SelectableDepths(code.depths[index, None].expand(-1, 49),
                                 torch.full((count, 49), -20.), torch.zeros(count, 49))
        return ObjectPredictions(
            depth, code.size_residuals[index], code.offsets_3d[index],
            torch.nn.functional.one_hot(bins, 12).float(), residuals[:, None].expand(-1, 12))

    monkeypatch.setattr(model.dense_head, 'forward', forward_dense)
    monkeypatch.setattr(model.object_head, 'forward', forward_objects)
    model.test_cfg.update(heatmap_threshold=.85)
    predicted = model(**data, mode='predict')
    for sample, true_objects in zip(predicted, truth):
        found = sample.pred_instances_3d
        assert len(found.scores_3d) == len(true_objects.labels_3d)
        order = found.bboxes_3d.tensor[:, 0].argsort()
        expected = true_objects.bboxes_3d.tensor
        torch.testing.assert_close(found.bboxes_3d.tensor[order],
                                   expected[expected[:, 0].argsort()], atol=2e-3, rtol=0)


@pytest.mark.slow
def test_overfitting_a_few_frames(model, samples):
    """The loss falls below 35 % of its initial value in 60 steps."""
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    history = []
    for _ in range(60):
        losses = losses_of(model, samples)
        total = sum(losses.values())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        history.append(total.item())
    assert history[-1] < 0.35 * history[0]


def test_auxiliaries_add_losses_and_do_not_change_predictions(config, samples):
    """Predictions with and without auxiliaries are equal in every bit."""
    def build(auxiliary):
        torch.manual_seed(0)
        built = MODELS.build({**copy.deepcopy(config.model), 'auxiliary': auxiliary})
        built.init_weights()
        return built

    bare = build([])
    supervised = build(Config.fromfile('configs/ddml/monolss_both_synthetic.py').model.auxiliary)
    supervised.load_state_dict(bare.state_dict(), strict=False)
    added = supervised.state_dict().keys() - bare.state_dict().keys()
    assert {key.split('.')[0] for key in added} == {'auxiliary'}
    losses = losses_of(supervised.eval(), samples)
    assert set(losses) - set(losses_of(bare.eval(), samples)) == {
        'loss_metric', 'qi_satisfied', 'loss_object_depth'}
    assert 0 <= losses['qi_satisfied'].item() <= 1 and losses['loss_object_depth'].item() > 0
    total, logged = supervised.parse_losses(losses)
    assert total.item() == pytest.approx(
        sum(value.item() for key, value in losses.items() if key.startswith('loss_')), rel=1e-5)
    assert 'qi_satisfied' in logged

    data = supervised.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), False)
    for model in (bare, supervised):
        model.test_cfg = {**model.test_cfg, 'heatmap_threshold': 0.}
    for mine, other in zip(supervised(**copy.deepcopy(data), mode='predict'),
                           bare(**copy.deepcopy(data), mode='predict')):
        assert torch.equal(mine.pred_instances_3d.bboxes_3d.tensor,
                           other.pred_instances_3d.bboxes_3d.tensor)
        assert torch.equal(mine.pred_instances_3d.scores_3d, other.pred_instances_3d.scores_3d)

"""A training step does not make the host wait for the device.

On a GPU torch reports waiting. On a CPU the tests follow the tensors that would be on the device,
and report operations whose result the host needs.
"""
import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.structures import BaseDataElement
from tiny_kitti import packed_frames, write_kitti
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from mmdet3d_plugin.engine.hooks import FiniteLossHook

CONFIGS = ['configs/monolss/monolss_dla34_synthetic-demo.py',
           *(f'configs/ddml/{name}_both_synthetic.py'
             for name in ('gupnet', 'monodle', 'monocon', 'monolss'))]
aten = torch.ops.aten
# Operations that return values to the host, or whose output size depends on values.
WAITING = {aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten._unique2,
           aten.unique_dim, aten.unique_consecutive, aten.is_nonzero, aten.equal, aten.bincount}


class DeviceFollower(TorchDispatchMode):
    """Mark all results of marked tensors, and record operations that would wait for them."""

    def __init__(self, tensors):
        super().__init__()
        self.kept = list(tensors)  # a new tensor may get the id of a freed one
        self.marked = {id(tensor) for tensor in self.kept}
        self.waiting = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = [item for item in tree_flatten((args, kwargs))[0]
                  if isinstance(item, torch.Tensor)]
        result = function(*args, **kwargs)
        if any(id(item) in self.marked for item in inputs):
            masks = function.overloadpacket in (aten.index, aten.index_put, aten.index_put_)
            by_mask = masks and any(
                isinstance(item, torch.Tensor) and item.dtype == torch.bool for item in args[1])
            sizes = function == aten.repeat_interleave.Tensor and not kwargs.get('output_size')
            if function.overloadpacket in WAITING or by_mask or sizes:
                self.waiting.append(str(function))
            for item in tree_flatten(result)[0]:
                if isinstance(item, torch.Tensor):
                    self.kept.append(item)
                    self.marked.add(id(item))
        return result


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, BaseDataElement):
        yield from tensors_of([item for _, item in value.items()])
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors_of(item)
    elif hasattr(value, 'tensor'):  # boxes
        yield value.tensor


@pytest.fixture(scope='module')
def batch(tmp_path_factory):
    root = write_kitti(tmp_path_factory.mktemp('data') / 'kitti')
    frames = packed_frames(root, ['Pedestrian', 'Car', 'Cyclist'])
    return pseudo_collate(frames[:3:2])  # a frame with objects and one without


def build(config):
    cfg = Config.fromfile(Path(__file__).parents[2] / config)
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(cfg.model))
    model.init_weights()
    head = model.object_head.depth_head
    if hasattr(head, 'selecting'):
        head.selecting = True
    return model.train(), build_optim_wrapper(model, cfg.optim_wrapper)


@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: Path(path).stem)
def test_a_step_does_not_wait(batch, config, monkeypatch):
    # Only on a CPU does torch check the classes that it is given.
    monkeypatch.setattr(functional, 'one_hot', lambda labels, num_classes: (
        labels[:, None] == torch.arange(num_classes)).long())
    model, wrapper = build(config)
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    roots = [*tensors_of(data), *model.parameters(), *model.buffers()]
    assert len(roots) > 100
    with DeviceFollower(roots) as follower:
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        wrapper.update_params(loss)
    assert id(loss) in follower.marked
    assert not follower.waiting


def test_the_follower_records_waiting():
    image = torch.arange(6.)
    host = torch.tensor([True, False] * 3)
    with DeviceFollower([image]) as follower:
        host.nonzero()
        doubled = 2 * image
        assert not follower.waiting
        (doubled.sum() + 1).item()
        doubled[doubled > 3]
        if doubled.max() > 3:
            pass
    assert follower.waiting == ['aten._local_scalar_dense.default', 'aten.index.Tensor',
                                'aten._local_scalar_dense.default']


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: Path(path).stem)
def test_a_step_on_a_gpu_does_not_wait(batch, config):
    model, wrapper = build(config)
    model.cuda()
    hook = FiniteLossHook()
    runner = type('Runner', (), dict(iter=0, work_dir=''))

    def step():
        losses = model.train_step(copy.deepcopy(batch), wrapper)
        hook.after_train_iter(runner, 0, data_batch=batch, outputs=losses)

    for _ in range(3):  # the first steps choose kernels and allocate memory
        step()
    torch.cuda.set_sync_debug_mode('error')
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode('default')

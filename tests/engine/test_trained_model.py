"""Trained models with their own config: plain configs, model folders, the training's camera."""
import json
import math
from contextlib import suppress

import pytest
import torch
from mmdet3d.registry import MODELS, TASK_UTILS, TRANSFORMS
from mmengine.config import Config
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_config import write_config
from tiny_kitti import P2, write_kitti
from tiny_predictor import CAMERA, ROOT, picture, tiny_model, write_checkpoint
from tiny_training import TinyDLANet

from mmdet3d_plugin.engine.deployment import deploy_config
from mmdet3d_plugin.engine.load_model import drop_pretrained
from mmdet3d_plugin.engine.plain_config import check_parts, parse_config
from mmdet3d_plugin.engine.trained_model import read_trained_model
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.prediction import Predictor


@pytest.fixture(scope='module')
def selecting_model():
    return tiny_model('monolss')


@pytest.mark.parametrize('config', [
    'monocon/monocon_dla34_kitti.py', 'gupnet/gupnet_dla34_kitti_reference.py',
    'ddml/fcos3d_both_kitti.py', 'mal/mal_synthetic.py'])
def test_the_text_of_a_config_is_parsed_to_the_same_values(config):
    cfg = Config.fromfile(ROOT / 'configs' / config)
    parsed = parse_config(cfg.pretty_text, config)
    assert parsed.to_dict() == cfg.to_dict()
    deployed = deploy_config(parsed)
    drop_pretrained(deployed.model)
    check_parts(deployed, config)


def test_plain_values():
    text = ("a = dict({'x y': -1, 'z': (1, 2.5)}, b=[None, True])\n"
            "c = {'d': float_free}\n".replace('float_free', 'inf'))
    parsed = parse_config(text, 't')
    assert parsed.a == {'x y': -1, 'z': (1, 2.5), 'b': [None, True]} and parsed.c.d == math.inf


@pytest.mark.parametrize('text', [
    'import os', 'a = __import__("os").system("touch planted")', 'a = b', 'a = [i for i in ()]',
    'a = 2 ** 9999', 'a = "b" * 10 ** 9', 'a = dict(**b)', 'a, b = 1, 2', 'a.b = 1', 'a += 1',
    'f"{1}"', 'a = -"b"', 'a = (lambda: 0)()', 'a = dict([1])', 'a = ' + '-' * 9999 + '1',
    'a = ' + '[' * 9999 + ']' * 9999, 'a = "', 'a = {[]: 1}', 'filename = "a"', '#' * (1 << 20)
    + '##'])
def test_anything_else_in_a_config_is_refused(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match='a.pth: its config .*; name the config file instead'):
        parse_config(text, 'a.pth')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('model, message', [
    (dict(type='os.system', command='touch planted'), "'os.system', which is none of this"),
    (dict(type='mmengine.load', file='a.pkl'), "'mmengine.load', which is none of this"),
    (dict(type='DLANet', neck=[dict(type='subprocess.run')]), "'subprocess.run'"),
    (dict(type='DLANet', neck=dict(type=3)), 'names 3, which is none'),
    (dict(type='DLANet', neck=dict(type=['DLANet'])), "names .'DLANet'., which is none"),
    (dict(type='os.DLANet'), "'os.DLANet', which is none"),
    (dict(type='KittiMonoDataset', ann_file='a.pkl'), "'KittiMonoDataset', which is none"),
    (dict(type='mmdet.KnowledgeDistillationSingleStageDetector', teacher_config='a.py'),
     "KnowledgeDistillationSingleStageDetector', which is none of .* name the config file"),
    (dict(type='TimmBackbone', name='resnet18', checkpoint_path='a.pth'),
     "checkpoint_path='a.pth', but weights are in the checkpoint"),
    (dict(type='mmdet.ResNet', depth=50, pretrained='https://a.org/a.pth'), 'pretrained='),
    (dict(type='TimmBackbone', pretrained_cfg=dict(file='a.pth')), 'pretrained_cfg='),
    (dict(type='DLANet', init_cfg=dict(type='Normal', override=dict(checkpoint='a.pth'))),
     "checkpoint='a.pth', but weights"),
    (dict(type='DLANet', _scope_='planted'), "_scope_='planted', expected one of .*mmdet3d"),
    (dict(type='DLANet', depth=10 ** 12), 'depth=1000000000000, expected at most')])
def test_models_that_are_refused(model, message):
    with pytest.raises(InputError, match=f'^a.pth: its config .*{message}'):
        check_parts(Config(dict(model=model)), 'a.pth')


@pytest.mark.parametrize('transform, message', [
    (dict(type='ObjectSample', db_sampler=dict(type='DataBaseSampler', info_path='a.pkl')),
     "'ObjectSample', which is none"),
    (dict(type='LoadAnnotations3D', seg_3d_dtype='1'), "'LoadAnnotations3D', which is none"),
    (dict(type='DLANet'), "'DLANet', which is none"),
    (dict(type='MakeViews', transforms=[]), 'transform MakeViews, which holds other transforms'),
    (dict(type='MakeViews', clean=[dict(type='Resize')]), 'MakeViews, which holds other')])
def test_transforms_that_are_refused(transform, message):
    config = Config(dict(model=dict(type='DLANet'), test_pipeline=[
        dict(type='LoadImageMono3D'), dict(type='mmdet.Resize', scale=(8, 8)), transform]))
    with pytest.raises(InputError, match=f'^a.pth: its config .*{message}'):
        check_parts(config, 'a.pth')
    config.test_pipeline.pop()
    check_parts(config, 'a.pth')


def compensation(code):
    return dict(type='mmdet.CameraMotionCompensation', warp_mode=code)


def loading(code):
    return dict(type='LoadAnnotations3D', seg_3d_dtype=code)


@pytest.mark.parametrize('plant, build', [
    (lambda cfg, code: cfg.model.update(coder=compensation(code)),
     lambda code: TASK_UTILS.build(compensation(code))),
    (lambda cfg, code: cfg.model.assigner.update(parts=[dict(inner=(compensation(code), ))]),
     lambda code: TASK_UTILS.build(compensation(code))),
    (lambda cfg, code: cfg.test_dataloader.dataset.pipeline.append(
        dict(type='KeyMapper', transforms=[loading(code)])),
     lambda code: TRANSFORMS.build(dict(type='KeyMapper', transforms=[loading(code)]))),
    (lambda cfg, code: cfg.test_dataloader.dataset.pipeline.append(
        dict(type='MixUp3D', inner=[dict(type='RandomChoice', transforms=[[loading(code)]])])),
     lambda code: TRANSFORMS.build(loading(code)))])
def test_classes_that_execute_their_arguments(tmp_path, monkeypatch, plant, build):
    monkeypatch.chdir(tmp_path)
    code = "__import__('os').mkdir('planted')"
    model = tiny_model()
    plant(model.cfg, code)
    path = write_checkpoint(tmp_path / 'a.pth', model)
    with pytest.raises(InputError, match='a.pth: its config names .*, which is none of this'):
        Predictor(path)
    assert not (tmp_path / 'planted').exists()
    with suppress(Exception):  # the value is unusable
        build(code)
    assert (tmp_path / 'planted').exists()


@MODELS.register_module()
class OwnDLANet(TinyDLANet):
    """Class of a user."""

    __module__ = __name__


def test_a_class_of_the_user_needs_the_config(run_tool, tmp_path):
    model = tiny_model()
    model.cfg.model.backbone.type = 'OwnDLANet'
    path = write_checkpoint(tmp_path / 'a.pth', model)
    refused = (r"its config names 'OwnDLANet', which is none of this project's classes; if you "
               r'trust it, name the config file \(--config, or config=...\)$')
    with pytest.raises(InputError, match=refused):
        Predictor(path, 'cpu')
    assert type(Predictor(path, 'cpu', config=model.cfg).model.backbone) is OwnDLANet
    # The exported file has no config that would be refused, unless the user names it.
    code, printed = run_tool('export_weights', path, tmp_path / 'out.pth')
    assert code == 0 and 'without config' in printed.out and 'OwnDLANet' in printed.out
    assert 'cfg' not in torch.load(tmp_path / 'out.pth', weights_only=True)['meta']


def test_weights_that_a_config_names_are_not_loaded(tmp_path):
    model = tiny_model()
    absent = dict(type='Pretrained', checkpoint='https://absent.invalid/a.pth')
    model.cfg.model.backbone.init_cfg = absent
    model.cfg.model.neck.init_cfg = [dict(type='Xavier', layer='Conv2d'), absent]
    config = read_trained_model(write_checkpoint(tmp_path / 'a.pth', model)).config
    assert config.model.backbone.init_cfg is None
    assert config.model.neck.init_cfg == [dict(type='Xavier', layer='Conv2d')]


@pytest.mark.parametrize('selecting', [True, False])
def test_an_exported_file_predicts_as_the_checkpoint(run_tool, tmp_path, selecting_model,
                                                     selecting):
    state = dict(sample_selection_warmup=dict(selecting=selecting, losses=[],
                                              epoch_losses=torch.ones(2)))
    path = write_checkpoint(tmp_path / 'a.pth', selecting_model, optimizer=dict(state={}), **state)
    code, printed = run_tool('export_weights', path, tmp_path / 'out.pth')
    assert code == 0 and printed.out.strip().endswith('left out, with config')
    content = torch.load(tmp_path / 'out.pth', weights_only=True)
    assert set(content) == {'meta', 'state_dict', 'sample_selection_warmup'}
    assert 'dataloader' not in content['meta']['cfg']
    loaded, trained = (Predictor(source, 'cpu', score_threshold=0.)
                       for source in (tmp_path / 'out.pth', path))
    assert loaded.model.object_head.depth_head.selecting == selecting
    assert loaded.class_names == ('Pedestrian', 'Car', 'Cyclist')
    assert loaded.training_camera == trained.training_camera
    assert loaded.training_camera.focal_length == 360
    first, second = (item(picture(), CAMERA)[0] for item in (loaded, trained))
    assert len(first) > 5 and (first.boxes_3d == second.boxes_3d).all()


def test_a_checkpoint_with_a_planted_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = tiny_model()
    for old, new in [("type='CenterMono3D'", "type='os.mkdir', path='planted'"),
                     ("type='TinyDLANet'", "type='TinyDLANet', missing=3"),
                     ('acceleration', 'x = __import__("os").mkdir("planted")\nacceleration')]:
        path = write_checkpoint(tmp_path / 'a.pth', model)
        content = torch.load(path, weights_only=True)
        assert old in content['meta']['cfg']
        content['meta']['cfg'] = content['meta']['cfg'].replace(old, new)
        torch.save(content, path)
        with pytest.raises(InputError, match='a.pth: its config'):
            Predictor(path)
        assert not (tmp_path / 'planted').exists()


@pytest.mark.parametrize('selecting', [True, False])
def test_model_folder(run_tool, tmp_path, selecting_model, selecting):
    """The folder predicts as the checkpoint, in the state that hooks keep, without local paths."""
    model = selecting_model
    state = dict(sample_selection_warmup=dict(selecting=selecting, losses=[], epoch_losses=[]))
    path = write_checkpoint(tmp_path / 'epoch_3.pth', model, **state)
    log = tmp_path / '2026/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"lr": 0.1, "loss": 3, "step": 5}\n{"KITTI/Car_3D": 12.25, "step": 3}\n')
    code, printed = run_tool('export_weights', path, tmp_path / 'folder', '--license',
                             'apache-2.0', '--data', 'Rendered scenes', '--title', 'Tiny')
    assert code == 0 and '(1 metrics)' in printed.out, printed.err
    folder = tmp_path / 'folder'
    assert sorted(item.name for item in folder.iterdir()) == [
        'README.md', 'config.py', 'model.safetensors']
    text = (folder / 'config.py').read_text()
    assert 'data/' not in text and 'dataloader' not in text and 'checkpoint=' not in text
    card = (folder / 'README.md').read_text()
    front = card.split('---')[1]
    for line in ('license: apache-2.0', 'pipeline_tag: object-detection',
                 'datasets: [rendered-scenes]', 'library_name: mmdet3d_plugin'):
        assert line in front.splitlines()
    for part in ('# Tiny', '| KITTI/Car_3D | 12.25 |', 'Pedestrian, Car, Cyclist',
                 'focal length 360.0 pixels in images of 620x186', '| epoch | 3 |'):
        assert part in card
    loaded, trained = (Predictor(source, 'cpu', score_threshold=0.) for source in (folder, path))
    assert loaded.model.object_head.depth_head.selecting == selecting
    assert loaded.class_names == ('Pedestrian', 'Car', 'Cyclist')
    first, second = (item(picture(), CAMERA)[0] for item in (loaded, trained))
    assert len(first) > 5 and (first.boxes_3d == second.boxes_3d).all()
    # The folder can be exported again.
    code, _ = run_tool('export_weights', folder, tmp_path / 'again')
    assert code == 0 and (tmp_path / 'again/config.py').read_text() == text
    assert 'not stated' in (tmp_path / 'again/README.md').read_text()


def test_auxiliaries_are_left_out(tmp_path):
    """The wrapper AuxiliarySupervision, and auxiliaries of CenterMono3D."""
    model = tiny_model()
    wrapped = model.cfg.copy()
    wrapped.model = dict(type='AuxiliarySupervision', detector=model.cfg.model, feature='neck',
                         auxiliary=[dict(type='Nothing')])
    weights = {f'detector.{key}': value for key, value in model.state_dict().items()}
    torch.save(dict(meta=dict(cfg=wrapped.pretty_text),
                    state_dict={**weights, 'auxiliary.0.weight': torch.ones(2)}),
               tmp_path / 'a.pth')
    trained = read_trained_model(tmp_path / 'a.pth')
    assert trained.config.model.type == 'CenterMono3D'
    assert set(trained.weights) == set(model.state_dict())
    trained.build()


@pytest.mark.parametrize('break_it, message', [
    (lambda folder: (folder / 'model.safetensors').write_bytes(b'abc'),
     'model.safetensors: not a readable file of weights'),
    (lambda folder: (folder / 'config.py').unlink(), 'config.py: no such file; restore the model'),
    (lambda folder: (folder / 'config.py').write_text('import os'), 'config.py: its config holds'),
    (lambda folder: save_file({'a': torch.ones(2)}, folder / 'model.safetensors'),
     'model.safetensors: the checkpoint of another model'),
    (lambda folder: save_file({'a': torch.ones(2)}, folder / 'model.safetensors',
                              {'model_states': '[1]'}), 'model_states that is no JSON object')])
def test_broken_model_folders(tmp_path, break_it, message):
    model = tiny_model()
    save_file({key: value.contiguous() for key, value in model.state_dict().items()},
              tmp_path / 'model.safetensors')
    (tmp_path / 'config.py').write_text(deploy_config(model.cfg).pretty_text)
    Predictor(tmp_path, 'cpu')
    break_it(tmp_path)
    with pytest.raises(InputError, match=message):
        Predictor(tmp_path, 'cpu')


def test_a_training_records_its_camera(run_tool, tmp_path):
    """Three of four frames have the first camera."""
    config = write_config(tmp_path, write_kitti(tmp_path / 'kitti'), extra="""
val_cfg = val_dataloader = val_evaluator = None
""")
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, printed.err
    meta = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)['meta']
    cfg = parse_config(meta['cfg'], 'a.pth')
    assert cfg.training_camera.focal_length == pytest.approx(P2[0, 0])
    assert tuple(cfg.training_camera.image_size) == (1242, 375)
    predictor = Predictor(tmp_path / 'run', 'cpu')
    assert predictor.training_camera.focal_length == pytest.approx(P2[0, 0])


def test_states_in_the_metadata_are_json(tmp_path):
    save_file({'a': torch.ones(2)}, tmp_path / 'a.safetensors',
              {'model_states': json.dumps(dict(b=3))})
    with safe_open(tmp_path / 'a.safetensors', 'pt') as file:
        assert json.loads(file.metadata()['model_states']) == dict(b=3)

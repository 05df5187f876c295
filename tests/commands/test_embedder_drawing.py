"""Drawing options of ``tools/test.py`` for embedders."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmdet3d_plugin.commands.test import configure_drawing
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def cfg():
    return Config(dict(model=dict(type='Embedder'), custom_hooks=[
        dict(type='DrawFramesHook', max_frames=12), dict(type='DrawDepthHook', max_frames=12),
        dict(type='DrawNeighboursHook', max_queries=12)]))


def arguments(show_dir=None, show_samples=False, score_thr=None):
    return SimpleNamespace(config='plm.py', show_dir=show_dir, show_samples=show_samples,
                           score_thr=score_thr)


def test_show_dir_draws_more_queries_into_a_folder(cfg, tmp_path):
    folder = str(tmp_path / 'shown')
    configure_drawing(cfg, arguments(show_dir=folder))
    assert cfg.custom_hooks[2] == dict(type='DrawNeighboursHook', max_queries=60, out_dir=folder)
    assert cfg.custom_hooks[:2] == [dict(type='DrawFramesHook', max_frames=12),
                                    dict(type='DrawDepthHook', max_frames=12)]


def test_without_options_the_hook_stays(cfg):
    configure_drawing(cfg, arguments())
    assert cfg.custom_hooks[2] == dict(type='DrawNeighboursHook', max_queries=12)


@pytest.mark.parametrize('options, message', [
    (dict(show_samples=True), 'plm.py: --show-samples draws ROI locations of a detector, but this '
     'config embeds images; leave it out'),
    (dict(score_thr=.5), 'plm.py: --score-thr selects detections, but this config embeds')])
def test_options_of_detectors_are_refused(cfg, options, message):
    with pytest.raises(InputError, match=message):
        configure_drawing(cfg, arguments(**options))


def test_show_dir_needs_the_hook(cfg):
    cfg.custom_hooks = cfg.custom_hooks[:2]
    with pytest.raises(InputError, match='--show-dir needs a DrawNeighboursHook in custom_hooks'):
        configure_drawing(cfg, arguments(show_dir='shown'))

"""tools/analysis/depth_features.py on a detector with and without auxiliaries."""
import json
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config

from mmdet3d_plugin.commands.depth_features import labelled_validation_set
from mmdet3d_plugin.errors import InputError

ROOT = Path(__file__).parents[2]


def write_model(folder, base, root):
    config = folder / 'tiny.py'
    config.write_text(f"""
_base_ = '{ROOT}/{base}'
test_pipeline = _base_.test_pipeline
next(item for item in test_pipeline if item.type == 'CropScaleAffine')['input_size'] = (320, 96)
val_dataloader = dict(dataset=dict(data_root='{root}', pipeline=test_pipeline))
""")
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    torch.save(dict(state_dict=model.state_dict()), folder / 'weights.pth')
    return config, folder / 'weights.pth'


def test_any_config_of_ours_gives_labelled_frames(run_tool, kitti_root):
    """Also those without an object filter, and repeated sets; not those without a set."""
    labelled = labelled_validation_set
    for name in ('pgd/pgd_r101_kitti', 'monolss/monolss_dla34_kitti-mini'):
        cfg = Config.fromfile(f'configs/{name}.py')
        settings = cfg.val_dataloader.dataset
        settings.get('dataset', settings).update(data_root=str(kitti_root))
        dataset = labelled(cfg)
        assert len(dataset[0]['data_samples'].gt_instances_3d) == 3
    with pytest.raises(InputError, match='has no validation set'):
        labelled(Config.fromfile('configs/monolss/monolss_dla34_kitti_trainval.py'))


@pytest.mark.parametrize('base', ['configs/ddml/monolss_qi_synthetic.py',
                                  'configs/smoke/smoke_dla34_synthetic-demo.py',
                                  'configs/ddml/smoke_both_synthetic.py',
                                  'configs/didm3d/didm3d_dla34_synthetic.py',
                                  'configs/ddml/monocon_both_synthetic.py'])
def test_figures_and_picture(run_tool, tmp_path, kitti_root, base):
    arguments = [*write_model(tmp_path, base, kitti_root), '--out', tmp_path / 'out']
    code, printed = run_tool('analysis/depth_features', *arguments)
    assert code == 0, printed.err
    figures = json.loads((tmp_path / 'out/depth_features.json').read_text())
    assert figures['objects'] == 7  # the tiny set's cars, pedestrian and cyclist
    assert -1 <= figures['spearman'] <= 1 and 0 <= figures['qi_satisfied'] <= 1
    assert (tmp_path / 'out/depth_features.png').stat().st_size > 10000


def test_odd_arguments_end_with_one_line(run_tool, tmp_path, kitti_root):
    config, weights = write_model(tmp_path, 'configs/smoke/smoke_dla34_synthetic-demo.py',
                                  kitti_root)
    for change, message in [(['--feature', 'nek'], "feature 'nek': SMOKEMono3D has no such module"),
                            (['--band', 0.5, 1, 10], 'K 0.5, B 1.0, epsilon 10.0; expected')]:
        code, printed = run_tool('analysis/depth_features', config, weights, '--out',
                                 tmp_path / 'out', *change)
        assert code == 2 and message in printed.err and 'Traceback' not in printed.err

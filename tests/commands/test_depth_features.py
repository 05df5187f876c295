"""The command ``tools/analysis/depth_features.py``."""
import json

import pytest
from mmengine.config import Config
from tiny_config import SMOKE, write_config

from mmdet3d_plugin.commands.depth_features import labelled_validation_set
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def write_model(tmp_path, kitti_root, write_weights):
    """Return ``write_model(BASE)``, which writes a config and its initial weights."""
    def write(base):
        config = write_config(tmp_path, kitti_root, base)
        return config, write_weights(config, tmp_path / 'weights.pth')

    return write


def test_validation_sets_with_labels(run_tool, kitti_root):
    """PGD's config has no object filter, and the KITTI mini config repeats its data set."""
    for name in ('pgd/pgd_r101_kitti', 'monolss/monolss_dla34_kitti-mini'):
        cfg = Config.fromfile(f'configs/{name}.py')
        settings = cfg.val_dataloader.dataset
        settings.get('dataset', settings).update(data_root=str(kitti_root))
        dataset = labelled_validation_set(cfg)
        assert len(dataset[0]['data_samples'].gt_instances_3d) == 3
    with pytest.raises(InputError, match='has no validation set'):
        labelled_validation_set(Config.fromfile('configs/monolss/monolss_dla34_kitti_trainval.py'))


@pytest.mark.parametrize('base', ['configs/ddml/monolss_qi_synthetic.py',
                                  SMOKE, 'configs/ddml/smoke_both_synthetic.py',
                                  'configs/didm3d/didm3d_dla34_synthetic.py',
                                  'configs/ddml/monocon_both_synthetic.py'])
def test_metrics_and_plot(run_tool, tmp_path, write_model, base):
    code, printed = run_tool('analysis/depth_features', *write_model(base), '--out',
                             tmp_path / 'out')
    assert code == 0, printed.err
    figures = json.loads((tmp_path / 'out/depth_features.json').read_text())
    assert figures['objects'] == 7  # five cars, a pedestrian and a cyclist
    assert -1 <= figures['spearman'] <= 1 and 0 <= figures['qi_satisfied'] <= 1
    assert (tmp_path / 'out/depth_features.png').stat().st_size > 10000


def test_bad_arguments_end_with_one_error_line(run_tool, tmp_path, write_model):
    config, weights = write_model(SMOKE)
    for change, message in [
            (['--feature', 'nek'], "feature 'nek': SMOKEMono3D has no such module"),
            (['--band', 0.5, 1, 10], 'K 0.5, B 1.0, epsilon 10.0; expected')]:
        code, printed = run_tool('analysis/depth_features', config, weights, '--out',
                                 tmp_path / 'out', *change)
        assert code == 2 and message in printed.err and 'Traceback' not in printed.err

"""One epoch of the configs of CUB, Cars and Stanford Online Products on tiny folders."""
import json

import pytest
from tiny_embedding import ROOT
from tiny_retrieval import LAYOUTS

# The real backbones need downloaded weights.
CONFIG = """
_base_ = '{root}/configs/plm/{name}_128.py'
custom_imports = dict(imports=[*_base_.custom_imports.imports, 'tiny_embedding'])
train_pipeline, test_pipeline = _base_.train_pipeline, _base_.test_pipeline
train_pipeline[1]['transforms'][0]['size'] = 16
test_pipeline[1]['transforms'][0]['size'] = 18
test_pipeline[1]['transforms'][1]['size'] = 16
loader = dict(batch_size=6, num_workers=0, persistent_workers=False)
data = dict(data_root='{data}', pipeline=test_pipeline)
train_dataloader = dict(
    **loader, batch_sampler=dict(neighbourhood={neighbourhood}, num_candidates=8),
    dataset={{**data, 'pipeline': train_pipeline}})
table_dataloader = val_dataloader = test_dataloader = dict(**loader, dataset=data)
del loader, data
val_evaluator = test_evaluator = dict(recall_at={recall_at})
model = dict(backbone=dict(_delete_=True, type='TinyConvNet'), head=dict(in_channels=8))
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1))
"""
COUNT = dict(num_classes=6, count=4)  # 12 images of 3 classes in both splits of CUB and Cars


@pytest.mark.parametrize('name, layout, neighbourhood, recall_at', [
    ('cub', 'cub', 3, (1, 8)), ('cars', 'cars', 3, (1, 8)),
    ('cars', 'cars_devkit', 3, (1, 8)), ('sop', 'products', 2, (1, 10))])
def test_one_epoch(run_tool, tmp_path, name, layout, neighbourhood, recall_at):
    classes = COUNT['num_classes'] // (2 if layout == 'products' else 1)  # SOP: of each split
    data = LAYOUTS[layout](tmp_path / 'set', classes, COUNT['count'])
    config = tmp_path / 'tiny.py'
    config.write_text(CONFIG.format(root=ROOT, name=name, data=data, recall_at=recall_at,
                                    neighbourhood=neighbourhood))
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, printed.err
    rows = [json.loads(line) for path in sorted((tmp_path / 'run').glob('*/vis_data/scalars.json'))
            for line in path.read_text().splitlines()]
    steps, validation = rows[:-1], rows[-1]
    assert len(steps) == 2  # 12 images in batches of 6
    assert all(0 < step['loss'] < float('inf') for step in steps)
    assert {'retrieval/R@1', f'retrieval/R@{recall_at[1]}', 'retrieval/mAP@R'} <= set(validation)
    assert 0 <= validation['retrieval/R@1'] <= validation[f'retrieval/R@{recall_at[1]}'] <= 100
    assert (tmp_path / 'run/epoch_1.pth').is_file()

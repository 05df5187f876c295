"""PoseMetric on known trajectories."""
import numpy as np
import pytest
import torch
from mmdet3d.registry import METRICS

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.evaluation import table_metric


def step(translation=(0., 0., 1.), degrees=0.):
    """Motion (4, 4) with a turn about the y axis."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    motion = np.eye(4)
    motion[:3, :3] = [[cosine, 0., sine], [0., 1., 0.], [-sine, 0., cosine]]
    motion[:3, 3] = translation
    return motion


def clip(true, found, name='0000'):
    """Samples of a clip: a first frame without motion, then one frame per motion."""
    samples = [dict(frame=f'{name}/000', clip_name=name, clip_index=0, clip_offsets=(0, -1),
                    clip_present=np.array([True, False]))]
    for index, (one, other) in enumerate(zip(true, found), start=1):
        samples.append(dict(frame=f'{name}/{index:03d}', clip_name=name, clip_index=index,
                            clip_offsets=(0, -1), clip_present=np.array([True, True]),
                            clip_motions=np.stack([np.eye(4), one]),
                            pred_motion=torch.from_numpy(other)))
    return samples


def evaluate(samples, **options):
    metric = METRICS.build(dict(type='PoseMetric', **options))
    metric.process({}, samples)
    return {key.split('/')[1]: value for key, value in metric.evaluate(len(samples)).items()}


def test_scaled_motion_has_no_error():
    true = [step((0., 0., 1 + index), 3.) for index in range(6)]
    found = [step(4 * motion[:3, 3], 3.) for motion in true]
    figures = evaluate(clip(true, found))
    assert list(figures) == ['ATE_mean', 'ATE_std', 'snippets', 'rotation_deg']
    assert figures['ATE_mean'] == pytest.approx(0, abs=1e-12) and figures['snippets'] == 3
    assert figures['rotation_deg'] == pytest.approx(0, abs=1e-6)


def test_mean_over_the_snippets_of_all_clips():
    """Frames of a clip in any order. Without motion predicted, the scale is 0."""
    still, ahead = step((0., 0., 0.)), step()
    first = clip([ahead] * 4, [still] * 4, 'a')
    second = clip([ahead] * 5, [ahead] * 5, 'b')
    figures = evaluate([*second[::-1], *first[::-1]])
    alone = np.sqrt((1 + 4 + 9 + 16) / 5)  # positions 0, 1, 2, 3, 4 m
    assert figures['snippets'] == 3
    assert figures['ATE_mean'] == pytest.approx(alone / 3)
    assert figures['ATE_std'] == pytest.approx(np.std([alone, 0, 0]))
    published = evaluate(first, published=True)
    assert published['ATE_mean'] == pytest.approx(np.sqrt(30) / 5)


def test_rotation_error_is_per_frame():
    figures = evaluate(clip([step(degrees=3.)] * 4, [step(degrees=1.)] * 3 + [step(degrees=7.)]))
    assert figures['rotation_deg'] == pytest.approx((2 * 3 + 4) / 4)


def test_gaps_split_a_clip(monkeypatch):
    said = []
    monkeypatch.setattr(table_metric, 'print_log', lambda text, *_: said.append(text))
    motions = [step() for _ in range(7)]
    samples = clip(motions, motions)
    figures = evaluate(samples[:2] + samples[3:])  # frames 0, 1, and 3 to 7 with motions from 2
    assert figures['snippets'] == 2  # 2 to 6, 3 to 7
    assert '1 of 2 runs of frames are shorter than a snippet' in said[0]
    assert evaluate(samples)['snippets'] == 4
    assert 'shorter' not in said[1]


def test_short_clips_need_a_shorter_snippet():
    samples = clip([step()] * 2, [step()] * 2)
    with pytest.raises(InputError, match='a snippet of 5 frames fits no clip: .* has 3; evaluate'):
        evaluate(samples)
    assert evaluate(samples, snippet=3)['snippets'] == 1
    with pytest.raises(InputError, match='fits no clip: .* has 1'):
        evaluate(samples[:1])


@pytest.mark.parametrize('change, message', [
    (dict(pred_motion=None), '0000/002: has no pred_motion'),
    (dict(pred_motion=np.full((4, 4), np.nan)), '0000/002: its pred_motion is no'),
    (dict(clip_motions=np.stack([np.eye(4), np.diag([1., 1., np.inf, 1.])])),
     '0000/002: its clip_motions is no'),
    (dict(clip_motions=np.ones((2, 3, 3))), '0000/002: its clip_motions is no'),
    (dict(clip_motions=None), '0000/002: has no clip_motions'),
    (dict(clip_offsets=(0, -2)), '0000/002: its clip has no frame at offset -1'),
    (dict(clip_index=1), '0000/002: frame 1 of clip 0000 is 0000/001 too')])
def test_invalid_samples(change, message):
    samples = clip([step()] * 4, [step()] * 4)
    samples[2].update(change)
    with pytest.raises(InputError, match=message):
        evaluate(samples)


def test_snippets_have_at_least_two_frames():
    with pytest.raises(InputError, match='snippet is 1, expected at least 2'):
        evaluate([], snippet=1)

"""FreezeTeacherHook: the frozen phase, and its exact resume."""
import pytest
import torch
from tiny_config import write_clip_config
from tiny_training import STOP_HOOKS, assert_same, train_in_own_group

FREEZE = """
custom_hooks = [*_base_.custom_hooks, dict(type='FreezeTeacherHook', epoch=2)]
"""
STOP = """
custom_imports = dict(imports=[*_base_.custom_imports.imports, '{module}'])
custom_hooks += [dict(type='SignalHook', number=15, iteration={iteration})]
"""


def state(folder):
    content = torch.load(folder / 'epoch_4.pth', weights_only=True)
    return {key: content[key] for key in ('state_dict', 'optimizer', 'param_schedulers',
                                          'freeze_teacher')}


@pytest.fixture(scope='module')
def whole(tiny_clips, tmp_path_factory):
    """Work dir of a training of four epochs of two steps; the teacher is frozen after two."""
    folder = tmp_path_factory.mktemp('whole')
    config = write_clip_config(folder, tiny_clips, 'manydepth_synthetic', FREEZE)
    code, printed = train_in_own_group(config, folder)
    assert code == 0, printed
    return folder


def test_student_alone_is_trained_with_a_new_optimiser(whole):
    before, after = (torch.load(whole / f'epoch_{epoch}.pth', weights_only=True)
                     for epoch in (3, 4))
    changed = {name for name, value in before['state_dict'].items()
               if not torch.equal(value, after['state_dict'][name])}
    assert changed and not any(name.startswith(('teacher.', 'bins.')) for name in changed)
    # Two epochs of two steps since the restart, and a rate that is halved after each of them.
    assert {int(item['step']) for item in after['optimizer']['state'].values()} == {4}
    assert before['optimizer']['param_groups'][0]['lr'] == pytest.approx(5e-4)
    assert after['param_schedulers'][0]['last_step'] == 2


@pytest.mark.parametrize('iteration', [
    pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow), 5])
def test_resume_gives_the_same_bits(run_tool, tiny_clips, tmp_path, whole, iteration):
    """Stopped before the teacher is frozen, right before, and in the frozen phase."""
    extra = FREEZE + STOP.format(module=STOP_HOOKS, iteration=iteration)
    config = write_clip_config(tmp_path, tiny_clips, 'manydepth_synthetic', extra)
    assert run_tool('train', config, '--work-dir', tmp_path / 'run')[0] == 143
    config = write_clip_config(tmp_path, tiny_clips, 'manydepth_synthetic', FREEZE)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run', '--resume')
    assert code == 0, printed.err
    assert_same(state(tmp_path / 'run'), state(whole))


def test_model_without_teacher_is_refused(run_tool, tiny_clips, tmp_path):
    config = write_clip_config(tmp_path, tiny_clips, 'single_frame_synthetic', FREEZE)
    code, printed = run_tool('train', config, '--work-dir', tmp_path)
    assert code == 2 and 'SingleFrameDepth has no teacher; remove the hook' in printed.err

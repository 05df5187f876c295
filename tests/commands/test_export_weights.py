"""The command ``tools/export_weights.py``."""
import torch


def save(path, **entries):
    torch.save(dict(meta=dict(epoch=3), optimizer=dict(state={}),
                    state_dict={key: torch.full((2, ), value) for key, value in entries.items()}),
               path)


def test_auxiliaries_and_training_state_are_left_out(run_tool, tmp_path):
    save(tmp_path / 'a.pth', **{'neck.weight': 1., 'auxiliary.0.layers.weight': 2.})
    code, printed = run_tool('export_weights', tmp_path / 'a.pth', tmp_path / 'new/out.pth')
    assert code == 0 and '1 entries, 1 of auxiliaries left out' in printed.out
    content = torch.load(tmp_path / 'new/out.pth', weights_only=True)
    assert set(content) == {'meta', 'state_dict'} and list(content['state_dict']) == [
        'neck.weight']


def test_weights_of_a_wrapped_detector_are_renamed(run_tool, tmp_path):
    save(tmp_path / 'a.pth', **{'detector.neck.weight': 1., 'auxiliary.0.weight': 2.})
    run_tool('export_weights', tmp_path / 'a.pth', tmp_path / 'out.pth')
    content = torch.load(tmp_path / 'out.pth', weights_only=True)
    assert content['state_dict']['neck.weight'].tolist() == [1., 1.]


def test_a_file_without_weights(run_tool, tmp_path):
    torch.save(dict(meta=3), tmp_path / 'a.pth')
    code, printed = run_tool('export_weights', tmp_path / 'a.pth', tmp_path / 'out.pth')
    assert code == 2 and 'a.pth: holds no state_dict' in printed.err
    assert not (tmp_path / 'out.pth').exists()

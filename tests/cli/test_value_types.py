"""Types of option values."""
import pytest

from mmdet3d_plugin.cli import predict, report, test, view
from mmdet3d_plugin.cli.value_types import score

# Command line of each command with an option for scores, without its value.
SCORE_OPTIONS = [(predict, ['a.pth', 'pictures', '--score']), (view, ['pictures', '--score']),
                 (report, ['run', '--score-thr']),
                 (test, ['monolss_dla34_kitti', 'a.pth', '--score-thr'])]


@pytest.mark.parametrize('command, arguments', SCORE_OPTIONS)
@pytest.mark.parametrize('value', ['nan', 'inf', '1.01', '-0.01'])
def test_scores_beyond_0_to_1_are_refused(capsys, command, arguments, value):
    with pytest.raises(SystemExit) as stopped:
        command.build_parser().parse_args([*arguments[:-1], f'{arguments[-1]}={value}'])
    assert stopped.value.code == 2
    assert f'argument {arguments[-1]}: {value} is not in 0..1' in capsys.readouterr().err


def test_scores_include_their_limits():
    assert [score('0'), score('.25'), score('1')] == [0, .25, 1]


@pytest.mark.parametrize('value, message', [
    ('65536', '65536 is not 65535 or less'), ('0', '0 is not 1 or more'),
    ('http', "invalid integer value: 'http'")])
def test_ports_that_do_not_exist_are_refused(capsys, value, message):
    with pytest.raises(SystemExit):
        view.build_parser().parse_args(['pictures', '--port', value])
    assert f'argument --port: {message}' in capsys.readouterr().err
    assert view.build_parser().parse_args(['pictures', '--port', '65535']).port == 65535

"""Text of unknown origin on the terminal and in logs."""
import io
import logging
import os
import sys

import pytest

from mmdet3d_plugin.benchmarks.folder_report import FolderReport
from mmdet3d_plugin.commands.command_line import fault_message, run_command
from mmdet3d_plugin.commands.terminal_output import prepare_output
from mmdet3d_plugin.errors import MAX_MESSAGE, InputError, visible

# Colours, a title of the window, line ends, a reversed direction, invisible characters, and a
# byte of a file name that is not UTF-8.
FOREIGN = 'a\x1b[31m\x1b]0;b\x07\r\n\u202ec\u200b\x9b\u2028\udcffd'
SHOWN = r'a\x1b[31m\x1b]0;b\x07\r\n\u202ec\u200b\x9b\u2028\udcffd'


@pytest.fixture
def restored_logging(monkeypatch):
    monkeypatch.setattr(logging.Handler, 'handleError', logging.Handler.handleError)
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize('text, expected', [
    (FOREIGN, SHOWN), ('plain äöü 深度 δ', 'plain äöü 深度 δ'), ('', ''), ('a\\n', 'a\\n'),
    (SHOWN, SHOWN), (None, 'None')])
def test_controls_become_visible(text, expected):
    assert visible(text) == expected and visible(text).isprintable()


def test_long_text_is_cut():
    assert visible('x' * 9, 9) == 'x' * 9 and visible('x' * 10, 9) == 'x' * 9 + '...'
    assert visible('\x07' * 5, 9) == r'\x07\x07\...'


def test_messages_of_input_errors():
    error = InputError(f'{FOREIGN}: no such file')
    assert str(error) == f'{SHOWN}: no such file' and f'{error}' == str(error)
    assert len(str(InputError('x' * 10 ** 6))) == MAX_MESSAGE + 3


@pytest.mark.parametrize('error', [
    # A data worker sends its traceback as the message.
    InputError(f'Caught InputError in DataLoader worker.\nx\nInputError: {FOREIGN}\n'),
    OSError(28, 'full', FOREIGN)])
def test_error_line_of_a_command(capsys, monkeypatch, restored_logging, error):
    monkeypatch.setattr(sys, 'argv', ['tools/a.py'])

    def main():
        raise error

    with pytest.raises(SystemExit) as stop:
        run_command(main)
    line = capsys.readouterr().err
    assert stop.value.code == 2 and line.startswith(f'a.py: error: {SHOWN}')
    assert line.count('\n') == 1 and line[:-1].isprintable()


def test_lines_of_logs(restored_logging):
    prepare_output(bool)
    stream = io.StringIO()
    logger = logging.Logger('test')
    logger.addHandler(logging.StreamHandler(stream))
    logger.info('table\n%s\tb', 'a\x1b[2J\r')
    assert stream.getvalue() == 'table\na\\x1b[2J\\r\tb\n'


def test_problems_of_a_folder_check(tmp_path):
    report = FolderReport(tmp_path, problems=[FOREIGN], notes=[FOREIGN], classes=None)
    assert report.text().split('\n')[:2] == [f'problem: {SHOWN}', f'note: {SHOWN}']


def test_streams_without_utf_8(monkeypatch, restored_logging):
    for encoding, expected in (('ascii', rb'\u03b4 \xe4 \udcff'),
                               ('latin-1', b'\\u03b4 \xe4 \\udcff'),
                               ('utf-8', b'\xce\xb4 \xc3\xa4 \\udcff')):
        output = io.BytesIO()
        monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(output, encoding, errors='strict'))
        prepare_output(bool)
        print('δ ä \udcff', end='', flush=True)
        assert output.getvalue() == expected


class FullDisk(io.StringIO):
    def write(self, text):
        raise self.error


@pytest.mark.parametrize('error, shown', [(OSError(28, 'full'), False), (ValueError('x'), True)])
def test_log_on_a_full_disk(capsys, restored_logging, monkeypatch, error, shown):
    """Bugs in logging still print a traceback."""
    monkeypatch.setattr(logging, 'raiseExceptions', True)
    prepare_output(lambda fault: fault_message(fault) is not None)
    stream = FullDisk()
    stream.error = error
    logger = logging.Logger('test')
    logger.addHandler(logging.StreamHandler(stream))
    logger.info('text')
    assert ('Logging error' in capsys.readouterr().err) == shown


def test_a_current_folder_that_is_removed(tmp_path, monkeypatch, restored_logging):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a').mkdir()
    os.chdir('a')
    (tmp_path / 'a').rmdir()
    with pytest.raises(InputError, match='the current folder has been removed'):
        prepare_output(bool)

"""The documentation site: navigation, links, equations, model zoo, commands and API pages."""
import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / 'docs'))

from site_pages import api, commands, model_zoo, repository_links, source_lines  # noqa: E402

SETTINGS = yaml.safe_load((ROOT / 'mkdocs.yml').read_text(encoding='utf-8'))
DOCS_PAGES = sorted(path.relative_to(ROOT / 'docs').as_posix()
                    for path in (ROOT / 'docs').rglob('*.md'))
PAGES = [*DOCS_PAGES, *repository_links.extra_pages()]
METHODS = [page for page in DOCS_PAGES if page.startswith('methods/')]
METAFILES = model_zoo.read_metafiles()


def text_of(page):
    return (ROOT / repository_links.repository_path(page)).read_text(encoding='utf-8')


def entries(navigation):
    """Return the pages of a navigation."""
    for item in navigation:
        for content in item.values() if isinstance(item, dict) else [item]:
            yield from entries(content) if isinstance(content, list) else [content]


def test_the_navigation_has_each_page_once():
    listed = list(entries(SETTINGS['nav']))
    assert sorted(listed) == sorted([*PAGES, 'generated'])


@pytest.mark.parametrize('page', PAGES)
def test_links_lead_to_pages_files_and_symbols(page):
    warnings = []
    repository_links.rewrite(page, text_of(page), warnings.append)
    assert not warnings


@pytest.mark.parametrize('page', METHODS)
def test_equations_are_linked_to_their_code(page):
    for section in re.split('^## ', text_of(page), flags=re.MULTILINE):
        code = section.rpartition('\n$$\n')[2] if '\n$$\n' in section else 'source:'
        assert 'source:' in code or 'index.md#losses' in code, section.partition('\n')[0]


@pytest.fixture
def repository(tmp_path):
    """A repository with two pages, a config and a module."""
    for path, text in {
            'docs/a.md': '', 'docs/deep/b.md': '', 'setup.py': 'setup()\n',
            'mmdet3d_plugin/room/part.py':
                'LIMIT = 3\n\n\nclass Part:\n    share: float = .5\n\n    @property\n'
                '    def size(self):\n        return 1\n'}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.mark.parametrize('symbol, lines', [
    ('room.part.LIMIT', (1, 1)), ('room.part.Part', (4, 9)), ('room.part.Part.share', (5, 5)),
    ('room.part.Part.size', (8, 9))])
def test_lines_of_symbols(repository, symbol, lines):
    found = source_lines.find_symbol(symbol, repository)
    assert found == ('mmdet3d_plugin/room/part.py', *lines)


@pytest.mark.parametrize('symbol, message', [
    ('room.part.Port', 'part.py does not define Port'),
    ('room.part.Part.weight', 'part.py does not define Part.weight'),
    ('room.port.Part', 'no such module in mmdet3d_plugin/')])
def test_missing_symbols(repository, symbol, message):
    with pytest.raises(LookupError, match=message):
        source_lines.find_symbol(symbol, repository)


@pytest.mark.parametrize('page, link, target', [
    ('a.md', 'deep/b.md#x', ('deep/b.md', '#x', '')),
    ('deep/b.md', '../a.md', ('a.md', '', '')),
    ('a.md', '#x', ('a.md', '#x', '')),
    ('a.md', '../setup.py', ('source/setup.py.html', '', 'setup.py')),
    ('a.md', 'source:room.part.Part.size',
     ('source/mmdet3d_plugin/room/part.py.html', '#L-8', 'mmdet3d_plugin/room/part.py'))])
def test_targets_of_links(repository, page, link, target):
    assert repository_links.resolve(page, link, repository) == target


def test_links_that_lead_nowhere_are_reported(repository):
    for link in ('missing.md', '../../outside.md', '../tools', 'source:room.part.Gone'):
        with pytest.raises(LookupError):
            repository_links.resolve('a.md', link, repository)
    warnings = []
    page = repository_links.rewrite('install.md', '[x](gone.md) `[y](gone.md)`', warnings.append)
    assert page == 'x `[y](gone.md)`'
    assert warnings == ['docs/install.md: gone.md: no such file in the repository']


def test_rewritten_links():
    text = ('See [a](../configs/plm/README.md#baselines), [b](https://x.org) and '
            '![c](images/demo.jpg)\n\n    [code](gone.md)\n')
    assert repository_links.rewrite('plm.md', text, pytest.fail) == text.replace(
        '../configs/plm', 'configs/plm')
    line = source_lines.find_symbol('errors.InputError').first
    assert repository_links.rewrite('methods/mal.md', '[`E`](source:errors.InputError)',
                                    pytest.fail) == (
        f'[`E`, line {line}](../source/mmdet3d_plugin/errors.py.html#L-{line})')


def test_the_index_lists_all_metafiles():
    listed = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    assert listed == sorted(path.relative_to(ROOT).as_posix()
                            for path in ROOT.glob('configs/*/metafile.yml'))
    assert {path.parent for path in ROOT.glob('configs/*/README.md')} == {
        path.parent for path in ROOT.glob('configs/*/metafile.yml')}


def readme_rows(metafile):
    """Return the rows of the README's tables by config, without ablations and settings."""
    readme = ROOT / metafile['Collections'][0]['README']
    rows = re.findall(r'^\| \[`[^`]+`\]\(([^)]+\.py)\)(.*)', readme.read_text(encoding='utf-8'),
                      re.MULTILINE)
    return {(readme.parent / config).relative_to(ROOT).as_posix(): row for config, row in rows
            if not config.startswith(('ablations/', 'settings/'))}


def numbers(text):
    return {number.rstrip('0').rstrip('.') if '.' in number else number
            for number in re.findall(r'\d+(?:\.\d+)?', text)}


@pytest.mark.parametrize('metafile', METAFILES,
                         ids=lambda metafile: metafile['Collections'][0]['Name'])
def test_metafiles_agree_with_the_readmes(metafile):
    collection, = metafile['Collections']
    rows = readme_rows(metafile)
    assert [model['Config'] for model in metafile['Models']] == list(rows)
    for model in metafile['Models']:
        assert model['Name'] == Path(model['Config']).stem
        assert model['In Collection'] == collection['Name']
        row = rows[model['Config']]
        assert model['Command'] in row
        if 'Paper Results' in model and 'the same' not in row:
            for result in model['Paper Results']:
                assert result['Source'] and numbers(
                    ' '.join(map(str, result['Metrics'].values()))) <= numbers(row)
        assert ('Results' in model) == ('not measured' not in row)
        for result in model.get('Results', ()):
            page = (ROOT / result['Report'].partition('#')[0]).read_text(encoding='utf-8')
            values = ' '.join(map(str, result['Metrics'].values()))
            assert numbers(values) <= numbers(page), (model['Name'], values)
            assert 'docs/plm.md](' in row or numbers(values) <= numbers(row), model['Name']


def test_a_row_of_the_model_zoo():
    model = {
        'Name': 'a', 'Config': 'configs/a/a.py', 'Description': 'KITTI train', 'Command': 'train',
        'Metadata': {'Training Data': 'KITTI'},
        'Paper Results': [{'Source': 'paper', 'Dataset': 'KITTI val', 'Metrics': {'AP': '7.0'}}],
        'Results': [{'Dataset': 'frames', 'Metrics': {'AP': 5, 'AbsRel': '0.10'},
                     'Command': 'test', 'Report': 'docs/results.md#demo'}]}
    assert model_zoo.model_row(model) == (
        '| [`a`](../configs/a/a.py)<br>KITTI train<br>`train` | *paper*, KITTI val: AP 7.0 | '
        'frames: **AP 5; AbsRel 0.10**<br>`test`<br>[report](results.md#demo) | none | '
        'KITTI: [CC BY-NC-SA 3.0](https://www.cvlibs.net/datasets/kitti/) |')
    model['Weights'] = 'https://x.org/a.pth'
    for key in ('Results', 'Paper Results'):
        del model[key]
    assert '| – | not measured | [weights](https://x.org/a.pth) |' in model_zoo.model_row(model)


def test_the_model_zoo_has_all_models():
    texts = model_zoo.model_zoo()
    for metafile in METAFILES:
        for model in metafile['Models']:
            assert f'](../{model["Config"]})' in texts['model-tables']
    page = text_of('model_zoo.md')
    assert all(f'<!-- {marker} -->' in page for marker in texts)


def test_the_section_of_a_command():
    parser = argparse.ArgumentParser('mono3d try', description='Try *it*.',
                                     epilog='example:\n  python tools/try.py A \\\n      --n 2')
    parser.add_argument('source', help='file|folder')
    parser.add_argument('--n', type=int, default=3, metavar='N',
                        help='count (default: %(default)s)')
    parser.add_argument('--secret', help=argparse.SUPPRESS)
    assert commands.command_section('try.py', parser) == '\n'.join([
        '## mono3d try', '', 'Try &#42;it&#42;.', '', 'The same: `python tools/try.py`', '',
        '```text', 'mono3d try [-h] [--n N] source', '```', '',
        '| argument | meaning |', '|---|---|',
        '| <code>source</code> | file&#124;folder |',
        '| <code>--n N</code> | count (default: 3) |', '',
        'Example:', '', '```bash', 'python tools/try.py A \\', '    --n 2', '```'])


def test_all_commands_have_a_section():
    from mmdet3d_plugin.cli.command_table import COMMANDS
    sections = re.findall('^## mono3d (.*)', commands.command_sections(), re.MULTILINE)
    assert {section.split()[0] for section in sections} == set(COMMANDS)
    assert len(set(sections)) == len(sections) > len(COMMANDS)


def test_the_api_has_all_modules():
    pages = api.api_pages()
    listed = [name for text in pages.values() for name in re.findall(r'^::: (\S+)', text, re.M)]
    assert sorted(listed) == sorted(api.modules()) and len(listed) == len(set(listed))
    assert '# models.losses\n' in pages['reference/api/models.losses.md']
    assert not any('.commands.' in name or '.__' in name for name in listed)


def test_registered_parts():
    parts = list(api.registered_parts())
    names = {part.name: part for part in parts}
    assert names['LaplacianAleatoricLoss'] == (
        'MODELS', 'LaplacianAleatoricLoss',
        'mmdet3d_plugin.models.losses.laplacian_loss.LaplacianAleatoricLoss',
        'Negative log-likelihood of a Laplacian with predicted log-variance.')
    # Names that a decorator gives.
    assert names['AttnBN'].symbol.endswith('.AttentiveBatchNorm2d')
    assert names['DepthErrorMetric'].symbol == names['ObjectDepthMetric'].symbol
    assert all(part.summary and ':class:' not in part.summary for part in parts)


def test_source_pages():
    page = repository_links.source_html('mmdet3d_plugin/errors.py')
    line = source_lines.find_symbol('errors.InputError').first
    assert f'id="L-{line}"' in page or f'name="L-{line}"' in page
    assert '<a href="../../index.html">Documentation</a>' in page


def test_the_loss_of_the_page_trains(tmp_path, monkeypatch):
    """docs/own_loss.md: the module and the config as they are written."""
    import torch
    from mmdet3d.registry import MODELS

    from mmdet3d_plugin.engine.config_files import read_config
    blocks = dict(re.findall(r'^```python\n# (\S+)\n(.*?)^```', text_of('own_loss.md'),
                             re.MULTILINE | re.DOTALL))
    for name, text in blocks.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    cfg = read_config(str(tmp_path / 'my_configs/gaussian_depth.py'))
    assert cfg.custom_imports.imports[-1] == 'my_losses' and len(cfg.custom_imports.imports) > 1
    settings = cfg.model.object_head.depth_head.loss
    assert settings == dict(type='GaussianDepthLoss', loss_weight=.5)
    loss = MODELS.build(settings)
    values = torch.tensor([[3., 5.]]), torch.zeros(1, 2), torch.tensor([[1., 5.]])
    assert loss(*values, torch.ones(1, 2)).item() == .5  # 0.5 mean(4 / 2, 0)
    assert loss(*(value[:0] for value in values), torch.ones(0, 2)).item() == 0


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip('mkdocs', reason='make docs installs the packages of the site')
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    page = (tmp_path / 'methods/monolss.html').read_text(encoding='utf-8')
    assert '<math' in page and 'class="arithmatex"' not in page
    assert (tmp_path / 'assets/STIXTwoMath.woff').read_bytes()[:4] == b'wOFF'
    for html in tmp_path.rglob('*.html'):
        scripts = re.findall(r'<(?:script|link)[^>]+(?:src|href)="(https?://[^"]+)"',
                             html.read_text(encoding='utf-8'))
        assert not scripts, f'{html}: loads {scripts}'
    # Links within the site lead to files. A server shows 404.html at any address.
    (tmp_path / '404.html').unlink()
    for html in [*tmp_path.glob('*.html'), *tmp_path.glob('methods/*.html')]:
        for link in re.findall(r'href="([^"#:]+)(?:#[^"]*)?"', html.read_text(encoding='utf-8')):
            assert (html.parent / link).resolve().exists(), f'{html.name}: {link}'

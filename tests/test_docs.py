"""Checks of README.md, docs/ and READMEs of configs/: links, paths, names in code, imports."""
import ast
import re
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]
CONFIG_PAGES = sorted((ROOT / 'configs').rglob('README.md'))
FOLDERS = ('configs', 'docs', 'mmdet3d_plugin', 'tests', 'tools')
# Paths may be relative to these folders.
PATH_ROOTS = (ROOT, ROOT / 'mmdet3d_plugin', ROOT / 'configs')
# Names in the documentation that other projects define.
FOREIGN_FILES = {'bts_eval.py', 'evaluate_depth.py'}
FOREIGN_NAMES = {'GraceTime', 'KittiMetric', 'data_time', 'evaluate_object', 'init_kwargs',
                 'm_j', 'pkg_resources', 'save_dir'}

each_page = pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def without_fences(text: str) -> str:
    """Return a page without its fenced code blocks."""
    return re.sub(r'^```.*?^```', '', text, flags=re.MULTILINE | re.DOTALL)


def code_spans(text: str) -> list:
    """Return the texts in single backticks of a page."""
    return re.findall(r'`([^`]+)`', without_fences(text))


def anchors(page: Path) -> set:
    """Return the anchors that GitHub gives to the headings of a page."""
    result = set()
    for title in re.findall(r'^#+ (.*)', without_fences(page.read_text(encoding='utf-8')),
                            re.MULTILINE):
        title = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', title).lower()
        anchor = re.sub(r'[^\w -]', '', title).strip().replace(' ', '-')
        number, unique = 0, anchor
        while unique in result:
            number += 1
            unique = f'{anchor}-{number}'
        result.add(unique)
    return result


def expand_braces(text: str) -> list:
    """Return the texts that ``{a,b}`` stands for, as in bash."""
    parts = re.split(r'\{([^{}]*)\}', text)
    choices = [part.split(',') if index % 2 else [part] for index, part in enumerate(parts)]
    return [''.join(chosen) for chosen in product(*choices)]


def repository_paths(text: str) -> set:
    """Return the paths of the repository's folders and the scripts that a page names."""
    paths = set(re.findall(rf'(?<![\w./-])(?:{"|".join(FOLDERS)})/[\w./*{{}},-]+', text))
    for span in code_spans(text):
        if re.fullmatch(r'[\w/*{},-][\w./*{},-]*\.(py|sh)', span):
            paths.add(span)
    return {path.rstrip('.,') for path in paths}


def exists(path: str) -> bool:
    """Return whether a file matches a path with placeholders, which are words in capitals."""
    pattern = re.sub(r'(?<![a-zA-Z0-9])[A-Z]{2,}(?![a-zA-Z0-9])', '*', path)
    if '/' not in path:
        return any(next((ROOT / folder).rglob(pattern), None) for folder in FOLDERS)
    return any(next(root.glob(pattern), None) for root in PATH_ROOTS)


@pytest.mark.parametrize('page', [*PAGES, *CONFIG_PAGES],
                         ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    text = without_fences(page.read_text(encoding='utf-8'))
    for link in re.findall(r'\]\(([^)\s]+)\)', text):
        if re.match(r'[a-z]+:', link):
            continue
        file, _, anchor = link.partition('#')
        target = (page.parent / file).resolve() if file else page
        assert target.is_file(), f'{page.name}: {link}: no such file'
        assert not anchor or anchor in anchors(target), f'{page.name}: {link}: no such heading'


@each_page
def test_paths_of_the_repository_exist(page):
    text = page.read_text(encoding='utf-8')
    missing = [path for named in repository_paths(text) for path in expand_braces(named)
               if Path(path).name not in FOREIGN_FILES and not exists(path)]
    assert not missing


@each_page
def test_selected_tests_exist(page):
    """Commands such as ``pytest FILE -k NAME`` select a test."""
    text = page.read_text(encoding='utf-8')
    for file, name in re.findall(r'pytest (\S+\.py) .*?-k (\w+)', text):
        tests = re.findall(r'def (test_\w+)', (ROOT / file).read_text(encoding='utf-8'))
        assert any(name in test for test in tests), f'{file} has no test {name}'


@each_page
def test_imports_work(page):
    """Lines such as ``from mmdet3d_plugin... import ...`` in code import existing names."""
    lines = re.findall(r'(?:^ *|")(from mmdet3d_plugin[\w.]* import (?:\([^)]*\)|[^\n;"]+))',
                       page.read_text(encoding='utf-8'), re.MULTILINE)
    for line in lines:
        statement, = ast.parse(line).body
        module = import_module(statement.module)
        for alias in statement.names:
            assert hasattr(module, alias.name), line


@pytest.fixture(scope='module')
def words() -> set:
    """All words in the code, configs and tests, and the names of their files."""
    files = [path for folder in FOLDERS for suffix in ('py', 'sh')
             for path in (ROOT / folder).rglob(f'*.{suffix}') if path != Path(__file__)]
    return {word for file in files
            for word in [file.stem, *re.findall(r'\w+', file.read_text(encoding='utf-8'))]}


@each_page
def test_names_of_classes_and_functions_exist(page, words):
    """CamelCase and snake_case names in backticks, and types in example configs, are in use."""
    text = page.read_text(encoding='utf-8')
    names = {word for span in code_spans(text) if '/' not in span
             for word in re.findall(r'(?<![\w.-])[A-Za-z_]\w*(?![\w-])', span)
             if re.search(r'[a-z][A-Z]|[a-z]_[a-z]', word)}
    names |= set(re.findall(r"type='(?:\w+\.)?(\w+)'", text))
    defined = set(re.findall(r'^ *class (\w+)', text, re.MULTILINE))
    assert not sorted(names - words - defined - FOREIGN_NAMES)

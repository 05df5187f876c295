"""Tables of the model zoo, from the ``metafile.yml`` files of ``configs/``.

The files have OpenMMLab's layout. Three keys are this project's: ``Command`` is the command that
runs a config, ``Paper Results`` holds figures of authors, each with its ``Source``, and ``Report``
in ``Results`` names the section of the documentation that describes a measurement.
"""
from pathlib import Path
from typing import Dict, List

import yaml

from .source_lines import ROOT

INDEX = 'model-index.yml'
NOT_MEASURED = 'not measured'
NONE = '–'
# Licences of the data that models are trained or tested on, as the owners state them.
NON_COMMERCIAL = 'non-commercial use'
LICENCES = {
    'KITTI': ('CC BY-NC-SA 3.0', 'https://www.cvlibs.net/datasets/kitti/'),
    'Waymo': (NON_COMMERCIAL, 'https://waymo.com/open/terms/'),
    'nuScenes': ('CC BY-NC-SA 4.0', 'https://www.nuscenes.org/terms-of-use'),
    'Cityscapes': (NON_COMMERCIAL, 'https://www.cityscapes-dataset.com/license/'),
    'NYU Depth V2': ('see its page', 'https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html'),
    'CUB-200-2011': ('see its page', 'https://www.vision.caltech.edu/datasets/cub_200_2011/'),
    'Cars-196': ('see its page', 'https://ai.stanford.edu/~jkrause/cars/car_dataset.html'),
    'Stanford Online Products': ('see its page',
                                 'https://cvgl.stanford.edu/projects/lifted_struct/'),
}
RENDERED = ('rendered street scenes', 'rendered clips', 'rendered vehicles')


def read_metafiles(root: Path = ROOT) -> List[dict]:
    """Return the contents of the metafiles, in the order of ``model-index.yml``."""
    names = yaml.safe_load((root / INDEX).read_text(encoding='utf-8'))['Import']
    return [yaml.safe_load((root / name).read_text(encoding='utf-8')) for name in names]


def figures(metrics: dict) -> str:
    """Return the figures of a result as one line.

    Example:
        >>> figures({'AbsRel': '0.140', 'RMSE, m': 0.486})
        'AbsRel 0.140; RMSE, m 0.486'
    """
    return '; '.join(f'{name} {value}' for name, value in metrics.items())


def licence_of(data: str) -> str:
    """Return the licence of a data set as a link, or what rendered data are.

    Raises:
        KeyError: the licence of the data set is not in ``LICENCES``.
    """
    if data in RENDERED:
        return 'rendered here'
    text, address = LICENCES[data]
    return f'[{text}]({address})'


def paper_cell(model: dict) -> str:
    """Return the figures of authors, each with its source and its data set."""
    cells = [f'*{result["Source"]}*, {result["Dataset"]}: {figures(result["Metrics"])}'
             for result in model.get('Paper Results', ())]
    return '<br>'.join(cells) or NONE


def our_cell(model: dict) -> str:
    """Return the measured figures, each with its data set, its command and its report."""
    cells = []
    for result in model.get('Results', ()):
        cell = f'{result["Dataset"]}: **{figures(result["Metrics"])}**'
        if 'Command' in result:
            cell += f'<br>`{result["Command"]}`'
        page = result['Report'].partition('docs/')[2]
        cells.append(f'{cell}<br>[report]({page})')
    return '<br>'.join(cells) or NOT_MEASURED


def model_row(model: dict) -> str:
    """Return the row of a model."""
    data = model['Metadata']['Training Data']
    config = (f'[`{model["Name"]}`](../{model["Config"]})<br>{model["Description"]}'
              f'<br>`{model["Command"]}`')
    weights = f'[weights]({model["Weights"]})' if 'Weights' in model else 'none'
    cells = (config, paper_cell(model), our_cell(model), weights,
             f'{data}: {licence_of(data)}')
    return f'| {" | ".join(cells)} |'


def collection_section(metafile: dict) -> str:
    """Return the heading and the table of the models of a metafile."""
    collection, = metafile['Collections']
    paper = collection.get('Paper', {})
    title = paper.get('Title', '')
    if 'URL' in paper:
        title = f'[{title}]({paper["URL"]})'
    lines = [f'## {collection["Name"]}', '']
    about = [part for part in (title, f'[configs](../{collection["README"]})') if part]
    lines += [f'{" · ".join(about)}', '',
              "| config and its command | paper's figure | our figure | weights | data, licence |",
              '|---|---|---|---|---|']
    return '\n'.join([*lines, *map(model_row, metafile['Models'])])


def summary(metafiles: List[dict]) -> str:
    """Return a table of the number of models and of measured models per paper."""
    lines = ['| paper | configs | measured here |', '|---|---|---|']
    for metafile in metafiles:
        name = metafile['Collections'][0]['Name']
        models = metafile['Models']
        measured = sum('Results' in model for model in models)
        anchor = name.lower().replace(' ', '-')
        lines.append(f'| [{name}](#{anchor}) | {len(models)} | {measured} |')
    return '\n'.join(lines)


def licence_table() -> str:
    """Return a table of the data sets and their licences."""
    lines = ['| data | licence |', '|---|---|']
    lines += [f'| {data} | {licence_of(data)} |' for data in LICENCES]
    lines.append(f'| {", ".join(RENDERED)} | made by this project\'s renderer |')
    return '\n'.join(lines)


def model_zoo() -> Dict[str, str]:
    """Return the texts that replace the markers of ``docs/model_zoo.md``."""
    metafiles = read_metafiles()
    return {'model-summary': summary(metafiles), 'licence-table': licence_table(),
            'model-tables': '\n\n'.join(map(collection_section, metafiles))}

"""The report in a real browser: filters, 3D view, zoom, layout, and no access to a network."""

import numpy as np
import pytest
from tiny_kitti import IMAGE_SIZE, P2, make_objects

from mmdet3d_plugin.visualization import (
    detection_entry,
    picture_entry,
    scene_entry,
    write_depth_report,
    write_report,
)
from mmdet3d_plugin.visualization.comparison_report import ComparedRun, write_detection_comparison
from mmdet3d_plugin.visualization.frame_entries import PREDICTED_DEPTH, TRUE_DEPTH

pytestmark = pytest.mark.browser

WIDE, PHONE = 1280, 390
EVIL = '</script><img src=x onerror=alert(1)>'
ROWS = [('Car', -3., 1.6, 12., -1.5), ('Car', 4., 1.7, 25., 1.6), ('Pedestrian', 2., 1.6, 9., .3)]
METRICS = {'Car_3D_AP40_moderate_strict': 12.3, 'Car_3D_AP40_moderate_loose': 45.6,
           'Pedestrian_3D_AP40_moderate_strict': 1.2}
LOG = [dict(step=step, loss=5. / step, loss_depth=2. / step) for step in range(1, 9)]
# Pixels of the 3D view that differ from its background by more than noise.
PIXELS = """() => {
  const canvas = document.querySelector('#space canvas');
  const gl = canvas.getContext('webgl2');
  const data = new Uint8Array(4 * canvas.width * canvas.height);
  gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  let count = 0, sum = 0;
  for (let i = 0; i < data.length; i += 4) {
    const off = Math.abs(data[i] - 18) + Math.abs(data[i + 1] - 22) + Math.abs(data[i + 2] - 28);
    if (off > 24) { count += 1; sum += i % 9973; }
  }
  return [count, sum, data.length / 4];
}"""
IMAGE_SUM = """() => {
  const canvas = document.querySelector('#image-0');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return data.reduce((sum, value, index) => sum + value * (index % 97), 0);
}"""


def frame(name, scores=(.9, .5, .2), shift=0., runs=1):
    """Frame with three labels and a prediction of each, ``shift`` metres too far."""
    truth = make_objects(ROWS)
    found = make_objects(ROWS)
    found.locations = found.locations + [0, 0, shift]
    found.scores = np.array(scores)
    image = np.random.default_rng(0).integers(0, 255, (*IMAGE_SIZE[::-1], 3), dtype=np.uint8)
    depth = np.repeat(np.geomspace(80, 4, IMAGE_SIZE[1])[:, None], IMAGE_SIZE[0], 1)
    return detection_entry(scene_entry(name, image, P2, {TRUE_DEPTH: depth}), truth,
                           [found, *[found[:1]] * (runs - 1)], ['Car', 'Pedestrian'])


@pytest.fixture(scope='module')
def reports(tmp_path_factory):
    """Folder of a detection, a depth and a comparison report."""
    folder = tmp_path_factory.mktemp('reports')
    write_report(
        folder / 'detection.html', title=f'Report {EVIL}', metrics=METRICS, scalars=LOG,
        frames=[frame(EVIL), frame('far', shift=3.), frame('low', scores=(.1, .1, .1))],
        summary={'Command': 'python ' + 'long ' * 60 + EVIL}, threshold=.3)
    depth = {key: value for key, value in frame('a').items() if key not in ('truth', 'runs')}
    panel = np.random.default_rng(0).integers(0, 255, (300, 1242, 3), dtype=np.uint8)
    maps = {**depth['depth']['maps'], PREDICTED_DEPTH: depth['depth']['maps'][TRUE_DEPTH]}
    depth['depth']['maps'] = maps
    write_depth_report(
        folder / 'depth.html', title='Depth', metrics=dict(AbsRel=.1), scalars=LOG,
        frames=[{**depth, **picture_entry('a', panel), 'errors': [.1]},
                {**picture_entry('b', panel), 'errors': [.2]}])
    write_detection_comparison(
        folder / 'comparison.html', title='Two runs', frames=[frame('a', runs=2)],
        runs=[ComparedRun(name, LOG, METRICS) for name in ('A: one', 'B: other')])
    return folder


@pytest.fixture
def open_page(browser, reports):
    """Return ``open(NAME, WIDTH)``; the test fails on console errors and on requests."""
    pages, faults = [], []

    def call(name, width=WIDE):
        page = browser.new_page(viewport=dict(width=width, height=900))
        page.on('console', lambda message: faults.append(message.text)
                if message.type == 'error' else None)
        page.on('pageerror', lambda error: faults.append(str(error)))
        page.on('request', lambda request: None
                if request.url.startswith(('file:', 'data:')) else faults.append(request.url))
        page.on('dialog', lambda dialog: faults.append('a foreign script ran'))
        page.goto((reports / f'{name}.html').as_uri())
        page.wait_for_selector('#explorer[data-ready]', state='attached', timeout=120_000)
        pages.append(page)
        return page

    yield call
    for page in pages:
        page.close()
    assert faults == []


def errors_of(page):
    """Numbers of the chips, by kind of error."""
    return page.eval_on_selector_all(
        '[data-kind]', 'chips => Object.fromEntries(chips.map('
        'chip => [chip.dataset.kind, +chip.querySelector("b").textContent]))')


def wait_until(page, expression):
    """Wait for an expression; the page's policy forbids playwright's own function for it."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f'still false: {expression}')


def set_score(page, value):
    page.eval_on_selector('#score', f'slider => {{ slider.value = {value}; '
                          'slider.dispatchEvent(new Event("input")); }')


@pytest.mark.parametrize('width', [WIDE, PHONE])
@pytest.mark.parametrize('name', ['detection', 'depth', 'comparison'])
def test_nothing_is_wider_than_the_window(open_page, name, width):
    page = open_page(name, width)
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert page.evaluate('document.querySelectorAll("section").length') >= 3
    empty = page.eval_on_selector_all(
        'section', 'all => all.filter(section => section.offsetHeight < 60).length')
    assert empty == 0


def test_the_score_filters_objects(open_page):
    page = open_page('detection')
    page.click('.frames button >> nth=-1')  # the frame without errors comes last
    set_score(page, 0)
    assert errors_of(page) == dict(right=3, missed=0, false=0, far=0, near=0, ignored=0)
    before = page.evaluate(IMAGE_SUM)
    set_score(page, .6)
    assert errors_of(page) == dict(right=1, missed=2, false=0, far=0, near=0, ignored=0)
    assert page.locator('.objects tbody tr').count() == 3
    assert page.evaluate(IMAGE_SUM) != before


def test_worst_frames_come_first_and_change_with_the_score(open_page):
    page = open_page('detection')

    def names():
        return page.eval_on_selector_all('.frames button',
                                         'all => all.map(button => button.dataset.frame)')

    # At 0.3: "low" misses all three; "far" has two depths that are off and one missed; the
    # other frame misses the pedestrian. A shift of 3 m is 25 % at 12 m and 12 % at 25 m.
    assert names() == ['far', 'low', EVIL] and page.inner_text('h3') == 'far'
    assert errors_of(page) == dict(right=0, missed=1, false=0, far=2, near=0, ignored=0)
    set_score(page, 0)
    assert names()[0] == 'far' and names()[1:] == [EVIL, 'low']


def test_classes_ground_truth_and_errors_can_be_hidden(open_page):
    page = open_page('detection')
    rows = page.locator('.objects tbody tr')
    assert rows.count() == 3
    page.click('.chip:has-text("Pedestrian")')
    assert errors_of(page)['missed'] == 0 and rows.count() == 2
    page.click('[data-kind=far]')
    assert rows.count() == 0
    shown = page.evaluate(IMAGE_SUM)
    page.click('.chip:has-text("Ground truth")')
    assert page.evaluate(IMAGE_SUM) != shown


def test_foreign_names_are_shown_as_text(open_page):
    page = open_page('detection')
    assert page.title() == f'Report {EVIL}'
    assert page.locator('.frames button', has_text=EVIL).count() == 1
    assert page.locator('img[src=x]').count() == 0


@pytest.mark.parametrize('name', ['detection', 'depth', 'comparison'])
def test_the_3d_view_draws_and_turns(open_page, name):
    page = open_page(name)
    if name == 'depth':
        page.click('.frames button >> nth=-1')
        wait_until(page, '!document.querySelector(".row").hidden')
    page.locator('#space canvas').scroll_into_view_if_needed()
    count, pattern, total = page.evaluate(PIXELS)
    assert count > .02 * total
    box = page.locator('#space canvas').bounding_box()
    page.mouse.move(box['x'] + 200, box['y'] + 200)
    page.mouse.down()
    page.mouse.move(box['x'] + 320, box['y'] + 240, steps=4)
    page.mouse.up()
    turned = page.evaluate(PIXELS)
    assert turned[0] > .01 * total and turned[1] != pattern
    page.click('button:has-text("Above")')
    above = page.evaluate(PIXELS)
    assert above[0] > .005 * total and above[1] != turned[1]


def test_pictures_can_be_enlarged(open_page):
    page = open_page('detection', PHONE)
    page.click('#image-0')
    large = page.locator('dialog canvas')
    assert large.is_visible() and large.evaluate('canvas => canvas.width') >= 2000
    page.mouse.move(195, 450)
    page.mouse.wheel(0, -800)
    wait_until(page, '/scale\\((?!1\\))/.test('
                     'document.querySelector("dialog div").style.transform)')
    page.keyboard.press('Escape')
    assert not large.is_visible()
    page.locator('svg.plot').first.click()
    assert page.locator('dialog svg').is_visible()
    page.click('dialog button')
    assert not page.locator('dialog svg').is_visible()


def test_tables_that_continue_say_so(open_page):
    page = open_page('detection', PHONE)
    table = page.locator('.wide:has(table.metrics)')
    assert 'more-right' in table.get_attribute('class')
    table.evaluate('wide => { wide.scrollLeft = wide.scrollWidth; }')
    wait_until(page, '!document.querySelector(".wide:has(table.metrics)").classList'
                     '.contains("more-right")')
    assert 'more-left' in table.get_attribute('class')


def test_frames_change_by_buttons(open_page):
    page = open_page('detection')
    page.click('button[aria-label="Next frame"]')
    assert page.inner_text('h3') == 'low'
    page.click('button[aria-label="Previous frame"]')
    page.click('button[aria-label="Previous frame"]')
    assert page.inner_text('h3') == EVIL


def focused(page):
    """Name of the frame, or text of the choice, that has the keyboard's focus."""
    return page.evaluate('document.activeElement.dataset.frame ?? document.activeElement.value')


def test_keyboard_keeps_its_place(open_page):
    page = open_page('depth')
    page.focus('.frames button >> nth=1')
    page.keyboard.press('Enter')
    wait_until(page, '!document.querySelector(".row").hidden')
    assert page.inner_text('h3') == 'a' and focused(page) == 'a'
    page.focus('.tools select >> nth=1')
    page.select_option('.tools select >> nth=1', 'photo')
    assert focused(page) == 'photo'
    page.focus('.gallery img')
    page.keyboard.press('Enter')
    assert page.locator('dialog img').is_visible()


def test_canvases_are_enlarged_by_the_keyboard(open_page):
    page = open_page('detection')
    for name in ('#image-0', '#above'):
        page.focus(name)
        page.keyboard.press('Enter')
        assert page.locator('dialog canvas').is_visible()
        page.keyboard.press('Escape')

// Explorer of frames: filters, list of frames, image, view from above, 3D view and objects.
'use strict';
(() => {
  const root = document.getElementById('explorer');
  if (!root) return;
  const { frames, settings } = JSON.parse(document.getElementById('explorer-data').textContent);
  const ERRORS = ['missed', 'false', 'far', 'near'];
  const KINDS = { right: 'right', missed: 'missed', false: 'false', far: 'too far',
                  near: 'too near', ignored: 'ignored' };
  const hasBoxes = frames.some((frame) => frame.truth);
  const hasScene = frames.some((frame) => frame.image);
  const pair = settings.runs.length > 1;
  const state = {
    index: 0, order: 'worst', threshold: settings.threshold, truth: true,
    classes: new Set(settings.classes), kinds: new Set(Object.keys(KINDS)),
    runs: new Set(settings.runs.keys()), colors: pair ? 'runs' : 'classes',
    points: null, pointColors: hasBoxes ? 'photo' : 'depth', focus: null,
  };
  const pictures = new Map(); // loaded images by their address

  // ---- elements ------------------------------------------------------------------------------
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else if (name in element && name !== 'list') element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  const checkbox = (label, checked, toggle, color, colors) => make(
    'label', { className: 'chip' },
    make('input', { type: 'checkbox', checked, onchange: (event) => {
      toggle(event.target.checked);
      update();
    } }),
    swatch(color, colors), label);

  // Swatch of a colour, which is grey while boxes have other colours than 'classes' or 'errors'.
  function swatch(color, colors = '') {
    const element = make('i', { className: 'swatch' });
    element.style.background = color;
    element.dataset.colors = colors;
    return element;
  }

  const choice = (label, options, value, choose) => make(
    'label', { className: 'field' }, label, make('select', { onchange: (event) => {
      choose(event.target.value);
      update();
    } }, ...options.map(([key, text]) => make('option', {
      value: key, textContent: text, selected: key === value }))));

  const toggleIn = (set, key) => (on) => (on ? set.add(key) : set.delete(key));
  const group = (title, ...children) => make(
    'fieldset', {}, make('legend', { textContent: title }), ...children);

  // Replace the children of an element, and focus the child at the focused place again.
  function keepFocus(parent, children, focused = null) {
    const place = [...parent.children].findIndex((child) => child.contains(document.activeElement));
    parent.replaceChildren(...children);
    const next = focused ?? children[place]?.control;
    if (place >= 0) next?.focus({ preventScroll: true });
  }

  // ---- what is shown -------------------------------------------------------------------------
  const classColor = (name) => settings.colors[name] ?? settings.otherColor;
  const inClasses = (object) => state.classes.has(object.class);
  const reaches = (object) => object.score >= state.threshold;
  const counts = (frame, run) => {
    const found = { right: 0, missed: 0, false: 0, far: 0, near: 0, ignored: 0 };
    for (const object of frame.runs[run].filter(inClasses)) {
      if (reaches(object)) found[object.outcome] += 1;
    }
    for (const label of frame.truth.filter(inClasses)) found.missed += isMissed(frame, label, run);
    return found;
  };

  function isMissed(frame, label, run) {
    const finder = label.finders[run];
    return label.counted && (finder < 0 || !reaches(frame.runs[run][finder]));
  }

  const total = (found) => ERRORS.reduce((sum, kind) => sum + found[kind], 0);

  // How bad a frame is, or how much two runs differ in it.
  function badness(frame) {
    if (!frame.truth) {
      const errors = frame.errors ?? [0];
      return pair ? Math.abs(errors[1] - errors[0]) : errors[0];
    }
    const found = settings.runs.map((_, run) => counts(frame, run));
    if (!pair) return total(found[0]);
    return ERRORS.reduce((sum, kind) => sum + Math.abs(found[0][kind] - found[1][kind]), 0);
  }

  function labelMarks(frame, runs) {
    if (!state.truth) return [];
    return frame.truth.filter(inClasses).flatMap((label) => {
      const missing = runs.filter((run) => isMissed(frame, label, run));
      const missed = missing.length > 0;
      if (missed && !state.kinds.has('missed')) return [];
      const color = state.colors === 'errors' && missed ? settings.kindColors.missed
        : settings.truthColor;
      const rings = missing.map((run) => (pair ? settings.runColors[run] : color));
      return [{ box: label.box, color, dashed: missed, rings, truth: true, object: label,
                strong: state.focus === label }];
    });
  }

  function boxMarks(frame, run) {
    return frame.runs[run].filter((object) => reaches(object) && inClasses(object)
                                  && state.kinds.has(object.outcome)).map((object) => ({
      box: object.box, object, strong: state.focus === object, score: object.score, color: {
        classes: classColor(object.class), errors: settings.kindColors[object.outcome],
        runs: settings.runColors[run] }[state.colors] }));
  }

  // ---- controls ------------------------------------------------------------------------------
  const slider = make('input', {
    type: 'range', id: 'score', min: settings.scores[0], max: settings.scores[1], step: 'any',
    value: state.threshold, oninput: (event) => {
      state.threshold = +event.target.value;
      scoreText.textContent = state.threshold.toFixed(2);
      update();
    } });
  const scoreText = make('output', { textContent: state.threshold.toFixed(2) });
  const chips = Object.fromEntries(Object.entries(KINDS).map(([kind, text]) => {
    const number = make('b', { textContent: '0' });
    const chip = checkbox(`${text} `, true, toggleIn(state.kinds, kind),
                          settings.kindColors[kind], 'errors');
    chip.append(number);
    chip.dataset.kind = kind;
    return [kind, { chip, number }];
  }));
  const controls = make('div', { className: 'controls' });
  if (hasBoxes) {
    const more = make('details', { open: window.innerWidth > 820 },
                      make('summary', { textContent: 'Classes, errors and colours' }));
    const filters = make('div');
    more.append(filters);
    controls.append(group('Minimum score', slider, scoreText), more);
    filters.append(
      group('Classes', ...settings.classes.map((name) => checkbox(
        name, true, toggleIn(state.classes, name), classColor(name), 'classes'))),
      group('Show', choice('Colours', [
        ...(pair ? [['runs', 'by run']] : []), ['classes', 'by class'], ['errors', 'by error']],
        state.colors, (value) => { state.colors = value; })),
      group('Objects of this frame', checkbox('Ground truth', true, (on) => { state.truth = on; },
                                              settings.truthColor),
            ...Object.values(chips).map(({ chip }) => chip)),
      ...(pair ? [group('Runs', ...settings.runs.map((name, run) => checkbox(
        name, true, toggleIn(state.runs, run), settings.runColors[run])))] : []));
  }

  // ---- list of frames ------------------------------------------------------------------------
  const list = make('div', { className: 'frames', role: 'listbox', ariaLabel: 'Frames' });
  const items = frames.map((frame, index) => {
    const note = make('small');
    const button = make('button', {
      type: 'button', role: 'option', onclick: () => open(index),
    }, make('img', { src: frame.image ?? frame.pictures[0][1], alt: '', loading: 'lazy' }),
    make('span', { textContent: frame.name }), note);
    button.dataset.frame = frame.name;
    return { button, note };
  });
  const step = (by) => {
    const order = sorted();
    open(order[(order.indexOf(state.index) + by + order.length) % order.length]);
  };
  const title = make('h3');
  const header = make(
    'div', { className: 'bar' },
    make('button', { type: 'button', textContent: '‹', ariaLabel: 'Previous frame',
                     onclick: () => step(-1) }),
    title,
    make('button', { type: 'button', textContent: '›', ariaLabel: 'Next frame',
                     onclick: () => step(1) }),
    choice('Order', [['worst', pair ? 'most changed first' : 'worst first'], ['name', 'by name']],
           'worst', (value) => { state.order = value; }));

  function sorted() {
    const order = [...frames.keys()];
    const bad = frames.map(badness);
    const byName = (a, b) => (frames[a].name < frames[b].name ? -1 : 1);
    return order.sort((a, b) => (state.order === 'worst' && bad[b] - bad[a]) || byName(a, b));
  }

  const summary = (found) => ERRORS.filter((kind) => found[kind])
    .map((kind) => `${found[kind]} ${KINDS[kind]}`).join(' · ') || 'no errors';

  function noteOf(frame) {
    if (frame.truth) {
      return settings.runs.map((name, run) => (pair ? `${name}: ` : '')
        + summary(counts(frame, run))).join('\n');
    }
    return (frame.errors ?? []).map((error, run) => (pair ? `${settings.runs[run]}: ` : '')
      + `${settings.errorName} ${error.toFixed(3)}`).join('\n');
  }

  // ---- views ---------------------------------------------------------------------------------
  const views = make('div', { className: 'views' });
  const images = hasBoxes ? settings.runs.map((name, run) => {
    const canvas = make('canvas', { className: 'zoomable', id: `image-${run}`, tabIndex: 0,
                                    role: 'img', ariaLabel: `Camera image, ${name}` });
    canvas.zoom = () => {
      const large = document.createElement('canvas');
      paintImage(large, run, Math.max(2200, frames[state.index].width));
      return large;
    };
    const figure = make('figure', {}, canvas, make('figcaption', {
      textContent: `${pair ? name : 'Camera image'}. Tap to enlarge.` }));
    views.append(figure);
    return { canvas, figure };
  }) : [];
  const gallery = make('div', { className: 'gallery' });
  views.append(gallery);
  const above = make('canvas', { className: 'zoomable', id: 'above', tabIndex: 0, role: 'img',
                                 ariaLabel: 'Boxes from above' });
  above.zoom = () => {
    const large = document.createElement('canvas');
    paintAbove(large, 1100, 1400);
    return large;
  };
  const space = make('div', { className: 'space', id: 'space' });
  const tools = make('div', { className: 'tools' });
  const row = make('div', { className: 'row' });
  if (hasScene) {
    row.append(make('figure', { className: 'space-figure' }, tools, space, make('figcaption', {
      textContent: 'Drag to turn, scroll or pinch to zoom, right button or two fingers to move. '
        + 'The grid has cells of 10 m.' })));
    if (hasBoxes) {
      row.append(make('figure', { className: 'above-figure' }, above, make('figcaption', {
        textContent: `From above. A ring marks a missed object${
          pair ? ', in the colour of the run that misses it' : ''}. Tap to enlarge.` })));
    }
    views.append(row);
  }
  const objects = make('tbody');
  if (hasBoxes) {
    const head = ['', ...(pair ? ['run'] : []), 'class', 'score', 'depth (m)', 'true depth (m)',
                  'error (m)'];
    views.append(make('div', { className: 'wide' }, make(
      'table', { className: 'objects' },
      make('thead', {}, make('tr', {}, ...head.map((text) => make('th', { textContent: text })))),
      objects)));
  }

  function paintImage(canvas, run, width) {
    const frame = frames[state.index];
    Geometry.drawOnImage(canvas, pictures.get(frame.image), frame,
                         [...labelMarks(frame, [run]), ...boxMarks(frame, run)], width);
  }

  const shownRuns = () => [...settings.runs.keys()].filter((run) => state.runs.has(run));
  const allMarks = (frame) => [...labelMarks(frame, shownRuns()),
                               ...shownRuns().flatMap((run) => boxMarks(frame, run))];

  function paintAbove(canvas, width, height) {
    const frame = frames[state.index];
    const boxes = [...frame.truth, ...frame.runs.flat().filter(reaches)].map(({ box }) => box);
    Geometry.drawFromAbove(canvas, frame, allMarks(frame), boxes, width, height);
  }

  // ---- 3D view -------------------------------------------------------------------------------
  let view = null;
  let lastView = 'behind';
  const planeSlider = make('input', {
    type: 'range', min: 1, max: 80, step: .5, value: 4, id: 'plane', oninput: () => setPlane() });
  const setPlane = () => view.setPlane(+planeSlider.value, lastView === 'camera' ? .75 : 1);
  const pointChoice = make('span');

  function buildScene() {
    view = SceneView.create(space);
    if (!view) {
      space.append(make('p', { textContent: 'The 3D view needs WebGL, which this browser does '
        + 'not offer.' }));
      return;
    }
    const button = (text, name) => make('button', { type: 'button', textContent: text,
                                                    onclick: () => lookFrom(name) });
    tools.append(button('Behind', 'behind'), button('Above', 'above'),
                 button('Camera', 'camera'),
                 make('label', { className: 'field' }, 'Image at', planeSlider), pointChoice);
    view.resize();
  }

  function lookFrom(name) {
    lastView = name;
    planeSlider.value = name === 'camera' ? 80 : 4;
    setPlane();
    const frame = frames[state.index];
    view.look(name, centerOf(frame));
  }

  // Middle of the scene on the ground, (x, z).
  function centerOf(frame) {
    const boxes = (frame.truth ?? []).concat(...(frame.runs ?? []).map((run) => run.filter(
      reaches))).map((object) => object.box);
    if (boxes.length) {
      const near = boxes.map(([x, , z]) => [x, z]).sort((a, b) => a[1] - b[1]);
      return near[Math.floor((near.length - 1) / 2)];
    }
    return [0, frame.depth ? Math.sqrt(frame.depth.low * frame.depth.high) : 20];
  }

  function groundOf(frame) {
    const heights = (frame.truth ?? []).map((label) => label.box[1]).sort((a, b) => a - b);
    return heights.length ? heights[Math.floor(heights.length / 2)] : 1.65;
  }

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const depths = (frame, name) => {
    const content = bytes(frame.depth.maps[name]);
    return new Uint16Array(content.buffer).map((value) => value);
  };

  function drawPoints(frame) {
    const names = frame.depth ? Object.keys(frame.depth.maps) : [];
    if (!names.includes(state.points)) state.points = names[names.length - 1] ?? null;
    const truth = settings.trueDepth;
    const schemes = [['depth', 'by depth'], ['photo', 'image colours'],
                     ...(names.includes(truth) && state.points !== truth
                       ? [['error', 'by error']] : [])];
    if (!schemes.some(([name]) => name === state.pointColors)) state.pointColors = 'depth';
    keepFocus(pointChoice, names.length ? [
      choice('Points', [...names.map((name) => [name, name]), ['', 'none']], state.points,
             (value) => { state.points = value || 'none'; }),
      choice('', schemes, state.pointColors, (value) => { state.pointColors = value; }),
      ...pointScale(frame)] : []);
    if (!names.includes(state.points)) return view.setPoints([], []);
    const { width, height, low, high } = frame.depth;
    const values = depths(frame, state.points);
    const reference = state.pointColors === 'error' ? depths(frame, truth) : null;
    const pixels = state.pointColors === 'photo' ? photo(frame, width, height) : null;
    const palette = bytes(settings.palettes[reference ? 'error' : 'depth']);
    const points = [], colors = [];
    for (let index = 0; index < values.length; index += 1) {
      const z = values[index] / 256;
      if (!z || (reference && !reference[index])) continue;
      const column = index % width, line = Math.floor(index / width);
      points.push(Geometry.unproject((column + .5) * frame.width / width,
                                     (line + .5) * frame.height / height, z, frame.camera));
      if (pixels) colors.push(pixels.subarray(4 * index, 4 * index + 3));
      else {
        const share = reference ? (z / (reference[index] / 256) - 1) / (2 * settings.errorLimit) + .5
          : Math.log(z / low) / Math.log(high / low);
        const level = Math.round(255 * Math.min(Math.max(share, 0), 1));
        colors.push(palette.subarray(3 * level, 3 * level + 3));
      }
    }
    return view.setPoints(points, colors);
  }

  // Colour scale of the points with its two ends.
  function pointScale(frame) {
    const percent = 100 * settings.errorLimit;
    const ends = { depth: [frame.depth.low, frame.depth.high].map((end) => `${+end.toFixed(1)} m`),
                   error: [`−${percent} %`, `+${percent} %`] }[state.pointColors];
    if (!ends || state.points === 'none') return [];
    const palette = bytes(settings.palettes[state.pointColors]);
    const colors = [...Array(9).keys()].map((part) => Math.round(part * 255 / 8))
      .map((level) => `rgb(${palette.subarray(3 * level, 3 * level + 3).join()})`);
    const bar = make('i');
    bar.style.background = `linear-gradient(90deg, ${colors.join()})`;
    return [make('span', { className: 'scale' }, ends[0], bar, ends[1])];
  }

  function photo(frame, width, height) {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(pictures.get(frame.image), 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }

  // ---- objects -------------------------------------------------------------------------------
  function fillObjects(frame) {
    const number = (value) => value.toFixed(1);
    const lines = shownRuns().flatMap((run) => [
      ...boxMarks(frame, run).map(({ object, color }) => {
        const depth = object.box[2];
        const truth = object.label >= 0 ? frame.truth[object.label].box[2] : null;
        const error = truth === null ? '–'
          : `${depth >= truth ? '+' : '−'}${Math.abs(depth - truth).toFixed(2)}`;
        return { run, object, color, kind: object.outcome, cells: [
          object.class, object.score.toFixed(2), number(depth),
          truth === null ? '–' : number(truth), error] };
      }),
      ...labelMarks(frame, [run]).filter((mark) => mark.rings.length).map(
        ({ object, color }) => ({ run, object, color, kind: 'missed', cells: [
          object.class, '–', '–', number(object.box[2]), '–'] }))]);
    lines.sort((a, b) => a.object.box[2] - b.object.box[2]);
    objects.replaceChildren(...lines.map(({ run, object, color, kind, cells }) => {
      const focus = (on) => {
        state.focus = on ? object : null;
        paint();
      };
      const mark = make('td', {}, swatch(color), KINDS[kind]);
      return make('tr', { tabIndex: 0, onpointerenter: () => focus(true),
                          onpointerleave: () => focus(false), onfocus: () => focus(true),
                          onblur: () => focus(false) },
                  mark, ...(pair ? [make('td', { textContent: settings.runs[run] })] : []),
                  ...cells.map((text) => make('td', { textContent: text })));
    }));
  }

  // ---- updates -------------------------------------------------------------------------------
  function paint() {
    const frame = frames[state.index];
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    images.forEach(({ canvas, figure }, run) => {
      figure.hidden = !state.runs.has(run);
      if (!figure.hidden) paintImage(canvas, run, canvas.clientWidth * ratio || frame.width);
    });
    if (hasBoxes) {
      const width = above.clientWidth * ratio || 420;
      paintAbove(above, width, above.clientHeight * ratio || 1.1 * width);
    }
    if (view && frame.truth) view.setBoxes(allMarks(frame));
  }

  function update() {
    const frame = frames[state.index];
    const order = sorted();
    keepFocus(list, order.map((index) => items[index].button), document.activeElement);
    items.forEach(({ button, note }, index) => {
      button.setAttribute('aria-selected', index === state.index);
      note.textContent = noteOf(frames[index]);
    });
    title.textContent = frame.name;
    if (frame.truth) {
      const found = shownRuns().map((run) => counts(frame, run));
      for (const [kind, { number }] of Object.entries(chips)) {
        number.textContent = found.map((item) => item[kind]).join(' / ');
      }
      fillObjects(frame);
    }
    if (view && frame.depth) drawPoints(frame);
    for (const element of root.querySelectorAll('.swatch')) {
      const { colors } = element.dataset;
      element.classList.toggle('unused', colors && colors !== state.colors);
    }
    paint();
  }

  async function load(address) {
    if (!pictures.has(address)) {
      const picture = new Image();
      picture.src = address;
      await picture.decode();
      pictures.set(address, picture);
    }
    return pictures.get(address);
  }

  async function open(index) {
    state.index = index;
    state.focus = null;
    const frame = frames[index];
    gallery.replaceChildren(...(frame.pictures ?? []).map(([caption, address]) => make(
      'figure', {}, make('img', { src: address, alt: caption, className: 'zoomable',
                                  tabIndex: 0 }),
      make('figcaption', { textContent: `${caption}. Tap to enlarge.` }))));
    row.hidden = !frame.image;
    if (frame.image) {
      const picture = await load(frame.image);
      if (state.index !== index) return;
      if (!view && !space.childElementCount) buildScene();
      if (view) {
        view.setFrame(frame, picture, groundOf(frame));
        view.part('points');
        view.look(lastView, centerOf(frame));
      }
    }
    update();
    const { button } = items[index];
    list.scrollTo({ left: button.offsetLeft - list.clientWidth / 2 + button.offsetWidth / 2,
                    behavior: 'auto' });
  }

  root.append(...(hasBoxes ? [controls] : []), header, list, views);
  new ResizeObserver(() => pictures.size && paint()).observe(views);
  open(sorted()[0]).then(() => { root.dataset.ready = 'true'; });
})();

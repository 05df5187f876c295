// Enlarged pictures, hints at tables that scroll, and the marked entry of the table of contents.
'use strict';
(() => {
  const START_ZOOM = 3;
  const dialog = document.createElement('dialog');
  dialog.className = 'zoom';
  const stage = document.createElement('div');
  const close = document.createElement('button');
  close.type = 'button';
  close.textContent = '✕';
  close.ariaLabel = 'Close';
  dialog.append(stage, close);
  document.body.append(dialog);
  let scale = 1, x = 0, y = 0;
  const fingers = new Map();

  function place() {
    stage.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  }

  // Zoom by a factor about a point of the window.
  function zoom(factor, left, top) {
    const next = Math.min(Math.max(scale * factor, 1), 12);
    x = left - (left - x) * next / scale;
    y = top - (top - y) * next / scale;
    scale = next;
    if (scale === 1) x = y = 0;
    place();
  }

  // Enlarge an element. In a window that is higher than wide, wide pictures open at the height of
  // the window, at most START_ZOOM times its width, around a share of their width.
  function show(element, share = .5) {
    const { width, height } = element.getBoundingClientRect();
    const content = element.zoom ? element.zoom() : element.cloneNode(true);
    for (const name of ['class', 'tabindex']) content.removeAttribute(name);
    if (element.tagName === 'svg') content.style.width = '100%';
    stage.replaceChildren(content);
    stage.classList.toggle('on-page', element.tagName === 'svg');
    scale = 1;
    x = y = 0;
    place();
    if (innerHeight > innerWidth) {
      zoom(Math.min(innerHeight / (innerWidth * height / width), START_ZOOM), share * innerWidth,
           innerHeight / 2);
    }
    dialog.showModal();
  }

  document.addEventListener('click', (event) => {
    const element = event.target.closest('.zoomable');
    if (!element) return;
    const { left, width } = element.getBoundingClientRect();
    show(element, (event.clientX - left) / width);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !event.target.matches('.zoomable')) return;
    event.preventDefault(); // the key would press the focused button that closes the dialog
    show(event.target);
  });
  close.addEventListener('click', () => dialog.close());
  stage.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }, { passive: false });
  stage.addEventListener('dblclick', (event) => zoom(scale > 1 ? 1 / scale : 3, event.clientX,
                                                     event.clientY));
  stage.addEventListener('pointerdown', (event) => {
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  stage.addEventListener('pointermove', (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const after = [event.clientX, event.clientY];
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const length = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      zoom(length(after) / Math.max(length(before), 1), (after[0] + other[0]) / 2,
           (after[1] + other[1]) / 2);
    } else if (scale > 1) {
      x += after[0] - before[0];
      y += after[1] - before[1];
      place();
    }
    fingers.set(event.pointerId, after);
  });
  for (const name of ['pointerup', 'pointercancel']) {
    stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }

  // A table that is wider than its place gets a shadow at the side where it continues.
  function hint(wide) {
    const rest = wide.scrollWidth - wide.clientWidth;
    wide.classList.toggle('more-left', wide.scrollLeft > 1);
    wide.classList.toggle('more-right', wide.scrollLeft < rest - 1);
    if (rest > 1) wide.tabIndex = 0;
  }
  for (const wide of document.querySelectorAll('.wide')) {
    wide.addEventListener('scroll', () => hint(wide), { passive: true });
    new ResizeObserver(() => hint(wide)).observe(wide);
  }

  const links = new Map([...document.querySelectorAll('nav a')].map(
    (link) => [link.getAttribute('href').slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      links.get(target.id)?.classList.toggle('here', isIntersecting);
    }
  }, { rootMargin: '-30% 0px -60% 0px' });
  document.querySelectorAll('section[id]').forEach((section) => observer.observe(section));
})();

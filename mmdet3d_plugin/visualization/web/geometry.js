// Boxes, cameras and drawing on 2D canvases. The camera frame has x right, y down, z forward.
'use strict';
const Geometry = (() => {
  const NEAR = 0.1; // metres; nearer parts of boxes are cut off
  const MARGIN = 1; // metres beside the boxes in the view from above
  const EDGES = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4],
                 [0, 4], [1, 5], [2, 6], [3, 7]];
  const FRONT = [0, 1, 5, 4];

  // Corners in the order of structures/boxes.py.
  function corners([x, y, z, height, width, length, yaw]) {
    const unit = [[.5, 0, .5], [.5, 0, -.5], [-.5, 0, -.5], [-.5, 0, .5],
                  [.5, -1, .5], [.5, -1, -.5], [-.5, -1, -.5], [-.5, -1, .5]];
    const cos = Math.cos(yaw), sin = Math.sin(yaw);
    return unit.map(([a, b, c]) => [x + cos * a * length + sin * c * width, y + b * height,
                                    z - sin * a * length + cos * c * width]);
  }

  function project([x, y, z], P) {
    const w = P[8] * x + P[9] * y + P[10] * z + P[11];
    return [(P[0] * x + P[1] * y + P[2] * z + P[3]) / w,
            (P[4] * x + P[5] * y + P[6] * z + P[7]) / w];
  }

  // Point at depth z that projects to a pixel.
  function unproject(u, v, z, P) {
    const w = z + P[11];
    const y = (v * w - P[6] * z - P[7]) / P[5];
    return [(u * w - P[1] * y - P[2] * z - P[3]) / P[0], y, z];
  }

  function clipped(a, b) {
    if (a[2] < NEAR && b[2] < NEAR) return null;
    if (a[2] >= NEAR && b[2] >= NEAR) return [a, b];
    const share = (NEAR - a[2]) / (b[2] - a[2]);
    const cut = [0, 1, 2].map((axis) => a[axis] + share * (b[axis] - a[axis]));
    return a[2] < NEAR ? [cut, b] : [a, cut];
  }

  // Write the scores beside their boxes, inside the canvas. Of scores that overlap, only the
  // highest one is written.
  function drawScores(context, marks, size) {
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textBaseline = 'middle';
    const written = [];
    const order = (a, b) => b.strong - a.strong || b.score - a.score;
    for (const { score, color, anchor: [x, y] } of [...marks].sort(order)) {
      const text = score.toFixed(2);
      const width = context.measureText(text).width + .6 * size, height = 1.4 * size;
      const left = Math.min(Math.max(x, 0), context.canvas.width - width);
      const top = Math.min(Math.max(y - height, 0), context.canvas.height - height);
      if (written.some((other) => Math.abs(other.left - left) < (other.width + width) / 2
                       && Math.abs(other.top - top) < height)) continue;
      written.push({ left, top, width });
      context.fillStyle = color;
      context.globalAlpha = .9;
      context.fillRect(left, top, width, height);
      context.globalAlpha = 1;
      context.fillStyle = '#101418';
      context.fillText(text, left + .3 * size, top + .53 * height);
    }
  }

  function drawOnImage(canvas, picture, frame, marks, width) {
    const scale = width / frame.width;
    canvas.width = Math.round(width);
    canvas.height = Math.round(frame.height * scale);
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const line = Math.max(1.5, canvas.width / 620), letter = Math.max(11, canvas.width / 90);
    const toCanvas = (point) => project(point, frame.camera).map((value) => value * scale);
    context.lineJoin = 'round';
    for (const mark of [...marks].sort((a, b) => b.box[2] - a.box[2])) {
      const points = corners(mark.box);
      const lines = EDGES.map(([a, b]) => clipped(points[a], points[b])).filter(Boolean)
        .map((ends) => ends.map(toCanvas));
      if (!lines.length) continue;
      const tint = mark.strong ? .45 : .22;
      if (FRONT.every((index) => points[index][2] >= NEAR)) {
        context.fillStyle = mark.color;
        context.globalAlpha = tint;
        context.beginPath();
        FRONT.forEach((index) => context.lineTo(...toCanvas(points[index])));
        context.fill();
        context.globalAlpha = 1;
      }
      context.strokeStyle = mark.color;
      context.lineWidth = line * (mark.strong ? 2 : 1);
      context.setLineDash(mark.dashed ? [4 * line, 2.5 * line] : []);
      context.beginPath();
      for (const [start, end] of lines) {
        context.moveTo(...start);
        context.lineTo(...end);
      }
      context.stroke();
      context.setLineDash([]);
      const flat = lines.flat();
      mark.anchor = [Math.min(...flat.map(([u]) => u)), Math.min(...flat.map(([, v]) => v))];
    }
    drawScores(context, marks.filter((mark) => 'score' in mark && mark.anchor), letter);
  }

  // Least depth that shows all boxes with their rings, in steps of 10 m, and half the width that
  // goes with it.
  function reach(boxes, aspect) {
    const shows = (depth, half) => boxes.every(([x, , z, , , length]) => (
      z + length < depth - MARGIN && Math.abs(x) + length < half - MARGIN));
    for (let depth = 20; ; depth += 10) {
      const half = (depth + 2) * aspect / 2;
      if (depth >= 120 || shows(depth, half)) return [depth, half];
    }
  }

  function ring(context, center, radius, line, color) {
    context.strokeStyle = color;
    context.setLineDash([2 * line, 1.5 * line]);
    context.beginPath();
    context.arc(...center, radius, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
  }

  function drawFromAbove(canvas, frame, marks, allBoxes, width, height) {
    canvas.width = Math.round(width);
    canvas.height = Math.round(height);
    const context = canvas.getContext('2d');
    const [depth, half] = reach(allBoxes, width / height);
    const scale = height / (depth + 2), letter = Math.max(11, height / 42);
    const at = ([x, , z]) => [(x + half) * scale, (depth - z) * scale];
    context.fillStyle = '#12161c';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = '#ffffff0f';
    context.beginPath();
    const far = depth + 5;
    for (const [u, z] of [[0, NEAR], [0, far], [frame.width, far], [frame.width, NEAR]]) {
      context.lineTo(...at(unproject(u, frame.height / 2, z, frame.camera)));
    }
    context.fill();
    context.strokeStyle = '#333c47';
    context.fillStyle = '#9aa7b5';
    context.lineWidth = Math.max(1, height / 700);
    context.font = `${letter}px system-ui, sans-serif`;
    context.textBaseline = 'bottom';
    for (let z = 0; z < depth; z += 10) {
      const [, y] = at([0, 0, z]);
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(canvas.width, y);
      context.stroke();
      if (z) context.fillText(`${z} m`, letter / 2, y - 2);
    }
    for (let x = -10 * Math.floor(half / 10); x <= half; x += 10) {
      context.beginPath();
      context.moveTo(at([x, 0, 0])[0], 0);
      context.lineTo(at([x, 0, 0])[0], canvas.height);
      context.stroke();
    }
    const line = Math.max(1.5, height / 330);
    for (const mark of marks) {
      const points = corners(mark.box).slice(0, 4).map(at);
      context.strokeStyle = context.fillStyle = mark.color;
      context.lineWidth = line * (mark.strong ? 2 : 1);
      context.beginPath();
      points.forEach((point) => context.lineTo(...point));
      context.closePath();
      context.globalAlpha = mark.truth ? .12 : .3;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
      const center = at(mark.box), yaw = mark.box[6], ahead = mark.box[5] / 2 + 1;
      const radius = Math.max(mark.box[5] * scale * .75, 5 * line);
      mark.rings?.forEach((color, index) => ring(context, center, radius + 2.5 * line * index,
                                                 line, color));
      context.strokeStyle = mark.color;
      context.beginPath();
      context.moveTo(...center);
      context.lineTo(...at([mark.box[0] + ahead * Math.cos(yaw), 0,
                            mark.box[2] - ahead * Math.sin(yaw)]));
      context.stroke();
    }
    const [x, y] = at([0, 0, 0]);
    context.fillStyle = '#e8edf2';
    context.beginPath();
    context.moveTo(x, y - .7 * letter);
    context.lineTo(x + .55 * letter, y + .5 * letter);
    context.lineTo(x - .55 * letter, y + .5 * letter);
    context.fill();
  }

  return { EDGES, FRONT, corners, project, unproject, drawOnImage, drawFromAbove };
})();

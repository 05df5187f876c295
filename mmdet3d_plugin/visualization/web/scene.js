// 3D view of a frame: camera, image on its plane, boxes and points of depth.
'use strict';
const SceneView = (() => {
  const GRID = 80, GRID_STEP = 10; // metres
  const MARGIN = 1.04; // size of the view of the camera over the size of its image
  // three.js has y up and z backwards.
  const flip = ([x, y, z]) => [x, -y, -z];

  return class {
    // Return null where the browser has no WebGL.
    static create(container) {
      const test = document.createElement('canvas').getContext('webgl2');
      return test ? new SceneView(container) : null;
    }

    constructor(container) {
      this.container = container;
      this.renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
      this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
      this.renderer.setClearColor('#12161c');
      container.append(this.renderer.domElement);
      this.camera = new THREE.PerspectiveCamera(50, 1, .1, 1000);
      this.scene = new THREE.Scene();
      this.controls = new THREE.OrbitControls(this.camera, this.renderer.domElement);
      this.controls.addEventListener('change', () => this.render());
      this.groups = {};
      this.lineMaterials = new Map();
      new ResizeObserver(() => this.resize()).observe(container);
    }

    resize() {
      const { clientWidth: width, clientHeight: height } = this.container;
      if (!width || !height) return;
      this.renderer.setSize(width, height);
      this.camera.aspect = width / height;
      this.camera.updateProjectionMatrix();
      for (const material of this.lineMaterials.values()) material.resolution.set(width, height);
      this.render();
    }

    render() {
      if (this.camera.aspect) this.renderer.render(this.scene, this.camera);
    }

    // Replace a named part of the scene.
    part(name, ...objects) {
      const old = this.groups[name];
      if (old) {
        this.scene.remove(old);
        old.traverse((item) => {
          item.geometry?.dispose();
          if (item.material?.map) item.material.map.dispose();
          if (item.material && ![...this.lineMaterials.values()].includes(item.material)) {
            item.material.dispose();
          }
        });
      }
      this.groups[name] = new THREE.Group();
      for (const item of objects) this.groups[name].add(item);
      this.scene.add(this.groups[name]);
    }

    material(color, width, dashed) {
      const key = `${color} ${width} ${dashed}`;
      if (!this.lineMaterials.has(key)) {
        const { clientWidth, clientHeight } = this.container;
        const material = new THREE.LineMaterial({ color, linewidth: width, dashed, dashSize: .45,
                                                  gapSize: .25 });
        material.resolution.set(clientWidth || 1, clientHeight || 1);
        this.lineMaterials.set(key, material);
      }
      return this.lineMaterials.get(key);
    }

    lines(segments, color, width = 2, dashed = false) {
      const geometry = new THREE.LineSegmentsGeometry();
      geometry.setPositions(segments.flat().flatMap(flip));
      const lines = new THREE.LineSegments2(geometry, this.material(color, width, dashed));
      return dashed ? lines.computeLineDistances() : lines;
    }

    face(points, color, opacity) {
      const [a, b, c, d] = points.map(flip);
      return this.mesh([...a, ...b, ...c, ...a, ...c, ...d], new THREE.MeshBasicMaterial({
        color, opacity, transparent: true, side: THREE.DoubleSide, depthWrite: false }));
    }

    mesh(positions, material) {
      const geometry = new THREE.BufferGeometry();
      geometry.setAttribute('position', new THREE.BufferAttribute(new Float32Array(positions), 3));
      return new THREE.Mesh(geometry, material);
    }

    // Show a frame: the ground, the camera and its image. Boxes and points follow by others.
    setFrame(frame, picture, ground) {
      this.frame = frame;
      this.picture = picture;
      const grid = new THREE.GridHelper(GRID, GRID / GRID_STEP, '#465261', '#2b333d');
      grid.position.set(0, -ground, -GRID / 2 + GRID_STEP);
      this.part('ground', grid);
      this.ground = ground;
      this.setPlane(this.plane ?? 4, this.opacity ?? 1);
    }

    // Centre of projection in the camera frame; P2 may have an offset from its origin.
    apex() {
      const { camera } = this.frame;
      return Geometry.unproject(0, 0, -camera[11], camera);
    }

    // Place the image at a distance from the camera, metres. A translucent image has no frustum.
    setPlane(distance, opacity) {
      const { frame, picture } = this;
      this.plane = distance;
      this.opacity = opacity;
      const ends = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([u, v]) => Geometry.unproject(
        u * frame.width, v * frame.height, distance, frame.camera));
      const [a, b, c, d] = ends.map(flip);
      const texture = new THREE.Texture(picture);
      texture.colorSpace = THREE.SRGBColorSpace;
      texture.needsUpdate = true;
      const image = this.mesh([...a, ...d, ...c, ...a, ...c, ...b], new THREE.MeshBasicMaterial({
        map: texture, side: THREE.DoubleSide, transparent: opacity < 1, opacity }));
      image.geometry.setAttribute('uv', new THREE.BufferAttribute(
        new Float32Array([0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1]), 2));
      const rays = opacity < 1 ? [] : ends.map((end) => [this.apex(), end]);
      const border = ends.map((end, index) => [end, ends[(index + 1) % 4]]);
      this.part('camera', image, this.lines([...rays, ...border], '#e8edf2', 1.5));
      this.render();
    }

    setBoxes(marks) {
      this.part('boxes', ...marks.flatMap((mark) => {
        const points = Geometry.corners(mark.box);
        const segments = Geometry.EDGES.map(([a, b]) => [points[a], points[b]]);
        const front = Geometry.FRONT.map((index) => points[index]);
        return [this.lines(segments, mark.color, mark.strong ? 5 : 2.5, mark.dashed),
                this.face(front, mark.color, mark.strong ? .6 : .3)];
      }));
      this.render();
    }

    // points: [x, y, z] of the camera frame; colors: [red, green, blue] of 0 to 255.
    setPoints(points, colors) {
      const geometry = new THREE.BufferGeometry();
      const linear = new Float32Array(colors.length * 3);
      const color = new THREE.Color();
      colors.forEach(([red, green, blue], index) => {
        color.setRGB(red / 255, green / 255, blue / 255, THREE.SRGBColorSpace);
        color.toArray(linear, 3 * index);
      });
      geometry.setAttribute('position', new THREE.BufferAttribute(
        new Float32Array(points.flatMap(flip)), 3));
      geometry.setAttribute('color', new THREE.BufferAttribute(linear, 3));
      this.part('points', new THREE.Points(geometry, new THREE.PointsMaterial({
        size: 2.2 * this.renderer.getPixelRatio(), sizeAttenuation: false, vertexColors: true })));
      this.render();
    }

    // View points: 'behind' the camera, from 'above', or of the 'camera' itself.
    look(view, center) {
      const [x, , z] = flip([center[0], 0, center[1]]);
      const places = {
        behind: [[x / 4 - 4.5, 5.5, 8], [x / 2, -this.ground, 1.3 * z - 6]],
        above: [[x, 1.35 * Math.max(20, -z) + 10, z + .01], [x, 0, z]],
        camera: [flip(this.apex()), flip(this.apex()).map((value, axis) => value - (axis === 2))],
      };
      if (view === 'camera') this.lookThrough();
      else {
        this.camera.fov = 50;
        this.camera.clearViewOffset();
        this.camera.updateProjectionMatrix();
      }
      const [position, target] = places[view];
      const back = view === 'behind' ? Math.max(1, 1.3 / this.camera.aspect) : 1; // narrow views
      this.camera.position.set(...position.map((value) => value * back));
      this.controls.target.set(...target);
      this.controls.update();
      this.render();
    }

    // Fit the image with a margin into the view as the camera sees it.
    lookThrough() {
      const { frame, camera } = this;
      const [x, y, z] = this.apex();
      const [left, top] = Geometry.unproject(0, 0, z + 1, frame.camera);
      const [right, bottom] = Geometry.unproject(frame.width, frame.height, z + 1, frame.camera);
      const half = Math.max(y - top, bottom - y, Math.max(x - left, right - x) / camera.aspect);
      camera.fov = 2 * Math.atan(half * MARGIN) * 180 / Math.PI;
      camera.updateProjectionMatrix();
    }
  };
})();

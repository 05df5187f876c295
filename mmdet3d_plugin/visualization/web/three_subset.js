// Parts of three.js (npm package "three" 0.187.0) that scene.js uses. Bundle them again, below the
// text of its licence, with
//   npm install three@0.187.0 esbuild@0.28.2
//   npx esbuild three_subset.js --bundle --minify --format=iife --global-name=THREE \
//       --legal-comments=none --outfile=three.min.js \
//       --banner:js="/*! three.js 0.187.0
//   $(cat node_modules/three/LICENSE) */"
export {
  BufferAttribute, BufferGeometry, Color, DoubleSide, GridHelper, Group, Mesh, MeshBasicMaterial,
  PerspectiveCamera, Points, PointsMaterial, Scene, SRGBColorSpace, Texture, WebGLRenderer,
} from 'three';
export { OrbitControls } from 'three/addons/controls/OrbitControls.js';
export { LineSegments2 } from 'three/addons/lines/LineSegments2.js';
export { LineSegmentsGeometry } from 'three/addons/lines/LineSegmentsGeometry.js';
export { LineMaterial } from 'three/addons/lines/LineMaterial.js';

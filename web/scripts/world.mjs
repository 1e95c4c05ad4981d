// Makes src/pictures/world.json: the outlines of the countries by their two letters, as paths of SVG, out of Natural Earth's
// data, which is in the public domain. Run it with `npm run world` after a new version of world-atlas.
import { readFileSync, writeFileSync } from 'node:fs';

const modules = new URL('../node_modules/', import.meta.url);
const read = (path) => JSON.parse(readFileSync(new URL(path, modules), 'utf8'));
const world = read('world-atlas/countries-110m.json');
const letters = new Map(read('i18n-iso-countries/codes.json').map(([two, , digits]) => [digits, two]));
// What the data has without a number of ISO 3166, and has two letters in the data about addresses.
const unnumbered = new Map([['Kosovo', 'XK']]);

/** Equal Earth: countries are as large as they are, which a map of numbers of people should not distort. */
function project([degreesEast, degreesNorth]) {
  const [a, b, c, d] = [1.340264, -0.081106, 0.000893, 0.003796];
  const t = Math.asin((Math.sqrt(3) / 2) * Math.sin((degreesNorth * Math.PI) / 180));
  const t2 = t * t;
  const t6 = t2 ** 3;
  const x = ((degreesEast * Math.PI) / 180) * Math.cos(t) / ((Math.sqrt(3) / 2) * (a + 3 * b * t2 + t6 * (7 * c + 9 * d * t2)));
  const y = t * (a + b * t2 + t6 * (c + d * t2));
  return [Math.round(490 + x * 180), Math.round(240 - y * 180)];
}

const { scale, translate } = world.transform;
const arcs = world.arcs.map((arc) => {
  let [x, y] = [0, 0];
  return arc.map(([dx, dy]) => {
    [x, y] = [x + dx, y + dy];
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
  });
});

/** Walks on over the edge of the world instead of back around it, and begins on the side where most of the ring is. */
function unwrap(ring) {
  let turn = 0;
  const walked = ring.map(([x, y], i) => {
    const step = i === 0 ? 0 : x - ring[i - 1][0];
    if (Math.abs(step) > 180) turn -= Math.sign(step) * 360;
    return [x + turn, y];
  });
  const middle = walked.reduce((sum, [x]) => sum + x, 0) / walked.length;
  const back = Math.round(middle / 360) * 360;
  return walked.map(([x, y]) => [x - back, y]);
}

/** A ring of arcs, of which the negative ones are walked backwards; every arc begins where the one before ends. */
function ring(indexes) {
  const points = unwrap(indexes.flatMap((i) => (i < 0 ? [...arcs[~i]].reverse() : arcs[i]))).map(project);
  const distinct = points.filter(([x, y], i) => i === 0 || x !== points[i - 1][0] || y !== points[i - 1][1]);
  return distinct.length < 3 ? '' : `M${distinct.map((p) => p.join(' ')).join('L')}Z`;
}

const countries = {};
for (const { type, arcs: shape, id, properties } of world.objects.countries.geometries) {
  const code = letters.get(id) ?? unnumbered.get(properties.name) ?? '';
  if (code === 'AQ') continue;
  const path = (type === 'Polygon' ? [shape] : shape).flatMap((polygon) => polygon.map(ring)).join('');
  countries[code] = (countries[code] ?? '') + path;
}
writeFileSync(new URL('../src/pictures/world.json', import.meta.url), JSON.stringify(countries) + '\n');

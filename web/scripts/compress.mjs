// Lays a .br and a .gz beside every built file that gets smaller by it, prints what somebody downloads who opens a page for the
// first time, and fails when that is more than the budgets of README.md allow.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** What the first visit of any page may weigh, and what all that is not a chart or the map may together. */
const budgets = { visit: 300_000, own: 170_000 };

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const text = /\.(html|js|css|svg|json|txt)$/;
const kb = (n) => (n / 1000).toFixed(1).padStart(8);
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));
rmSync(join(dist, '.vite'), { recursive: true });

/** What a file weighs as it is sent. */
const weights = new Map();
for (const entry of readdirSync(dist, { recursive: true }).sort()) {
  const path = join(dist, entry);
  if (!statSync(path).isFile() || !text.test(path)) continue;
  const plain = readFileSync(path);
  const br = brotliCompressSync(plain, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
  });
  const gz = gzipSync(plain, { level: 9 });
  if (br.length < plain.length) writeFileSync(path + '.br', br);
  if (gz.length < plain.length) writeFileSync(path + '.gz', gz);
  weights.set(relative(dist, path), Math.min(br.length, plain.length));
  console.log(`${kb(plain.length)} kB ${kb(gz.length)} gz ${kb(br.length)} br  ${relative(dist, path)}`);
}

/** The chunks that come with a chunk, itself among them. */
function closure(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const other of manifest[key].imports ?? []) closure(other, found);
  return found;
}
const union = (...sets) => new Set(sets.flatMap((set) => [...set]));
const files = (keys) => new Set([...keys].flatMap((key) => [manifest[key].file, ...(manifest[key].css ?? [])]));
/** What files weigh together. One of none would make every sum NaN, which is within any budget. */
function weigh(names) {
  return [...names].reduce((sum, name) => {
    if (!weights.has(name)) throw new Error(`${name} is in the manifest, and has no weight`);
    return sum + weights.get(name);
  }, 0);
}

const charts = 'src/lib/charts.ts';
const map = 'src/pictures/WorldMap.svelte';
const entry = union(closure('index.html'));
const before = new Set(['index.html', 'icon.svg', 'theme.js']);
const first = (chunks) => weigh(union(before, files(union(entry, chunks))));
const offers = (chunks, key) => [...chunks].some((chunk) => manifest[chunk].dynamicImports?.includes(key));

let largest = 0;
console.log('\nthe first visit of a page, compressed');
const tell = (name, chunks) => {
  const weight = first(chunks);
  largest = Math.max(largest, weight);
  console.log(`${kb(weight)} kB  ${name}`);
};
tell('signing in', new Set());
for (const key of Object.keys(manifest).filter((key) => /^src\/pages\/.*\.svelte$/.test(key) && manifest[key].isDynamicEntry)) {
  const own = closure(key);
  const name = key.replace(/^.*\/|\.svelte$/g, '');
  // Which pages draw charts is seen in what their chunks can load; all that can draw at once.
  const drawn = offers(own, charts) ? union(own, closure(charts)) : own;
  tell(name, drawn);
  if (offers(own, map)) tell(`${name}, with a map`, union(drawn, closure(map)));
}

const heavy = files([charts, map]);
const own = weigh([...weights.keys()].filter((name) => name.startsWith('assets/') && !heavy.has(name)));
console.log(`all pages without charts and map ${kb(own).trim()} kB, of ${kb(budgets.own).trim()}; the largest visit ${kb(largest).trim()} kB, of ${kb(budgets.visit).trim()}`);
if (own > budgets.own || largest > budgets.visit) throw new Error('the page is larger than its budgets allow');

// Lays a .br and a .gz beside every built file that gets smaller by it, prints what a visitor downloads, and fails when that
// is more than the budgets of README.md allow.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
let pages = 0;
let charts = 0;
const text = /\.(html|js|css|svg|json|txt)$/;

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
  const kb = (n) => (n / 1000).toFixed(1).padStart(8);
  if (/^(charts|WorldMap)-.*\.js$/.test(basename(path))) charts += Math.min(br.length, plain.length);
  else if (/^assets\//.test(relative(dist, path))) pages += Math.min(br.length, plain.length);
  console.log(`${kb(plain.length)} kB ${kb(gz.length)} gz ${kb(br.length)} br  ${relative(dist, path)}`);
}

console.log(`all pages ${(pages / 1000).toFixed(1)} kB, the charts and the map ${(charts / 1000).toFixed(1)} kB`);
if (pages > 137_000 || pages + charts > 300_000) throw new Error('the page is larger than its budgets allow');

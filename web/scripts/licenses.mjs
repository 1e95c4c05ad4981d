// Gathers the licences of what is built into the page; they ask to go where the code goes.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const modules = new URL('../node_modules/', import.meta.url);
const built = ['svelte', 'esm-env', 'clsx', 'echarts', 'zrender', 'tslib', 'swagger-ui-dist'];
const files = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'license.md', 'NOTICE', 'swagger-ui-es-bundle.js.LICENSE.txt'];

const parts = built.flatMap((name) => {
  const at = new URL(`${name}/`, modules);
  const { version, license } = JSON.parse(readFileSync(new URL('package.json', at), 'utf8'));
  const texts = files.map((file) => new URL(file, at)).filter(existsSync).map((file) => readFileSync(file, 'utf8').trim());
  if (texts.length === 0) throw new Error(`${name} comes without a licence text`);
  return [`${name} ${version} (${license})`, ...texts, '-'.repeat(72)];
});
writeFileSync(new URL('../dist/licenses.txt', import.meta.url), parts.join('\n\n') + '\n');

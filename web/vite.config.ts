import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { mock } from './dev/mock.ts';

// Without FRESHET_URL, `npm run dev` answers /v1 from a small made-up server.
const server = process.env.FRESHET_URL;

export default defineConfig({
  plugins: [svelte(), ...(server ? [] : [mock()])],
  server: { proxy: server ? { '/v1': server } : {} },
  build: {
    outDir: 'dist',
    // scripts/clean.mjs empties the folder and leaves the file that keeps it.
    emptyOutDir: false,
    // Read, and taken away again, by scripts/compress.mjs.
    manifest: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox128', 'safari17.5'],
    // Everything has a file of its own: the page's policy allows no inline code, and few inline images.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});

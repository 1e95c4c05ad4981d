import { defineConfig } from 'vite';

// The API reference is a page of the server, not of the dashboard, so its files have fixed names.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: 'dist/reference',
    emptyOutDir: true,
    // Split, it would be put into the script, and the page's policy forbids styles that a script writes.
    cssCodeSplit: false,
    target: 'es2022',
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      input: 'src/reference/reference.ts',
      output: { format: 'iife', entryFileNames: 'reference.js', assetFileNames: 'reference[extname]' },
    },
  },
});

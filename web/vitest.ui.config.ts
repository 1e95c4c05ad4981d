import { defineConfig } from 'vitest/config';

// Tests in a browser against the real binary: `make test-ui`. They share a server, so they run one after the other.
export default defineConfig({
  test: { include: ['ui/**/*.test.ts'], environment: 'node', fileParallelism: false, testTimeout: 180_000, hookTimeout: 60_000 },
});

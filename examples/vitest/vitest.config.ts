import { defineConfig } from 'vitest/config';

// Starting a Temporal server and bundling workflows take seconds.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });

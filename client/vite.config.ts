import { defineConfig } from 'vitest/config';
import type { Plugin } from 'vite';

/** The one mode that switches the test build on. It never writes where the server looks for its pages. */
const TEST_BUILD = 'sotto-test';

/** The output folder is emptied by each build, and git keeps it by this file. */
const keepFolder: Plugin = {
  name: 'sotto-keep-folder',
  apply: 'build',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: '.keep', source: '' });
  },
};

export default defineConfig(({ command, mode }) => {
  const testBuild = command === 'build' ? mode === TEST_BUILD : process.env['VITEST'] === 'true';
  return {
    root: import.meta.dirname,
    // Relative to the page's own origin: no third-party origin, no path prefix.
    base: '/',
    plugins: [keepFolder],
    define: {
      // Key-use log and the "transform disabled" control; folded to `false` and dropped in a normal build.
      __SOTTO_TEST__: JSON.stringify(testBuild),
    },
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
    build: {
      outDir: testBuild ? 'dist-test' : '../sfu/server/static',
      emptyOutDir: true,
      assetsDir: 'assets',
      // A `data:` URL would need a wider CSP: every asset is a file.
      assetsInlineLimit: 0,
      // The polyfill is an extra script; every browser with RTCRtpScriptTransform has modulepreload.
      modulePreload: { polyfill: false },
      sourcemap: false,
      target: 'es2022',
      rollupOptions: {
        output: {
          entryFileNames: 'assets/[name]-[hash].js',
          chunkFileNames: 'assets/[name]-[hash].js',
          assetFileNames: 'assets/[name]-[hash][extname]',
        },
      },
    },
    worker: {
      format: 'es',
      rollupOptions: {
        output: {
          entryFileNames: 'assets/[name]-[hash].js',
          chunkFileNames: 'assets/[name]-[hash].js',
        },
      },
    },
    test: {
      include: ['test/**/*.test.{ts,tsx}'],
      environment: 'node',
      restoreMocks: true,
      testTimeout: 20_000,
    },
  };
});

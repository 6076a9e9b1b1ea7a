/** What the built files must and must not contain. Builds the worker and the controller with the real configuration. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { build } from 'vite';

const CLIENT = join(import.meta.dirname, '../..');
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** All scripts of a build in this mode, name and text. */
async function built(mode: string): Promise<ReadonlyMap<string, string>> {
  const entry = mkdtempSync(join(CLIENT, 'node_modules/.sotto-build-'));
  folders.push(entry);
  writeFileSync(join(entry, 'index.html'), '<script type="module" src="./main.ts"></script>');
  writeFileSync(join(entry, 'main.ts'), "import { E2eeController } from '/src/e2ee/controller.ts';\nObject.assign(globalThis, { E2eeController });\n");
  await build({
    configFile: join(CLIENT, 'vite.config.ts'), mode, logLevel: 'error',
    build: { outDir: join(entry, 'out'), rollupOptions: { input: join(entry, 'index.html') } },
  });
  const assets = join(entry, 'out/assets');
  return new Map(readdirSync(assets).map((name) => [name, readFileSync(join(assets, name), 'utf8')]));
}

const MARKERS = ['sotto_test_build', 'passthrough', 'recordPlaintext', 'keyUses'];

describe('the build', () => {
  it.each(['production', 'test', 'development'])('mode %s has nothing of the test hooks', async (mode) => {
    const files = await built(mode);
    expect([...files.keys()].some((name) => name.startsWith('worker-'))).toBe(true);
    for (const text of files.values()) {
      for (const marker of [...MARKERS, '__SOTTO_TEST__']) expect(text).not.toContain(marker);
      expect(text).not.toMatch(/console\.|sourceMappingURL|["'`](blob|data):/);
    }
  }, 60_000);

  it('mode sotto-test has them, so the check above can fail', async () => {
    const text = [...(await built('sotto-test')).values()].join('');
    for (const marker of MARKERS) expect(text).toContain(marker);
  }, 60_000);
});

/**
 * Sealed calls in a real Chromium, under the CSP and Trusted Types the server sends.
 *
 * Needs a Chromium: `SOTTO_CHROMIUM` names it, default /usr/bin/chromium. Skipped, visibly, where there is none.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from 'vite';
import type { SottoTest } from '../../src/e2ee/test_hooks.ts';
import type { LoopRequest, LoopResult } from './browser/loop.ts';

const CHROMIUM = process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns',
];
const CLIENT = join(import.meta.dirname, '../..');
const PAGE = join(import.meta.dirname, 'browser/index.html');
const POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types sotto-worker";
const NORMAL: LoopRequest = {
  codec: 'VP8', announceAfterMs: 0, joinAfterMs: 0, frames: 30,
  withinMs: 20_000, // for a machine that builds something else meanwhile
};

let browser: Browser;
const servers: Server[] = [];
const folders: string[] = [];
const complaints: string[] = [];

function serve(root: string): Server {
  return createServer((request, response) => {
    const path = request.url === '/' ? 'test/e2ee/browser/index.html' : (request.url ?? '').slice(1);
    const file = join(root, path);
    if (path === 'favicon.ico') return void response.writeHead(204).end();
    if (!file.startsWith(root) || !existsSync(file)) return void response.writeHead(404).end();
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(readFileSync(file));
  });
}

/** Build in this mode, serve it, and give its address. */
async function site(mode: string): Promise<string> {
  const folder = mkdtempSync(join(CLIENT, 'node_modules/.sotto-loop-'));
  folders.push(folder);
  const options = { outDir: folder, rollupOptions: { input: PAGE } };
  await build({ configFile: join(CLIENT, 'vite.config.ts'), mode, logLevel: 'error', build: options });
  const server = serve(folder);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/`;
}

async function visit(address: string, hooks: SottoTest | null = null): Promise<Page> {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  page.on('console', (message) => void complaints.push(message.text()));
  page.on('pageerror', (error) => void complaints.push(String(error)));
  if (hooks !== null) await page.addInitScript((given) => Object.assign(globalThis, { sotto_test_build: given }), hooks);
  await page.goto(address);
  await page.waitForFunction('typeof sottoLoop === "function"');
  return page;
}

async function call(page: Page, request: LoopRequest): Promise<LoopResult> {
  const result: unknown = await page.evaluate((given) => {
    const scope = globalThis as unknown as { sottoLoop(request: unknown): Promise<unknown> }; // set by loop.ts
    return scope.sottoLoop(given);
  }, request);
  return result as LoopResult; // what loop.ts returns
}

beforeAll(async () => {
  if (existsSync(CHROMIUM)) browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describe.skipIf(!existsSync(CHROMIUM))('in Chromium', () => {
  let page: Page;

  beforeAll(async () => {
    page = await visit(await site('production'));
  }, 60_000);

  it.each(['VP8', 'VP9', 'AV1'])('%s and Opus are sealed, opened, decoded, and named from the KID', async (codec) => {
    const result = await call(page, { ...NORMAL, codec });
    expect(result).toMatchObject({ alarms: [], failed: [] });
    expect(result.decoded).toBeGreaterThanOrEqual(NORMAL.frames);
    expect(result.keyFrames).toBeLessThan(5);
    expect([...result.sealed].sort()).toEqual(['camera', 'microphone']);
    expect(result.senders).toContainEqual({ seat: 0, kind: 'video', leaf: 3, ctx: 1, pid: 'AAAAAAAAAAM' });
    expect(result.senders).toContainEqual({ seat: 0, kind: 'audio', leaf: 3, ctx: 0, pid: 'AAAAAAAAAAM' });
    expect(Object.keys(result.drops).filter((reason) => !/dup$|empty$|no_key$/.test(reason))).toEqual([]);
  }, 40_000);

  it('without the key nothing is decoded, though packets arrive', async () => {
    const result = await call(page, { ...NORMAL, announceAfterMs: null, frames: 1, withinMs: 3000 });
    expect(result.packets).toBeGreaterThan(20);
    expect(result).toMatchObject({ decoded: 0, opened: 0, senders: [], alarms: [] });
    expect(result.drops['open/video/unknown_key']).toBeGreaterThan(0);
  }, 40_000);

  it('a key that comes late on either side costs the frames before it, then a key frame is asked for', async () => {
    const result = await call(page, { ...NORMAL, announceAfterMs: 1200, joinAfterMs: 700 });
    expect(result.decoded).toBeGreaterThanOrEqual(NORMAL.frames);
    expect(result.drops['seal/video/no_key']).toBeGreaterThan(0);
    expect(result.drops['open/video/unknown_key']).toBeGreaterThan(0);
    expect(result).toMatchObject({ alarms: [], failed: [] });
  }, 40_000);

  it('the test hooks do nothing in a normal build', async () => {
    const other = await visit(page.url(), { disableTransforms: true, recordPlaintext: true });
    const result = await call(other, NORMAL);
    expect([...result.sealed].sort()).toEqual(['camera', 'microphone']);
    const hooks = await other.evaluate(() => (globalThis as unknown as Record<string, unknown>)['sotto_test_build']);
    expect(hooks).toEqual({ disableTransforms: true, recordPlaintext: true });
  }, 40_000);
});

describe.skipIf(!existsSync(CHROMIUM))('the test build in Chromium', () => {
  let address: string;

  beforeAll(async () => {
    address = await site('sotto-test');
  }, 60_000);

  it('T25: logs each (key, nonce), none twice, and keeps the frames as they were', async () => {
    const page = await visit(address, { recordPlaintext: true });
    await call(page, { ...NORMAL, frames: 20 });
    await call(page, { ...NORMAL, frames: 20 });
    const kept = await page.evaluate(() => {
      const { keyUses = [], plaintext = [] } = (globalThis as unknown as Record<string, SottoTest>)['sotto_test_build'] ?? {};
      return { keyUses, codecs: plaintext.map(({ codec }) => codec), bytes: plaintext.map(({ frame }) => frame.byteLength) };
    });
    expect(kept.keyUses.length).toBeGreaterThan(80);
    expect(new Set(kept.keyUses).size).toBe(kept.keyUses.length);
    expect(new Set(kept.codecs)).toEqual(new Set(['opus', 'vp8']));
    expect(kept.bytes).toHaveLength(kept.keyUses.length);
    expect(Math.min(...kept.bytes)).toBeGreaterThan(0);
  }, 60_000);

  it('the control run: with transforms disabled everything crosses in clear, and nothing claims to be sealed', async () => {
    const page = await visit(address, { disableTransforms: true });
    const result = await call(page, { ...NORMAL, announceAfterMs: null, withinMs: 5000 });
    expect(result.decoded).toBeGreaterThan(10);
    expect(result).toMatchObject({ sealed: [], senders: [], opened: 0 });
  }, 60_000);
});

it.skipIf(!existsSync(CHROMIUM))('pages and workers complained of nothing: CSP, Trusted Types, console', () => {
  expect(complaints).toEqual([]);
});

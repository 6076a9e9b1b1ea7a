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
import type { LoopRequest, LoopResult } from './browser/loop.ts';

const CHROMIUM = process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium';
const CLIENT = join(import.meta.dirname, '../..');
const PAGE = join(import.meta.dirname, 'browser/index.html');
const POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types sotto-worker";
const FRAMES = 30;
const WITHIN_MS = 20_000; // for a machine that builds something else meanwhile

let browser: Browser;
let server: Server;
let page: Page;
let folder: string;
const complaints: string[] = [];

function serve(root: string): Server {
  return createServer((request, response) => {
    const path = request.url === '/' ? 'test/e2ee/browser/index.html' : (request.url ?? '').slice(1);
    const file = join(root, path);
    if (!file.startsWith(root) || !existsSync(file)) return void response.writeHead(404).end();
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(readFileSync(file));
  });
}

async function call(request: LoopRequest): Promise<LoopResult> {
  const result: unknown = await page.evaluate((given) => {
    const scope = globalThis as unknown as { sottoLoop(request: unknown): Promise<unknown> }; // set by loop.ts
    return scope.sottoLoop(given);
  }, request);
  return result as LoopResult; // what loop.ts returns
}

describe.skipIf(!existsSync(CHROMIUM))('in Chromium', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(CLIENT, 'node_modules/.sotto-loop-'));
    await build({
      configFile: join(CLIENT, 'vite.config.ts'), mode: 'production', logLevel: 'error',
      build: { outDir: folder, rollupOptions: { input: PAGE } },
    });
    server = serve(folder);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    browser = await chromium.launch({
      executablePath: CHROMIUM, headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required',
        '--disable-features=WebRtcHideLocalIpsWithMdns'],
    });
    const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
    page = await context.newPage();
    page.on('console', (message) => void complaints.push(message.text()));
    page.on('pageerror', (error) => void complaints.push(String(error)));
    await page.goto(`http://127.0.0.1:${address.port}/`);
    await page.waitForFunction('typeof sottoLoop === "function"');
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  it.each(['VP8', 'VP9', 'AV1'])('%s and Opus are sealed, opened, decoded, and named from the KID', async (codec) => {
    const result = await call({ codec, announceAfterMs: 0, joinAfterMs: 0, frames: FRAMES, withinMs: WITHIN_MS });
    expect(result).toMatchObject({ alarms: [], failed: [] });
    expect(result.decoded).toBeGreaterThanOrEqual(FRAMES);
    expect(result.keyFrames).toBeLessThan(5);
    expect([...result.sealed].sort()).toEqual(['camera', 'microphone']);
    expect(result.senders).toContainEqual({ seat: 0, kind: 'video', leaf: 3, ctx: 1, pid: 'AAAAAAAAAAM' });
    expect(result.senders).toContainEqual({ seat: 0, kind: 'audio', leaf: 3, ctx: 0, pid: 'AAAAAAAAAAM' });
    expect(Object.keys(result.drops).filter((reason) => !/dup$|empty$|no_key$/.test(reason))).toEqual([]);
  }, 40_000);

  it('without the key nothing is decoded, though packets arrive', async () => {
    const result = await call({ codec: 'VP8', announceAfterMs: null, joinAfterMs: 0, frames: 1, withinMs: 3000 });
    expect(result.packets).toBeGreaterThan(20);
    expect(result).toMatchObject({ decoded: 0, opened: 0, senders: [], alarms: [] });
    expect(result.drops['open/video/unknown_key']).toBeGreaterThan(0);
  }, 40_000);

  it('a key that comes late on either side costs the frames before it, then a key frame is asked for', async () => {
    const result = await call({ codec: 'VP8', announceAfterMs: 1200, joinAfterMs: 700, frames: FRAMES, withinMs: WITHIN_MS });
    expect(result.decoded).toBeGreaterThanOrEqual(FRAMES);
    expect(result.drops['seal/video/no_key']).toBeGreaterThan(0);
    expect(result.drops['open/video/unknown_key']).toBeGreaterThan(0);
    expect(result).toMatchObject({ alarms: [], failed: [] });
  }, 40_000);

  it('the page and its workers complain of nothing: CSP, Trusted Types, console', () => expect(complaints).toEqual([]));
});

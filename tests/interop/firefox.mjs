/* Firefox on the seats page and in the call. Usage: node firefox.mjs LINK SEATS; prints JSON lines. */
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../client/package.json', import.meta.url));
const puppeteer = require('puppeteer-core');

const WITHIN_MS = 60_000;
/* Fake devices, no prompts, real host candidates, and nothing that asks Mozilla's servers. */
const PREFERENCES = {
  'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0, 'media.autoplay.blocking_policy': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.gmp-manager.updateEnabled': false, 'media.gmp-manager.url': 'data:,', 'app.update.enabled': false,
  'app.normandy.enabled': false, 'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false, 'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.server': '', 'browser.safebrowsing.update.enabled': false,
  'services.settings.server': 'data:,', 'browser.region.network.url': '',
  'extensions.getAddons.cache.enabled': false,
};

const [link, seats] = process.argv.slice(2);
const browser = await puppeteer.launch({
  browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, extraPrefsFirefox: PREFERENCES,
});
try {
  const first = await browser.newPage();
  await first.goto(new URL(link).origin);
  const script = fs.readFileSync(new URL('many_seats.js', import.meta.url), 'utf8');
  const asked = await first.evaluate(`(${script.slice(script.indexOf('async (seats)'))})(${Number(seats)})`);
  console.log(JSON.stringify({ seats: asked }));
  await first.close();

  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.goto(`${link}&name=Fox&autojoin=1`);
  await page.bringToFront();
  const deadline = Date.now() + WITHIN_MS;
  let call = null;
  while (Date.now() < deadline) {
    call = await page.evaluate(() => ({
      badge: document.querySelector('[data-testid=e2ee-badge]')?.dataset.state ?? null,
      error: document.querySelector('[data-testid=error]')?.dataset.code ?? null,
      /* Firefox counts no frames of a MediaStream: the clock of the element and its colour tell instead. */
      pictures: Object.fromEntries([...document.querySelectorAll('[data-testid=tile]')].map((tile) => {
        const video = tile.querySelector('video');
        const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        if (video !== null && video.videoWidth > 0) canvas.drawImage(video, 0, 0, 1, 1);
        return [tile.dataset.name, {
          seconds: video?.currentTime ?? 0, rgb: [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)] }];
      })),
    }));
    if ((call.pictures['Ann']?.rgb[0] ?? 0) > 100 && call.pictures['Ann'].seconds > 3 && call.badge === 'encrypted') break;
    await new Promise((done) => setTimeout(done, 250));
  }
  console.log(JSON.stringify({ call }));
  await new Promise((done) => process.stdin.once('data', done)); // stays in the call until told to go
} finally {
  await browser.close();
}
process.exit(0);

/**
 * The Sotto SDK: sealed group calls in a browser. This file is the whole API.
 *
 * ```ts
 * const call = new Call({ link: parseRoomLink(new URL(location.href)), name: 'Mara', microphone, camera });
 * call.subscribe((snapshot) => render(snapshot));
 * await call.join();
 * ```
 */
export { Call } from './call';
export { devices, type LevelMeter } from './devices';
export { cleanName, formatRoomLink, parseRoomLink } from './link';
export { createMeeting } from './meeting';
export { browserSupport } from './support';
export * from './types';

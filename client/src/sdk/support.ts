/** Whether this browser can seal calls. One that cannot is told so; it never joins in clear (T39). */
import { E2eeController } from '../e2ee/controller';

export function browserSupport(): { ok: boolean; missing: string[] } {
  const needs: [string, boolean][] = [
    ['a secure page (https)', globalThis.isSecureContext],
    ['WebRTC', typeof RTCPeerConnection === 'function'],
    ['camera access', navigator.mediaDevices !== undefined],
    ['sealed frames (RTCRtpScriptTransform)', E2eeController.supported()],
  ];
  const missing = needs.filter(([, has]) => !has).map(([what]) => what);
  return { ok: missing.length === 0, missing };
}

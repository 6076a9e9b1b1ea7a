/**
 * Where the E2EE worker is: one URL, fixed at build time, that fits `worker-src 'self'` and Trusted Types.
 *
 * The CSP names the policy: `trusted-types sotto-worker`. Whatever it is asked, it answers with our own worker.
 */
import workerUrl from './worker.ts?worker&url';

export const WORKER_POLICY = 'sotto-worker';

/** As much of Trusted Types (W3C) as TypeScript's DOM library lacks. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(input: string): unknown };
}

let policy: ReturnType<TrustedTypes['createPolicy']> | null = null; // a name may be used only once per page

export function createWorker(): Worker {
  return new Worker(trustedUrl() as string, { type: 'module', name: 'sotto-e2ee' }); // TrustedScriptURL where known
}

function trustedUrl(): unknown {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  if (trustedTypes === undefined) return workerUrl;
  policy ??= trustedTypes.createPolicy(WORKER_POLICY, { createScriptURL: () => workerUrl });
  return policy.createScriptURL('');
}

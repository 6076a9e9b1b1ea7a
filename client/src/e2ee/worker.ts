/** Entry of the dedicated worker (W3C webrtc-encoded-transform): wires the browser's events to `WorkerCore`. */
import { systemClock } from './clock.ts';
import type { Transformer } from './frames.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { WorkerCore } from './worker_core.ts';

/** The part of DedicatedWorkerGlobalScope used here; TypeScript's DOM and worker libraries exclude each other. */
interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  onrtctransform: ((event: { readonly transformer: Transformer }) => void) | null;
  close(): void;
}

const scope = self as unknown as Scope; // see Scope
const core = new WorkerCore((message) => scope.postMessage(message), systemClock);

scope.onmessage = ({ data }) => {
  core.receive(data);
  if (!('request' in data) && data.kind === 'close') scope.close();
};
scope.onrtctransform = ({ transformer }) => core.attach(transformer);

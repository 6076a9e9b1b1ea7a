/**
 * The web client's worker behind stdin and stdout, for tests/unit/client_e2ee/test_cross.py: opens what Python
 * sealed, seals what Python will open. Bundled by the test with esbuild.
 */
import type { MediaKind } from '../../src/e2ee/messages.ts';
import { frame, Rig, type Member } from './rig.ts';

interface CrossFrame {
  readonly ctx: number;
  readonly mimeType: string;
  readonly isKey: boolean;
  readonly hex: string;
}

interface CrossRequest {
  readonly room: string;
  readonly secret: string;
  readonly self: Member;
  readonly python: Member;
  readonly announcement: string;
  readonly profile: string;
  readonly name: string;
  readonly toOpen: readonly CrossFrame[];
  readonly toSeal: readonly CrossFrame[];
}

const mediaOf = ({ mimeType }: CrossFrame): MediaKind => (mimeType.startsWith('audio') ? 'audio' : 'video');
const frameOf = (one: CrossFrame): ReturnType<typeof frame> =>
  frame(Buffer.from(one.hex, 'hex'), { mimeType: one.mimeType }, one.isKey ? 'key' : 'delta');

async function answer(request: CrossRequest): Promise<unknown> {
  const rig = await Rig.start({ room: request.room, secret: Buffer.from(request.secret, 'hex') });
  const announcement = await rig.joined(request.self);
  const taken = await rig.knows(request.python, request.announcement);
  const opened: string[] = [];
  for (const [seat, one] of request.toOpen.entries()) {
    const wire = rig.receiver(seat, mediaOf(one));
    await rig.expect(seat, mediaOf(one), { pid: request.python.pid, ctx: one.ctx });
    await wire.put(frameOf(one));
    opened.push(...wire.take().map((raw) => Buffer.from(raw).toString('hex')));
  }
  const sealed: string[] = [];
  for (const one of request.toSeal) {
    const wire = rig.sender(one.ctx, mediaOf(one));
    await wire.put(frameOf(one));
    sealed.push(...wire.take().map((raw) => Buffer.from(raw).toString('hex')));
  }
  const name = await rig.ask({ kind: 'openName', sealed: request.profile });
  const profile = await rig.ask({ kind: 'sealName', name: request.name });
  return { announcement, taken, opened, sealed, name, profile };
}

const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer); // a stream without encoding gives buffers
process.stdout.write(JSON.stringify(await answer(JSON.parse(Buffer.concat(chunks).toString('utf8')) as CrossRequest)));

/** Codec ids of the AAD (E2EE.md 5.5) and how a frame's codec is known: from its own metadata, never from the other side. */

export type SealedCodec = 'opus' | 'vp8' | 'vp9' | 'av1';

export const CODEC_IDS: Readonly<Record<SealedCodec, number>> = { opus: 0x01, vp8: 0x10, vp9: 0x11, av1: 0x12 };

/** Codecs with a shim. `audio/red` (D11) and H.264/H.265 have ids in the protocol but are refused here. */
const BY_MIME_TYPE: ReadonlyMap<string, SealedCodec> = new Map([
  ['audio/opus', 'opus'],
  ['video/vp8', 'vp8'],
  ['video/vp9', 'vp9'],
  ['video/av1', 'av1'],
]);

export interface FrameMetadata {
  readonly mimeType?: string | undefined;
  readonly payloadType?: number | undefined;
}

/** Null: unknown or refused, the frame must be dropped (R5). A stated mimeType always wins over the fallback map. */
export function codecOf(metadata: FrameMetadata, payloadTypes: ReadonlyMap<number, string>): SealedCodec | null {
  const { mimeType, payloadType } = metadata;
  const stated = mimeType !== undefined && mimeType !== '' ? mimeType : payloadTypes.get(payloadType ?? -1);
  return stated === undefined ? null : (BY_MIME_TYPE.get(stated.toLowerCase()) ?? null);
}

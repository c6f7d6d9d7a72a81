/** What a frame may claim. Nothing here is negotiable by the other side. */
export interface FrameLimits {
  /** Bytes after the header. @default 16 MiB */
  readonly maxFrameBytes: number;
  /** Bytes of a service path or a method name. @default 255 */
  readonly maxNameBytes: number;
  /** Bytes of a request's metadata; a reply's is bounded by its frame alone (Go puts whole stacks into it). @default 16 KiB */
  readonly maxMetadataBytes: number;
  /** Pairs of a request's metadata; a reply may have 16000 more. @default 128 */
  readonly maxMetadataPairs: number;
}

export const defaultFrameLimits: FrameLimits = {
  maxFrameBytes: 16 * 1024 * 1024,
  maxNameBytes: 255,
  maxMetadataBytes: 16 * 1024,
  maxMetadataPairs: 128,
};

/** First byte of each frame (rpcx protocol/message.go, magicNumber). */
export const magic = 0x08;
/** Magic, version, flags, codec, sequence number (8) and the length of what follows (4). */
export const headerBytes = 16;

/** The third byte. Several rpcx servers echo all of it, so requests never carry a status. */
export const flag = {
  response: 0x80,
  heartbeat: 0x40,
  oneway: 0x20,
  compressor: 0x1c,
  compressorShift: 2,
  status: 0x03,
  error: 0x01,
} as const;

/** Both sides compress payloads longer than this (rpcx client/client.go, send). */
export const compressAboveBytes = 1024;

/** No bytes. */
export const nothing: Uint8Array = new Uint8Array(0);

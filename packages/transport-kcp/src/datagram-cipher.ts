/** One of kcp-go's block ciphers, made for one socket. Datagrams are whole: 16 bytes of nonce come first. */
export interface DatagramCipher {
  /**
   * Encrypts the first `length` bytes of `datagram`, which is longer than they are by at least a block.
   * The result begins with the encrypted datagram; it is `datagram` itself or memory of its own.
   */
  encrypt(datagram: Buffer, length: number): Buffer;
  /** The plain datagram, valid until the next call. `datagram` may be overwritten. */
  decrypt(datagram: Buffer): Buffer;
}

/** kcp-go's fixed initial vector (`crypt.go`, initialVector); ciphers with 8-byte blocks use its first half. */
export const initialVector: Buffer = Buffer.from('a7734f9c12ac1b01a415f2c1fc78e66b', 'hex');

/** Room for the longest datagram, a vector before it and padding after it. */
export const scratchBytes = 1600;

/** kcp-go's `none`: nonce and checksum travel, nothing is hidden. */
export const plainCipher: DatagramCipher = {
  encrypt: (datagram) => datagram,
  decrypt: (datagram) => datagram,
};

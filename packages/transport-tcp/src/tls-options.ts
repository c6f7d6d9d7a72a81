export type Pem = string | Uint8Array;

/** Certificates and trust. A server needs `cert` and `key`; a client needs neither unless the server asks for a certificate. */
export interface TcpTlsOptions {
  /** This side's certificate chain, PEM. */
  readonly cert?: Pem | undefined;
  /** The private key of `cert`, PEM. */
  readonly key?: Pem | undefined;
  /** Decrypts `key`. */
  readonly passphrase?: string | undefined;
  /** The authorities to trust instead of the system's, PEM. On a server: those that may sign client certificates. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** The name that the server's certificate must be for. @default the host of the address */
  readonly servername?: string | undefined;
  /** What a server does about client certificates: `request` takes one if it comes, `require` refuses clients without a valid one. @default 'ignore' */
  readonly clientCertificate?: 'ignore' | 'request' | 'require' | undefined;
  /** True dials servers whose certificate cannot be verified: the line is encrypted, but anybody may be at its other end. For tests. @default false */
  readonly insecureSkipVerify?: boolean | undefined;
  /** The oldest TLS version that is accepted. @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

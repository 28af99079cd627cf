/** Where a server listens. */
export interface ListenAddress {
  /** A name or IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`, as in a URL. */
export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

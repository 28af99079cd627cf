/** Where a server listens. */
export interface ListenAddress {
  /** A name or IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, with brackets around an IPv6 address. Returns `undefined` for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, ipv6, host = ipv6, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const isValid = host !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
  return isValid ? { host, port: Number(port) } : undefined;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

import { BlockList, isIP } from 'node:net';

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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a host is a loopback address, also one of IPv4 within IPv6. A name is none. */
export function isLoopbackAddress(host: string): boolean {
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** Far above the round trip to any server, and short for a person who waits. */
const TIMEOUT_MS = 3_000;

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`. The host may be an IPv6 address in brackets. */
export function parseAddress(address: string): ServerAddress {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

/** Connects to a server. Returns the error that it meets, or `undefined`. */
export async function probeTcp(address: ServerAddress): Promise<NodeJS.ErrnoException | undefined> {
  return await probe(connect({ ...address }), 'connect');
}

/**
 * Connects to a server with TLS and waits for its first bytes, as it may refuse a client's certificate only after the handshake.
 * Returns the error that it meets, or `undefined`.
 */
export async function probeTls(
  { host, port }: ServerAddress,
  { servername = host, ...options }: ConnectionOptions,
): Promise<NodeJS.ErrnoException | undefined> {
  // An IP address is no server name.
  const name = isIP(servername) === 0 ? { servername } : {};
  return await probe(connectTls({ ...options, ...name, host, port, ALPNProtocols: ['h2'] }), 'data');
}

/** @param success the event by which the probe has succeeded */
async function probe(socket: Socket, success: string): Promise<NodeJS.ErrnoException | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const closed = once(socket, 'close', { signal }).then(() => {
    throw Object.assign(new Error('the server closes the connection'), { code: 'ECONNRESET' });
  });
  const succeeded = once(socket, success, { signal });
  try {
    await Promise.race([succeeded, closed]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    for (const each of [closed, succeeded]) each.catch(() => undefined);
    socket.on('error', () => undefined).destroy();
  }
}

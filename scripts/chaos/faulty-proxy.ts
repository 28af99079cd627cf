import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What the proxy does with bytes. `slow`: they arrive late. `silent`: they are lost in both directions, and the connections stay
 * open (half-open connections). `stuck`: requests arrive, and responses are lost. `refuse`: there are no connections.
 */
export type ProxyMode = 'pass' | 'slow' | 'silent' | 'stuck' | 'refuse';

export interface FaultyProxy {
  readonly port: number;
  /** Collect and list requests that clients have sent, whether they arrived or not. */
  readonly sent: Readonly<{ collects: number; lookups: number }>;
  setMode(mode: ProxyMode): Promise<void>;
  /** Resets all connections. */
  reset(): void;
  close(): Promise<void>;
}

/** Per chunk and direction, below the timeout of a request. */
const SLOW_MS = 400;

const COLLECT = /POST \/v1\/runtimes\/[^/ ]+\/files\/collect /g;
const LOOKUP = /GET \/v1\/files[? ]/g;

interface Link {
  readonly incoming: Socket;
  readonly outgoing: Socket;
  /** Of a connection that has lost bytes, the rest would make no sense. */
  losesRequests: boolean;
  losesResponses: boolean;
}

/** Starts a TCP proxy to a port of this machine. */
export async function startFaultyProxy(targetPort: number): Promise<FaultyProxy> {
  const links = new Set<Link>();
  const sent = { collects: 0, lookups: 0 };
  let mode: ProxyMode = 'pass';

  const applyMode = (link: Link) => {
    link.losesRequests ||= mode === 'silent';
    link.losesResponses ||= mode === 'silent' || mode === 'stuck';
  };
  /** Returns what puts an action behind the bytes that are on their way. */
  const forward = (from: Socket, to: Socket, isLost: () => boolean) => {
    let before = Promise.resolve();
    const later = (action: () => void) => {
      const arrival = mode === 'slow' ? sleep(SLOW_MS) : undefined;
      // Nothing overtakes late bytes when the mode has changed.
      before = before.then(() => arrival).then(action);
    };
    from.on('data', (chunk: Buffer) => {
      if (!isLost()) later(() => void (to.writable && to.write(chunk)));
    });
    from.on('end', () => {
      if (!isLost()) later(() => to.end());
    });
    return later;
  };
  const server = createServer((incoming) => {
    const outgoing = connect(targetPort, '127.0.0.1');
    const link: Link = { incoming, outgoing, losesRequests: false, losesResponses: false };
    links.add(link);
    applyMode(link);
    incoming.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      sent.collects += text.match(COLLECT)?.length ?? 0;
      sent.lookups += text.match(LOOKUP)?.length ?? 0;
    });
    const afterRequests = forward(incoming, outgoing, () => link.losesRequests);
    const afterResponses = forward(outgoing, incoming, () => link.losesResponses);
    incoming.on('error', () => {});
    incoming.on('close', () => {
      links.delete(link);
      afterRequests(() => outgoing.destroySoon());
    });
    outgoing.on('error', () => {});
    outgoing.on('close', () => {
      if (!link.losesResponses) afterResponses(() => incoming.destroySoon());
    });
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const refuse = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const { incoming } of links) incoming.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    sent,
    async setMode(next) {
      mode = next;
      for (const link of links) applyMode(link);
      if (next === 'refuse') await refuse();
      else if (!server.listening) await listen(port);
    },
    reset() {
      for (const { incoming } of links) incoming.resetAndDestroy();
    },
    close: refuse,
  };
}

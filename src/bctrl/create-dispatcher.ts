import { Agent, type buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';

interface ConnectionOptions extends Agent.Options {
  readonly connect: buildConnector.BuildOptions;
}

/** Connections to an API: through an HTTP proxy, if there is one, with the user and password of its URL. */
export function createDispatcher(proxyUrl: string | undefined, options: ConnectionOptions): Dispatcher {
  if (proxyUrl === undefined) return new Agent(options);
  const { connect, ...rest } = options;
  return new ProxyAgent({
    ...rest,
    uri: proxyUrl,
    proxyTls: connect,
    requestTls: connect,
    // An http URL is asked of the proxy, as curl does it: many allow tunnels to port 443 only.
    proxyTunnel: false,
    // undici would give its own options to the connections for http URLs.
    factory: (origin, opts) => new Pool(origin, { ...rest, ...opts }),
  });
}

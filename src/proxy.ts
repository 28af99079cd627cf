import { isIPv6 } from 'node:net';
import { isProxyUrl } from './bctrl/client-options.js';
import { type Environment, invalid, read } from './environment.js';

/**
 * The proxy for requests to `url`, from `https_proxy` or `http_proxy` and `no_proxy`. Read as curl does: lower case
 * wins over upper case, and the scheme of the proxy may be left out.
 *
 * @throws ConfigError
 */
export function readProxyUrl(env: Environment, url: URL): string | undefined {
  const name = findProxyVariable(env, url);
  const noProxy = read(env, 'no_proxy') ?? read(env, 'NO_PROXY') ?? '';
  if (name === undefined || isWithoutProxy(url, noProxy)) return undefined;
  const value = read(env, name) ?? '';
  const proxyUrl = value.includes('://') ? value : `http://${value}`;
  if (isProxyUrl(proxyUrl)) return proxyUrl;
  throw invalid(name, 'is not the http or https URL of a proxy', 'http://proxy.example:3128');
}

/** The variable that names the proxy for requests to `url`, or would if `NO_PROXY` did not list it. */
export function findProxyVariable(env: Environment, url: URL): string | undefined {
  const upper = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  return [upper.toLowerCase(), upper].find((name) => read(env, name) !== undefined);
}

/**
 * Whether requests to a URL bypass the proxy: the host is this machine, or `noProxy` lists it. `noProxy` holds host
 * names, which include their subdomains (`example.com`, `.example.com`, `*.example.com`), each with or without a port,
 * or `*` for all hosts.
 */
export function isWithoutProxy({ protocol, hostname, port }: URL, noProxy: string): boolean {
  if (/^((.*\.)?localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) return true;
  const usedPort = port === '' ? defaultPorts[protocol] : port;
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*') return true;
      const host = isIPv6(entry) ? `[${entry}]` : entry;
      const [, name, namedPort = usedPort] = /^(?:\*?\.)?(\[.+\]|[^:]+)(?::(\d+))?$/.exec(host) ?? [];
      return name !== undefined && namedPort === usedPort && `.${hostname}`.endsWith(`.${name}`);
    });
}

const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

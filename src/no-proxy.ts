import { isIPv6 } from 'node:net';

/**
 * Whether a URL is to be reached without a proxy: it is on this machine, or named by `noProxy`, a list of names that stand
 * for their subdomains too (`example.com`, `.example.com`, `*.example.com`), each with a port or without, or `*` for all.
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

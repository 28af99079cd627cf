import type { StarterConfig } from '../../config.js';
import { type Environment, read } from '../../environment.js';
import { isWithoutProxy } from '../../proxy.js';
import { parseAddress, probeTcp, probeTls, type ServerAddress } from '../temporal/probe.js';

/** The variables of a proxy, in the order in which gRPC reads them. */
const grpcProxyVariables = ['grpc_proxy', 'https_proxy', 'http_proxy'];

/** What an error of TLS means, by its code: the first that matches. */
const tlsProblems: readonly [code: RegExp, advice: string][] = [
  [/ALTNAME_INVALID/, "TEMPORAL_TLS_SERVER_NAME: the server's certificate is for another name"],
  [/EXPIRED|NOT_YET_VALID/, "the server's certificate is not valid now"],
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_UNTRUSTED|CERT_SIGNATURE/,
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH: the CA of the server's certificate is not trusted",
  ],
  [
    /ALERT_(CERTIFICATE|BAD_CERTIFICATE|HANDSHAKE|UNKNOWN_CA|ACCESS_DENIED)|_REQUIRED/,
    "TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH: the server refuses the client's certificate, or the lack of one",
  ],
];

/** Says which variable to change when Temporal is not reachable: probes what a connection needs, step by step. */
export async function explainOutage(
  { temporal }: StarterConfig,
  env: Environment,
): Promise<string | undefined> {
  const { address: text, tls } = temporal.connectionOptions;
  const proxyProblem = await findProxyProblem(text, env);
  if (proxyProblem !== undefined) return proxyProblem;
  const address = parseAddress(text);
  const { code } = (await probeTcp(address)) ?? {};
  if (code !== undefined) return `TEMPORAL_ADDRESS: no connection to this host and port (${code})`;
  if (!tls) return await findMissingTls(address);
  const { serverNameOverride, serverRootCACertificate: ca, clientCertPair } = tls === true ? {} : tls;
  const error = await probeTls(address, {
    ...(serverNameOverride !== undefined && { servername: serverNameOverride }),
    ...(ca && { ca: Buffer.from(ca) }),
    ...(clientCertPair && { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) }),
  });
  if (error === undefined) return undefined;
  const known = tlsProblems.find(([pattern]) => pattern.test(error.code ?? ''))?.[1];
  return (
    known ??
    'TEMPORAL_TLS: the server does not speak TLS at this port; set it to false, or change TEMPORAL_ADDRESS'
  );
}

async function findMissingTls(address: ServerAddress): Promise<string | undefined> {
  // Whoever the server is, it answers with a certificate if it expects TLS.
  const error = await probeTls(address, { rejectUnauthorized: false });
  const isTls = error === undefined || /ALERT/.test(error.code ?? '');
  return isTls ? 'TEMPORAL_TLS: the server expects TLS; set it to true' : undefined;
}

async function findProxyProblem(address: string, env: Environment): Promise<string | undefined> {
  const name = grpcProxyVariables.find((each) => read(env, each) !== undefined);
  const noProxy = read(env, 'no_grpc_proxy') ?? read(env, 'no_proxy') ?? '';
  if (name === undefined || isWithoutProxy(new URL(`http://${address}`), noProxy)) return undefined;
  return await explainProxy(name, read(env, name) ?? '');
}

/** Says that a proxy is not reachable, without its user and password; `undefined` if it is. */
export async function explainProxy(variable: string, value: string): Promise<string | undefined> {
  const { protocol, hostname, port, host } = new URL(value.includes('://') ? value : `http://${value}`);
  const usedPort = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  const error = await probeTcp(parseAddress(`${hostname}:${usedPort}`));
  if (error === undefined) return undefined;
  return `${variable}: no connection to the proxy ${host} (${error.code ?? error.name})`;
}

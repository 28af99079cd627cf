import { once } from 'node:events';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { readStarterConfig } from '../../config.js';
import { createCodecApp } from '../../encryption/codec-server.js';
import { EncryptionCodec } from '../../encryption/encryption-codec.js';
import { ConfigError, type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { formatAddress, isLoopbackAddress, type ListenAddress } from '../../listen-address.js';
import { SecretFile } from '../../secret-file.js';
import type { Io } from '../io.js';

/** Names of this machine. No name that another site controls is among them. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

interface CodecServerOptions {
  readonly listen: ListenAddress;
  readonly uiOrigin?: string;
  readonly tokenFile?: string;
}

/** `codec-server`: decrypts payloads for the Temporal UI, until Ctrl-C or SIGTERM. */
export async function codecServerCommand(
  io: Io,
  { listen: { host, port }, tokenFile, ...options }: CodecServerOptions,
): Promise<ExitCode> {
  const { encryptionKeys, uiUrl } = readStarterConfig(io.env);
  if (encryptionKeys.first === undefined) {
    throw new ConfigError('BCTRL_ENCRYPTION_KEYS_FILE: is not set, and the codec server needs the keys');
  }
  const uiOrigin = options.uiOrigin ?? (uiUrl && new URL(uiUrl).origin);
  if (uiOrigin === undefined)
    throw new ExitError(exitCodes.usage, 'the origin of the Temporal UI is not known: add --ui-origin');
  const token = tokenFile === undefined ? undefined : new SecretFile('--token-file', tokenFile).value;
  if (token === undefined && host !== 'localhost' && !isLoopbackAddress(host)) {
    throw new ExitError(
      exitCodes.usage,
      `--listen ${host}: others can reach this address, so add --token-file`,
    );
  }
  const url = `http://${formatAddress({ host, port })}`;
  const app = createCodecApp({
    codec: new EncryptionCodec(encryptionKeys),
    uiOrigin,
    token,
    // A token keeps out whoever comes by another name, and a proxy may keep any name.
    hosts: token === undefined ? [...LOOPBACK_NAMES, new URL(url).hostname] : undefined,
    onRefused: (problem) => io.stderr.write(`${problem}\n`),
  });
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    throw new ExitError(exitCodes.usage, `--listen: cannot listen on ${host}, port ${port} (${code})`);
  }
  io.stdout.write(`codec server for ${uiOrigin} on ${url}${token === undefined ? ', without token' : ''}\n`);
  if (!io.interrupted.aborted) await once(io.interrupted, 'abort');
  server.close();
  server.closeAllConnections();
  return exitCodes.done;
}

import { readFileSync } from 'node:fs';
import { type EncryptionKey, KeyRing } from './encryption/key-ring.js';
import { type Environment, read } from './environment.js';
import { ConfigError } from './exit.js';

/**
 * Reads the keys of the file that `variable` names: a line `id:key` for each, the one that encrypts first. Empty lines, and those
 * that begin with #, are skipped. Without the variable there are no keys.
 *
 * @throws ConfigError naming the line, and nothing of its text but an id
 */
export function readEncryptionKeys(env: Environment, variable: string): KeyRing {
  const path = read(env, variable);
  if (path === undefined) return KeyRing.empty;
  const name = `${variable}: the file that it names`;
  const keys: (EncryptionKey & { readonly line: number })[] = [];
  for (const [index, text] of readLines(path, name).entries()) {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, id, key] = /^([^:]*):(.*)$/.exec(line) ?? [];
    if (id === undefined || key === undefined) {
      throw new ConfigError(`${name} has no id:key at line ${index + 1}`);
    }
    keys.push({ id: id.trim(), key: key.trim(), line: index + 1 });
  }
  if (keys.length === 0) throw new ConfigError(`${name} has no key; make one with openssl rand -base64 32`);
  return KeyRing.create(keys, (index, problem) => {
    return new ConfigError(`${name} at line ${keys[index]?.line} ${problem}`);
  });
}

function readLines(path: string, name: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    throw new ConfigError(`${name} cannot be read (${code})`);
  }
}

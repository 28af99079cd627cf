import { createRequire } from 'node:module';
import type { DataConverter } from '@temporalio/common';
import { EncryptionCodec } from './encryption/encryption-codec.js';
import { type EncryptionKey, KeyRing } from './encryption/key-ring.js';

/** Options of {@link createEncryption}. */
export interface EncryptionOptions {
  /** The first key encrypts, all decrypt. A new key comes last, and moves to the front when every process has it. */
  readonly keys: readonly EncryptionKey[];
}

/** What {@link createEncryption} returns. */
export interface Encryption {
  /** For `Worker.create`, `Client` and Temporal's other options of this name. */
  readonly dataConverter: DataConverter;
}

/**
 * Creates a data converter that encrypts what Temporal stores: inputs, results, messages, heartbeats, memos, summaries, and the
 * messages and stack traces of failures. Worker and clients need the same keys.
 *
 * @throws TypeError for a wrong key, without any part of it; or if this package is in a bundle, without its files
 */
export function createEncryption({ keys }: EncryptionOptions): Encryption {
  if (keys.length === 0) throw new TypeError('createEncryption: keys is empty');
  const toError = (index: number, problem: string) =>
    new TypeError(`createEncryption: keys[${index}] ${problem}`);
  return { dataConverter: toDataConverter(KeyRing.create(keys, toError)) };
}

/** A data converter without keys encrypts nothing, and says of an encrypted payload which key is missing. */
export function toDataConverter(keys: KeyRing): DataConverter {
  const payloadCodecs = [new EncryptionCodec(keys)];
  return keys.first === undefined
    ? { payloadCodecs }
    : { failureConverterPath: findFailureConverter(), payloadCodecs };
}

/** The file is looked for on use only: a bundle, in which it is missing, can do without encryption. */
function findFailureConverter(): string {
  const path = failureConverterPath();
  if (path !== undefined) return path;
  throw new TypeError(
    'createEncryption: a file of bctrl-temporal is missing: leave the package out of your bundle, as an external one',
  );
}

/** The file that Temporal's SDK loads, also into the workflows. `undefined` in a bundle, which does not have it. */
export function failureConverterPath(): string | undefined {
  // Is undefined in a bundle for CommonJS.
  const url: string | undefined = import.meta.url;
  try {
    // From src/ as well as from dist/: the build keeps this path.
    return url && createRequire(url).resolve('./encryption/failure-converter.js');
  } catch {
    return undefined;
  }
}

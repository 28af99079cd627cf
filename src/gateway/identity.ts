import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** How ids look: UUIDs, or as the API's public clients show them, `rt_…`, `run_…`, `sp_…`, `file_…`. */
export type IdStyle = 'uuid' | 'prefixed';

export interface Ids {
  readonly space: string;
  readonly organization: string;
  /** A random id. */
  create(kind: Kind): string;
  /** A runtime of the gateway has one run in its life, so the run's id follows from the runtime's. */
  runOf(runtimeId: string): string;
  keyOf(authorization: string): string;
  /** Accepts only the one spelling that names a folder on every file system. */
  isRuntimeId(text: string): boolean;
}

const prefixes = {
  runtime: 'rt',
  run: 'run',
  space: 'sp',
  file: 'file',
  invocation: 'inv',
  organization: 'org',
  key: 'key',
} as const;

type Kind = keyof typeof prefixes;

/** As many characters as the ids of the API's public clients have behind the prefix. */
const CODE_LENGTH = 22;

interface Style extends Pick<Ids, 'create' | 'isRuntimeId'> {
  /** The same id for the same words, in every process. */
  derive(kind: Kind, words: string): string;
}

const styles: Record<IdStyle, Style> = {
  uuid: {
    create: () => randomUUID(),
    derive: (_kind, words) => toUuid(words),
    isRuntimeId: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text),
  },
  prefixed: {
    create: (kind) => toPrefixed(kind, randomBytes(16)),
    derive: (kind, words) => toPrefixed(kind, createHash('sha256').update(words).digest()),
    isRuntimeId: (text) => /^rt_[0-9a-z]{22}$/.test(text),
  },
};

export const idStyles = Object.keys(styles) as IdStyle[];

export function createIds(style: IdStyle): Ids {
  const { create, derive, isRuntimeId } = styles[style];
  return {
    space: derive('space', 'space'),
    organization: derive('organization', 'organization'),
    create,
    runOf: (runtimeId) => derive('run', `run of ${runtimeId}`),
    keyOf: (authorization) => derive('key', authorization),
    isRuntimeId,
  };
}

function toUuid(words: string): string {
  const hex = createHash('sha256').update(words).digest('hex');
  // Version 8 (made by the application's own rule) and the RFC 9562 variant.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Digits and lower-case letters, so that two ids never differ in case alone. */
function toPrefixed(kind: Kind, bytes: Buffer): string {
  const digits = BigInt(`0x${bytes.toString('hex')}`).toString(36);
  return `${prefixes[kind]}_${digits.padStart(CODE_LENGTH, '0').slice(-CODE_LENGTH)}`;
}

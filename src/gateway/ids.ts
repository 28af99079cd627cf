import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** UUIDs, or prefixed as in the API's public clients: `rt_…`, `run_…`, `sp_…`, `file_…`. */
export type IdStyle = 'uuid' | 'prefixed';

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

interface Style {
  createRandom(kind: Kind): string;
  /** The same name gives the same id in every process. */
  derive(kind: Kind, name: string): string;
  /** Has no upper case, so that an id names the same folder on every file system. */
  runtimeIdPattern: RegExp;
}

const styles: Record<IdStyle, Style> = {
  uuid: {
    createRandom: () => randomUUID(),
    derive: (_kind, name) => toUuid(sha256(name).toString('hex')),
    runtimeIdPattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  },
  prefixed: {
    createRandom: (kind) => toPrefixed(kind, randomBytes(16)),
    derive: (kind, name) => toPrefixed(kind, sha256(name)),
    runtimeIdPattern: /^rt_[0-9a-z]{22}$/,
  },
};

export const idStyles = Object.keys(styles) as IdStyle[];

export type Ids = ReturnType<typeof createIds>;

export function createIds(style: IdStyle) {
  const { createRandom, derive, runtimeIdPattern } = styles[style];
  return {
    space: derive('space', 'space'),
    organization: derive('organization', 'organization'),
    create: createRandom,
    forRun: (runtimeId: string) => derive('run', `run of ${runtimeId}`),
    forApiKey: (authorization: string) => derive('key', authorization),
    isRuntimeId: (text: string) => runtimeIdPattern.test(text),
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function toUuid(hex: string): string {
  // Version 8 (custom) and the RFC 9562 variant.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The length of ids after the prefix in the API's public clients. */
const CODE_LENGTH = 22;

/** Digits and lower-case letters only, so that two ids never differ in case alone. */
function toPrefixed(kind: Kind, bytes: Buffer): string {
  const digits = BigInt(`0x${bytes.toString('hex')}`).toString(36);
  return `${prefixes[kind]}_${digits.padStart(CODE_LENGTH, '0').slice(-CODE_LENGTH)}`;
}

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import {
  type Document,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import { Exit, exitCodes } from '../../exit.js';
import type { Io } from '../io.js';
import type { Locate } from './parse-input.js';

export interface Spec {
  /** Fields as they stand there, not validated. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly locate: Locate;
}

/**
 * Reads a YAML or JSON document: of a file, or with `-` from stdin.
 *
 * @throws Exit `usage` naming the line of what is no YAML
 */
export async function readSpec(io: Io, file: string): Promise<Spec> {
  const name = file === '-' ? 'stdin' : file;
  const lineCounter = new LineCounter();
  const document = parseDocument(await readText(io, file), { lineCounter, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) throw new Exit(exitCodes.usage, `${place(error.pos[0])}: ${error.message}`);
  const { contents } = document;
  if (!isMap(contents)) {
    throw new Exit(exitCodes.usage, `${name}: expected the fields of a pipeline, as in runtimeId: 7f3c…`);
  }
  return {
    fields: toFields(document, name),
    locate: (path) => {
      const offset = offsetOf(contents, path);
      return offset === undefined ? undefined : place(offset);
    },
  };
}

/** @throws Exit `usage` for an alias of nothing, or one that grows without end */
function toFields(document: Document, name: string): Record<string, unknown> {
  try {
    return document.toJS();
  } catch (error) {
    throw new Exit(exitCodes.usage, `${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readText({ stdin }: Io, file: string): Promise<string> {
  if (file === '-') return await text(stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(error);
    throw new Exit(exitCodes.usage, `--spec ${file}: ${reason}`);
  }
}

/** Where the field begins that a path leads to; of one that is missing, where it is missing. */
function offsetOf(contents: Node, path: readonly PropertyKey[]): number | undefined {
  let [node, offset]: [unknown, number | undefined] = [contents, contents.range?.[0]];
  for (const [depth, part] of path.entries()) {
    if (!isCollection(node)) break;
    const child = isMap(node)
      ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      : node.items[Number(part)];
    // A field at the top that is not there comes from somewhere else.
    if (child === undefined) return depth === 0 && path.length > 1 ? undefined : offset;
    const key = isPair(child) ? child.key : child;
    offset = (key as Node).range?.[0] ?? offset;
    node = isPair(child) ? child.value : child;
  }
  return offset;
}

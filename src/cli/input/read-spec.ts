import { createReadStream } from 'node:fs';
import {
  Composer,
  type Document,
  isCollection,
  isMap,
  isPair,
  isScalar,
  Lexer,
  LineCounter,
  type Node,
  Parser,
} from 'yaml';
import { ExitError, exitCodes } from '../../exit.js';
import type { Io } from '../io.js';
import type { Locate } from './parse-input.js';

/** Ten thousand files with everything that may be said of them take a quarter of it. */
const MAX_BYTES = 8 * 1024 * 1024;

/** A pipeline has a few levels, and metadata some more. YAML and JSON are read recursively, until the stack overflows. */
const MAX_DEPTH = 100;

export interface Spec {
  /** Fields as they stand there, not validated. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly locate: Locate;
}

/**
 * Reads a YAML or JSON document: of a file, or with `-` from stdin.
 *
 * @throws Exit `usage` naming the line of what is no YAML, or for a document that is too large or too deep
 */
export async function readSpec(io: Io, file: string): Promise<Spec> {
  const name = file === '-' ? 'stdin' : file;
  const lineCounter = new LineCounter();
  const document = parse(await readText(io, file), name, lineCounter);
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) throw new ExitError(exitCodes.usage, `${place(error.pos[0])}: ${error.message}`);
  const { contents } = document;
  if (!isMap(contents)) {
    throw new ExitError(
      exitCodes.usage,
      `${name}: expected the fields of a pipeline, as in runtimeId: 7f3c…`,
    );
  }
  return {
    fields: toFields(document, name),
    locate: (path) => {
      const offset = offsetOf(contents, path);
      return offset === undefined ? undefined : place(offset);
    },
  };
}

function parse(text: string, name: string, lineCounter: LineCounter): Document.Parsed {
  const composer = new Composer({ prettyErrors: false, logLevel: 'error' });
  const [document, further] = composer.compose(toTokens(text, name, lineCounter), true, text.length);
  if (document !== undefined && further === undefined) return document;
  throw new ExitError(exitCodes.usage, `${name}: expected one document`);
}

function* toTokens(text: string, name: string, lineCounter: LineCounter) {
  lineCounter.addNewLine(0);
  const parser = new Parser(lineCounter.addNewLine);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_DEPTH) throw tooDeep(name);
  }
  yield* parser.end();
}

/** @throws Exit `usage` for an alias of nothing or of itself, or one that grows without end */
function toFields(document: Document, name: string): Record<string, unknown> {
  let fields: Record<string, unknown>;
  try {
    fields = document.toJS();
  } catch (error) {
    throw new ExitError(
      exitCodes.usage,
      `${name}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!isWithin(fields, MAX_DEPTH)) throw tooDeep(name);
  return fields;
}

/** What contains itself has no depth. */
function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => isWithin(each, depth - 1));
}

function tooDeep(name: string): ExitError {
  return new ExitError(
    exitCodes.usage,
    `${name}: nested deeper than ${MAX_DEPTH} levels, or an alias of itself`,
  );
}

const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'it may not be read',
};

/** Reads no more than it may be large. */
async function readText({ stdin }: Io, file: string): Promise<string> {
  const what = file === '-' ? 'stdin' : `--spec ${file}`;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of file === '-' ? stdin : createReadStream(file)) {
      chunks.push(Buffer.from(chunk));
      bytes += Buffer.byteLength(chunk);
      if (bytes > MAX_BYTES) break;
    }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new ExitError(exitCodes.usage, `${what}: ${fileProblems[code] ?? message}`);
  }
  if (bytes > MAX_BYTES)
    throw new ExitError(exitCodes.usage, `${what}: larger than ${MAX_BYTES / 1024 ** 2} MB`);
  return Buffer.concat(chunks).toString('utf8');
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

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
import { toMessage } from '../../shared/display-text.js';
import type { Io } from '../io.js';
import type { Locate } from './parse-fields.js';

/** Four times the size of 10,000 files with every field set. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Far more than pipelines and their metadata need, and few enough for the recursive readers of YAML and JSON. */
const MAX_DEPTH = 100;

export interface Spec {
  /** The fields of the document, not validated. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly locate: Locate;
}

/**
 * Reads a YAML or JSON document from a file, or from stdin for `-`.
 *
 * @throws ExitError `usage` for a document that is not YAML, too large or too deep
 */
export async function readSpec(io: Io, file: string): Promise<Spec> {
  const name = file === '-' ? 'stdin' : file;
  const lineCounter = new LineCounter();
  const document = parse(await readText(io, file), name, lineCounter);
  const toPlace = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) throw new ExitError(exitCodes.usage, `${toPlace(error.pos[0])}: ${error.message}`);
  const { contents } = document;
  if (!isMap(contents)) {
    const problem = 'expected the fields of a pipeline, for example: runtimeId: 7f3c…';
    throw new ExitError(exitCodes.usage, `${name}: ${problem}`);
  }
  return {
    fields: toFields(document, name),
    locate: (path) => {
      const offset = findOffset(contents, path);
      return offset === undefined ? undefined : toPlace(offset);
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

/** @throws ExitError `usage` for an alias that is unresolved, circular or expands too far */
function toFields(document: Document, name: string): Record<string, unknown> {
  let fields: Record<string, unknown>;
  try {
    fields = document.toJS();
  } catch (error) {
    throw new ExitError(exitCodes.usage, `${name}: ${toMessage(error)}`);
  }
  if (!isWithin(fields, MAX_DEPTH)) throw tooDeep(name);
  return fields;
}

/** Also false for a circular value. */
function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => isWithin(each, depth - 1));
}

function tooDeep(name: string): ExitError {
  const problem = `nested deeper than ${MAX_DEPTH} levels, or an alias refers to itself`;
  return new ExitError(exitCodes.usage, `${name}: ${problem}`);
}

const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: 'file not found',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
};

/** Stops reading as soon as the limit is exceeded. */
async function readText({ stdin }: Io, file: string): Promise<string> {
  const source = file === '-' ? 'stdin' : `--spec ${file}`;
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
    throw new ExitError(exitCodes.usage, `${source}: ${fileProblems[code] ?? message}`);
  }
  if (bytes <= MAX_BYTES) return Buffer.concat(chunks).toString('utf8');
  throw new ExitError(exitCodes.usage, `${source}: larger than ${MAX_BYTES / 1024 ** 2} MB`);
}

/** The offset of the field that a path leads to, or of the object that lacks it. */
function findOffset(contents: Node, path: readonly PropertyKey[]): number | undefined {
  let [node, offset]: [unknown, number | undefined] = [contents, contents.range?.[0]];
  for (const [depth, part] of path.entries()) {
    if (!isCollection(node)) break;
    const child = isMap(node)
      ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      : node.items[Number(part)];
    // A top-level field that the spec lacks comes from the command line.
    if (child === undefined) return depth === 0 && path.length > 1 ? undefined : offset;
    const key = isPair(child) ? child.key : child;
    offset = (key as Node).range?.[0] ?? offset;
    node = isPair(child) ? child.value : child;
  }
  return offset;
}

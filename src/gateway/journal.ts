import { isUtf8 } from 'node:buffer';
import { constants, ftruncateSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { ApiError } from './api-error.js';

const NEWLINE = 0x0a;

/**
 * Opens an append-only file of JSON lines and replays its entries, each of which `parse` checks. An incomplete last line is
 * dropped: the process crashed before it sent the response. One that lacks only its newline, as an editor may leave it, is kept.
 * A damaged line anywhere else is an error that names it.
 */
export async function openJournal<Entry>(
  file: string,
  parse: (value: unknown) => Entry,
  replay: (entry: Entry) => void,
) {
  // Not in append mode: what a failed write left is written over.
  const handle = await open(file, constants.O_RDWR | constants.O_CREAT);
  let size = 0;
  try {
    const bytes = await handle.readFile();
    for (let line = 1; ; line += 1) {
      const end = bytes.indexOf(NEWLINE, size);
      if (end === -1) break;
      replay(parseLine(bytes.subarray(size, end), parse, `${file}:${line}`));
      size = end + 1;
    }
    const last = tryParse(bytes.subarray(size), parse);
    if (last === undefined) {
      await handle.truncate(size);
    } else {
      await handle.write('\n', bytes.length);
      replay(last);
      size = bytes.length + 1;
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    /**
     * When this returns, the entry survives a crash of the process, but not of the machine: there is no fsync. Throws
     * `storage.unavailable` if there is no room, and leaves the journal as it was.
     */
    append(entry: Entry) {
      const line = Buffer.from(`${JSON.stringify(entry)}\n`);
      try {
        for (let written = 0; written < line.length; ) {
          written += writeSync(handle.fd, line, written, line.length - written, size + written);
        }
      } catch {
        ftruncateSync(handle.fd, size);
        throw new ApiError(503);
      }
      size += line.length;
    },
    close: () => handle.close(),
  };
}

function tryParse<Entry>(line: Buffer, parse: (value: unknown) => Entry): Entry | undefined {
  try {
    return parseLine(line, parse, '');
  } catch {
    return undefined;
  }
}

function parseLine<Entry>(line: Buffer, parse: (value: unknown) => Entry, place: string): Entry {
  try {
    if (!isUtf8(line)) throw new Error('it is not UTF-8');
    return parse(parseJson(line.toString()));
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `${place}: not a journal entry: ${problem}; repair or remove the line, or use another storage`,
      { cause },
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The message of the parser quotes the text.
    throw new Error('it is not JSON', { cause });
  }
}

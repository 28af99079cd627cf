import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';

export interface Journal<Entry> {
  /** When this returns, the entry survives the end of the process (not of the machine: no fsync). */
  append(entry: Entry): void;
  close(): Promise<void>;
}

/**
 * Opens an append-only file of JSON lines and replays what is in it. A last line without its newline was torn by
 * the end of the process before anybody was answered, so it is dropped; any other damage is an error.
 */
export async function openJournal<Entry>(
  file: string,
  replay: (entry: Entry) => void,
): Promise<Journal<Entry>> {
  const handle = await open(file, 'a+');
  try {
    const text = await handle.readFile('utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    for (const [index, line] of whole.split('\n').slice(0, -1).entries()) {
      replay(parseLine(line, `${file} line ${index + 1}`));
    }
    await handle.truncate(Buffer.byteLength(whole));
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    append: (entry) => void writeSync(handle.fd, `${JSON.stringify(entry)}\n`),
    close: () => handle.close(),
  };
}

function parseLine<Entry>(line: string, place: string): Entry {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`${place} is damaged`, { cause });
  }
}

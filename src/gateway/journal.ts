import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Opens an append-only file of JSON lines and replays its entries. An incomplete last line is dropped: the process
 * crashed before it sent the response. A damaged line anywhere else is an error.
 */
export async function openJournal<Entry>(file: string, replay: (entry: Entry) => void) {
  const handle = await open(file, 'a+');
  try {
    const text = await handle.readFile('utf8');
    const complete = text.slice(0, text.lastIndexOf('\n') + 1);
    for (const [index, line] of complete.split('\n').slice(0, -1).entries()) {
      replay(parseLine(line, `${file} line ${index + 1}`));
    }
    await handle.truncate(Buffer.byteLength(complete));
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    /** When this returns, the entry survives a crash of the process, but not of the machine: there is no fsync. */
    append: (entry: Entry) => void writeSync(handle.fd, `${JSON.stringify(entry)}\n`),
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

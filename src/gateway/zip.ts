import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

interface ZipMember {
  /** With forward slashes and no leading one. */
  name: string;
  file: string;
}

/**
 * Writes a zip archive whose members are stored without compression. No zip64, so the whole must stay under 4 GB and
 * 65,536 members: enough for a development gateway.
 */
export async function writeZip(target: string, members: readonly ZipMember[]): Promise<void> {
  const archive = await open(target, 'w');
  try {
    let offset = 0;
    const append = async (bytes: Buffer) => {
      await archive.writeFile(bytes);
      offset += bytes.length;
    };

    const directory: Buffer[] = [];
    for (const { name, file } of members) {
      const start = offset;
      const { checksum, size } = await summarize(file);
      const encodedName = Buffer.from(name);
      await append(Buffer.concat([localHeader(checksum, size, encodedName), encodedName]));
      for await (const chunk of createReadStream(file)) await append(chunk);
      directory.push(centralHeader(checksum, size, encodedName, start), encodedName);
    }
    const directoryStart = offset;
    await append(Buffer.concat(directory));
    await append(endRecord(members.length, offset - directoryStart, directoryStart));
  } finally {
    await archive.close();
  }
}

async function summarize(file: string): Promise<{ checksum: number; size: number }> {
  let checksum = 0;
  let size = 0;
  for await (const chunk of createReadStream(file)) {
    checksum = crc32(chunk, checksum);
    size += chunk.length;
  }
  return { checksum, size };
}

/** Names are UTF-8 (general purpose bit 11). */
const FLAGS = 0x0800;
const VERSION = 20;
/** 1 January 1980: the time of day of a copy says nothing. */
const DOS_DATE = 0x0021;

function localHeader(checksum: number, size: number, name: Buffer): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(VERSION, 4);
  writeCommonFields(header, 6, checksum, size, name);
  return header;
}

function centralHeader(checksum: number, size: number, name: Buffer, start: number): Buffer {
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(VERSION, 6);
  writeCommonFields(header, 8, checksum, size, name);
  header.writeUInt32LE(start, 42);
  return header;
}

/** Flags, method (0: stored), time, date, checksum, both sizes, and the name's length stand in one row in both headers. */
function writeCommonFields(header: Buffer, at: number, checksum: number, size: number, name: Buffer): void {
  header.writeUInt16LE(FLAGS, at);
  header.writeUInt16LE(DOS_DATE, at + 6);
  header.writeUInt32LE(checksum, at + 8);
  header.writeUInt32LE(size, at + 12);
  header.writeUInt32LE(size, at + 16);
  header.writeUInt16LE(name.length, at + 20);
}

function endRecord(count: number, directorySize: number, directoryStart: number): Buffer {
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(directorySize, 12);
  record.writeUInt32LE(directoryStart, 16);
  return record;
}

import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';

/** The members of a zip archive without compression, read by its central directory; checksums are checked. */
export function readZip(archive: Buffer): Record<string, Buffer> {
  const end = archive.length - 22;
  assert.equal(archive.readUInt32LE(end), 0x06054b50, 'ends with its directory');
  const members: Record<string, Buffer> = {};
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    assert.equal(archive.readUInt32LE(at), 0x02014b50);
    const [checksum, size] = [archive.readUInt32LE(at + 16), archive.readUInt32LE(at + 24)];
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    const start = archive.readUInt32LE(at + 42);
    const bytes = archive.subarray(start + 30 + nameLength).subarray(0, size);
    assert.equal(crc32(bytes), checksum, name);
    members[name] = bytes;
    at += 46 + nameLength;
  }
  return members;
}

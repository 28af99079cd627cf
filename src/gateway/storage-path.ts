import { posix } from 'node:path';
import { ApiError } from './api-error.js';

/** What one name may be long on common file systems. */
const MAX_NAME_BYTES = 255;

/** Keeps the whole path on disk under the 4,096 bytes that Linux allows. */
const MAX_PATH_BYTES = 1_024;

/** The path in its one spelling, with a leading slash. Throws `storage_file.path_invalid`. */
export function parseStoragePath(destinationPath: string): string {
  const path = destinationPath.startsWith('/') ? destinationPath : `/${destinationPath}`;
  const names = path.slice(1).split('/');
  if (names.every(isName) && Buffer.byteLength(path) <= MAX_PATH_BYTES) return path;
  throw new ApiError(
    400,
    'storage_file.path_invalid',
    'destinationPath must be the path of a file, without empty, "." or ".." segments.',
    { field: 'destinationPath' },
  );
}

/** Beside the first copy, for a second file of the same path: `/a/results~<id>.csv`. */
export function duplicateLocation(path: string, id: string): string {
  const { dir, name, ext } = posix.parse(path);
  return posix.join(dir, `${name}~${id}${ext}`);
}

function isName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    !/\p{Cc}/u.test(name) &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES
  );
}

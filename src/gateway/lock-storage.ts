import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { systemErrorCode } from './storage.js';

/** The shortest limit of the systems for the path of a socket, which Node would cut off. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Keeps a second gateway, of this process or another, from the storage. The lock is a socket that listens, so that the lock
 * of a killed process is seen to be stale. Where no socket can be made, it warns and locks nothing.
 *
 * @returns what releases the lock
 */
export async function lockStorage(storageDir: string): Promise<() => Promise<void>> {
  const path = join(storageDir, 'lock.sock');
  try {
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) throw new Error('its path is too long for a socket');
    const server = await listen(storageDir, path);
    return async () => {
      await new Promise((closed) => server.close(closed));
    };
  } catch (error) {
    if (error instanceof StorageInUse) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    console.warn(`warning: the storage ${storageDir} is not locked against a second gateway: ${reason}`);
    return async () => {};
  }
}

class StorageInUse extends Error {
  override name = 'StorageInUse';
}

async function listen(storageDir: string, path: string): Promise<Server> {
  for (;;) {
    const server = createServer((socket) => socket.destroy());
    server.listen(path);
    try {
      await once(server, 'listening');
      return server;
    } catch (error) {
      if (systemErrorCode(error) !== 'EADDRINUSE') throw error;
    }
    if ((await isListening(path)) || !(await removeStale(path)))
      throw new StorageInUse(`another gateway uses the storage ${storageDir}`);
  }
}

/** Moves the socket away before it looks once more, as another gateway may just have replaced it. */
async function removeStale(path: string): Promise<boolean> {
  // Not longer than the path, which may have the longest that there can be.
  const moved = join(path, '..', randomUUID().slice(0, 8));
  try {
    await rename(path, moved);
  } catch (error) {
    // Another gateway has moved it.
    if (systemErrorCode(error) === 'ENOENT') return true;
    throw error;
  }
  if (await isListening(moved)) {
    await rename(moved, path);
    return false;
  }
  await rm(moved);
  return true;
}

async function isListening(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    // A gateway that is too busy to answer is one too.
    return !['ECONNREFUSED', 'ENOENT'].includes(systemErrorCode(error) ?? '');
  } finally {
    socket.destroy();
  }
}

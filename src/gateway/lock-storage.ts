import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemErrorCode } from './storage.js';

/** The shortest limit of the systems for the path of a socket, which Node would cut off. */
const MAX_SOCKET_PATH_BYTES = 103;

/** No name is used twice. */
const NAME = /^lock-[0-9a-f]{8}$/;

/** What the lock of a gateway answers that does not know yet whether it may start. */
const STARTING = 'starting';

/** A process answers at once, unless it is too busy. */
const ANSWER_TIMEOUT_MS = 2_000;

/** How soon a gateway that starts at the same time is asked again. */
const POLL_MS = 10;

/**
 * Keeps a second gateway, of this process or another, from the storage. A lock is a socket that listens, so that the lock of a
 * killed process is seen to be stale. Where no socket can be made, it warns and locks nothing.
 *
 * @returns what releases the lock
 */
export async function lockStorage(storageDir: string): Promise<() => Promise<void>> {
  try {
    return await lock(storageDir);
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

/**
 * Each gateway has a lock of its own name, shows it, and only then looks for others: of two that start at once, at least one
 * sees the other. A stale lock is stale for ever, so that anyone may remove it at any time.
 */
async function lock(storageDir: string): Promise<() => Promise<void>> {
  const id = randomUUID().slice(0, 8);
  const name = `lock-${id}`;
  const path = join(storageDir, name);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) throw new Error('its path is too long for a socket');
  let answer = STARTING;
  const server = createServer((socket) => {
    socket.on('error', () => {}).end(answer, () => socket.destroy());
  });
  const release = async () => {
    await rm(path, { force: true });
    await new Promise((closed) => server.close(closed));
  };
  // A socket that does not listen yet looks stale, so it gets its name later.
  const hidden = join(storageDir, `new-${id}`);
  server.listen(hidden);
  await once(server, 'listening');
  try {
    await rename(hidden, path);
    while (await mustWait(storageDir, name)) await sleep(POLL_MS);
  } catch (error) {
    await release();
    throw error;
  }
  answer = 'started';
  return release;
}

/**
 * Whether another gateway that starts at the same time has to give up first: the one with the first name may start.
 *
 * @throws StorageInUse
 */
async function mustWait(storageDir: string, own: string): Promise<boolean> {
  const others = (await readdir(storageDir)).filter((name) => NAME.test(name) && name !== own);
  const answers = await Promise.all(
    others.map(async (name) => ({ name, answer: await ask(join(storageDir, name)) })),
  );
  const rivals = answers.filter(({ answer }) => answer !== undefined);
  if (rivals.some(({ name, answer }) => answer !== STARTING || name < own)) {
    throw new StorageInUse(`another gateway uses the storage ${storageDir}`);
  }
  return rivals.length > 0;
}

/** What a lock answers, or `undefined` for a stale one, which is removed. */
async function ask(path: string): Promise<string | undefined> {
  const socket = connect(path);
  // A gateway that is too busy to answer is one too.
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('it does not answer')));
  try {
    return await text(socket);
  } catch (error) {
    switch (systemErrorCode(error)) {
      case 'ECONNREFUSED':
        await rm(path, { force: true });
        return undefined;
      case 'ENOENT':
        return undefined;
      case 'ECONNRESET':
        // It is just being released.
        return await ask(path);
      default:
        return '';
    }
  } finally {
    socket.destroy();
  }
}

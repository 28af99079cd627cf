import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Processes } from './processes.js';

const TSX = import.meta.resolve('tsx');

/** A TypeScript program of this folder in a process of its own, to which one talks in messages. */
export interface Script {
  /** The next message that it sends. */
  receive<T>(): Promise<T>;
  send(message: object): void;
  end(): Promise<void>;
}

/** Starts `path`, relative to this folder, with one JSON document as its argument. */
export function startScript(processes: Processes, path: string, input: object): Script {
  const file = fileURLToPath(new URL(path, import.meta.url));
  const child = processes.start(['--import', TSX, file, JSON.stringify(input)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    async receive<T>() {
      const [message] = await once(child, 'message');
      return message as T;
    },
    send: (message) => void child.send(message),
    end: () => processes.end(child),
  };
}

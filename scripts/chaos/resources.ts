import { readdir, readFile, readlink } from 'node:fs/promises';
import type { ResourceSample } from './facts.js';
import type { WorkerServer } from './worker-server.js';

const MB = 1_000_000;

/** Samples what workers hold, and remembers which of them did not answer. */
export class Resources {
  readonly #apiPort: number;
  readonly unanswered: string[] = [];

  constructor(apiPort: number) {
    this.#apiPort = apiPort;
  }

  /** A worker that is down or frozen is left out; so is one that has just been struck. */
  async sample(workers: readonly WorkerServer[]): Promise<ResourceSample[]> {
    const samples = await Promise.all(workers.map((worker) => this.#sampleOne(worker)));
    return samples.filter((sample) => sample !== undefined);
  }

  async #sampleOne(worker: WorkerServer): Promise<ResourceSample | undefined> {
    const { name, life, pid, isReady, strikes } = worker;
    if (pid === undefined || !isReady || worker.isFrozen) return undefined;
    const [answer, descriptors] = await Promise.all([worker.askResources(), this.#countDescriptors(pid)]);
    if (worker.strikes !== strikes) return undefined;
    if (answer === undefined) {
      this.unanswered.push(name);
      return undefined;
    }
    const { timers, heapBytes, rssBytes } = answer;
    const memory = { heapMb: heapBytes / MB, rssMb: rssBytes / MB };
    return { worker: name, life, atMs: performance.now(), timers, ...memory, ...descriptors };
  }

  async #countDescriptors(pid: number): Promise<Pick<ResourceSample, 'apiSockets' | 'sockets' | 'files'>> {
    const folder = `/proc/${pid}/fd`;
    const names = await readdir(folder).catch(() => undefined);
    if (names === undefined) return { apiSockets: undefined, sockets: undefined, files: undefined };
    const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
    const inodes = new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
    const table = await readFile(`/proc/${pid}/net/tcp`, 'latin1').catch(() => undefined);
    const rows = table?.split('\n').map((row) => row.trim().split(/\s+/));
    const apiPort = this.#apiPort.toString(16).toUpperCase().padStart(4, '0');
    const toApi = rows?.filter(([, , remote = '', , , , , , , inode = '']) => {
      return remote.endsWith(`:${apiPort}`) && inodes.has(inode);
    });
    return { apiSockets: toApi?.length, sockets: inodes.size, files: names.length - inodes.size };
  }
}

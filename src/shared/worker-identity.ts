const PROGRAM_NAME = 'bctrl-temporal';

export interface WorkerIdentity {
  readonly pid: number;
  readonly hostname: string;
  /** Of this package. */
  readonly version: string;
}

/** How a worker calls itself in histories and among the pollers of its task queue: the SDK's own way, and the version. */
export function toWorkerIdentity({ pid, hostname, version }: WorkerIdentity): string {
  return `${pid}@${hostname} ${PROGRAM_NAME}/${version}`;
}

/** The version that a worker's identity tells; `undefined` for a worker of another program. */
export function parseWorkerVersion(identity: string): string | undefined {
  const [, program, version] = /^\S+ (\S+)\/(\S+)$/.exec(identity) ?? [];
  return program === PROGRAM_NAME ? version : undefined;
}

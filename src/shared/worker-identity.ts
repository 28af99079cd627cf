const PROGRAM_NAME = 'bctrl-temporal';

export interface WorkerIdentity {
  readonly pid: number;
  readonly hostname: string;
  /** Version of this package. */
  readonly version: string;
}

/** The identity of a worker in histories and among the pollers of a task queue: the SDK's default, and the version. */
export function toWorkerIdentity({ pid, hostname, version }: WorkerIdentity): string {
  return `${pid}@${hostname} ${PROGRAM_NAME}/${version}`;
}

/** The version in the identity of a worker, `undefined` for a worker of another program. */
export function parseWorkerVersion(identity: string): string | undefined {
  const [, program, version] = /^\S+ (\S+)\/(\S+)$/.exec(identity) ?? [];
  return program === PROGRAM_NAME ? version : undefined;
}

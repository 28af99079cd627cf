import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError } from './api-error.js';
import type { GatewayState } from './gateway-state.js';

/** A folder in the workspace makes a runtime, which has one run in its life. */
interface Runtime {
  id: string;
  runId: string;
  workspaceDir: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  stoppedAt: number | undefined;
}

/** GET /v1/runtimes/{runtimeId} */
export function getRuntime(state: GatewayState, runtimeId: string) {
  const runtime = findRuntime(state, runtimeId);
  const run = toRun(state, runtime);
  return {
    id: runtimeId,
    spaceId: state.ids.space,
    name: `runtime ${runtimeId.slice(0, 8)}`,
    status: run.status,
    activeRunId: runtime.stoppedAt === undefined ? runtime.runId : null,
    latestRun: run,
  };
}

/** GET /v1/runs/{runId} */
export function getRun(state: GatewayState, runId: string) {
  return toRun(state, findRun(state, runId));
}

/** POST /v1/runtimes/{runtimeId}/stop */
export function stopRuntime(state: GatewayState, runtimeId: string) {
  const { runId } = findActiveRuntime(state, runtimeId);
  state.store.stopRuntime(runtimeId);
  return { runtimeId, runId, status: 'stopped', stopped: true };
}

/** Throws `runtime.not_found` or `runtime.not_active`. */
export function findActiveRuntime(state: GatewayState, runtimeId: string): Runtime {
  const runtime = findRuntime(state, runtimeId);
  if (runtime.stoppedAt === undefined) return runtime;
  throw new ApiError(409, 'runtime.not_active', 'The runtime has no active run.');
}

/** Throws `run.not_found`. */
export function findRun(state: GatewayState, runId: string): Runtime {
  const { workspaceDir, ids } = state;
  const runtimeId = readdirSync(workspaceDir).find(
    (name) => ids.isRuntimeId(name) && ids.forRun(name) === runId,
  );
  if (runtimeId === undefined) throw new ApiError(404, 'run.not_found', 'There is no such run.');
  return findRuntime(state, runtimeId);
}

/** Throws `runtime.not_found`. */
function findRuntime({ workspaceDir, store, ids }: GatewayState, runtimeId: string): Runtime {
  const folder = join(workspaceDir, runtimeId);
  const stats = ids.isRuntimeId(runtimeId) ? statSync(folder, { throwIfNoEntry: false }) : undefined;
  if (!stats?.isDirectory()) throw new ApiError(404, 'runtime.not_found', 'There is no such runtime.');
  return {
    id: runtimeId,
    runId: ids.forRun(runtimeId),
    workspaceDir: folder,
    startedAt: Math.floor(stats.birthtimeMs),
    stoppedAt: store.stoppedAt(runtimeId),
  };
}

function toRun({ ids }: GatewayState, { id, runId, startedAt, stoppedAt }: Runtime) {
  const run = {
    id: runId,
    runtimeId: id,
    spaceId: ids.space,
    startedAt: new Date(startedAt).toISOString(),
  };
  if (stoppedAt === undefined) return { ...run, status: 'active' };
  return {
    ...run,
    status: 'stopped',
    finishedAt: new Date(stoppedAt).toISOString(),
    durationSeconds: Math.max(stoppedAt - startedAt, 0) / 1_000,
  };
}

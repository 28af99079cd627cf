import { ExitError, exitCodes } from '../exit.js';
import { MAX_HELD_POLLS } from '../shared/invocation.js';

/** Temporal's connections, the threads, log, health, metrics and traces. At rest a worker has 40 open files. */
const OWN_FILES = 64;

/**
 * Refuses a limit of open files that the worker would reach: Node.js aborts when it cannot open what it needs for itself.
 *
 * @throws ExitError `usage`
 */
export function checkOpenFiles(maxRequests: number, limit = readOpenFilesLimit()): void {
  const needed = OWN_FILES + MAX_HELD_POLLS + maxRequests;
  if (limit >= needed) return;
  throw new ExitError(
    exitCodes.usage,
    `the limit of open files is ${limit}, and the worker needs ${needed} for BCTRL_MAX_REQUESTS=${maxRequests}: raise it (ulimit -n)`,
  );
}

/** A part of Node's report, which Windows does not have. */
interface ProcessLimits {
  readonly userLimits?: { readonly open_files: { readonly soft: number | 'unlimited' } };
}

/** The limit of this process. Infinity if it has none, or if the limit is not known. */
function readOpenFilesLimit(): number {
  const { userLimits } = process.report.getReport() as ProcessLimits;
  const limit = userLimits?.open_files.soft;
  return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY;
}

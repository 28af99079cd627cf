import { type ChildProcess, spawn } from 'node:child_process';

// Its standard input is a pipe from our process, which the system closes however our process ends.
const WATCHDOG = 'read -r line; kill "$1"; sleep 5; kill -9 "$1"';

/** Ends `child` when this process ends, even by SIGKILL (not on Windows, which has no `sh`). Returns its process id. */
export function killOnExit(child: ChildProcess): number {
  const { pid } = child;
  if (pid === undefined) throw new Error('The process has not started');
  const watchdog = spawn('sh', ['-c', WATCHDOG, 'watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.on('error', () => {});
  // The id of a process that is gone may soon be another's.
  child.once('exit', () => watchdog.kill('SIGKILL'));
  return pid;
}

import { type ChildProcess, spawn } from 'node:child_process';

// The system closes the pipe to the watchdog's standard input when our process ends, however it ends.
const WATCHDOG = 'read -r line; kill "$1"; sleep 5; kill -9 "$1"';

/** Ends `child` when this process ends, even by SIGKILL (not on Windows, which has no `sh`). Returns the child's process id. */
export function killOnExit(child: ChildProcess): number {
  const { pid } = child;
  if (pid === undefined) throw new Error('The process has not started');
  const watchdog = spawn('sh', ['-c', WATCHDOG, 'watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.on('error', () => {});
  // The system may soon give the process id to another process.
  child.once('exit', () => watchdog.kill('SIGKILL'));
  return pid;
}

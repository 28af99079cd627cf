import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { DecryptionError } from '../../encryption/encryption-codec.js';
import type { Output } from '../io.js';
import type { Session } from '../temporal/session.js';
import { takeSnapshot, type WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { describeProgress, describeRetry, nextStep } from './status-text.js';

/** Often enough to show most retries, rarely enough not to burden the server. */
const POLL_MS = 500;

/** Shows the progress of a workflow. */
export interface ProgressDisplay {
  show(snapshot: WorkflowSnapshot): void;
  /** Writes a line that stays. */
  log(line: string): void;
  /** Removes the progress, which the result replaces. */
  clear(): void;
}

/** A live display for a terminal, a log for any other output. */
export async function createProgressDisplay(output: Output): Promise<ProgressDisplay> {
  if (!output.isTTY) return new LogDisplay(output);
  // Loaded for terminals only: it takes a tenth of a second.
  const { LiveDisplay } = await import('./live-display.js');
  return new LiveDisplay(output);
}

/**
 * Hands snapshots of a workflow to `show` until `signal` aborts.
 *
 * @throws DecryptionError if this process cannot read them
 */
export async function watchProgress(
  session: Session,
  handle: WorkflowHandle,
  show: (snapshot: WorkflowSnapshot) => void,
  signal: AbortSignal,
): Promise<void> {
  let snapshot: WorkflowSnapshot | undefined;
  while (!signal.aborted) {
    try {
      // A signal per snapshot: the SDK never removes its listeners from a signal.
      const one = AbortSignal.any([signal]);
      snapshot = await session.client.withAbortSignal(one, () => takeSnapshot(session, handle, snapshot));
      if (!signal.aborted) show(snapshot);
    } catch (error) {
      if (error instanceof DecryptionError) throw error;
      // Progress is optional: the wait for the result reports outages.
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Writes a line for each change. */
export class LogDisplay implements ProgressDisplay {
  readonly #output: Output;
  readonly #logged = new Set<string>();

  constructor(output: Output) {
    this.#output = output;
  }

  show(snapshot: WorkflowSnapshot): void {
    for (const retry of snapshot.retries) this.#logOnce(`  ${describeRetry(retry)}`, retry.id);
    if (snapshot.progress !== undefined) this.#logOnce(describeProgress(snapshot.progress));
    const help = nextStep(snapshot);
    if (help !== undefined) this.#logOnce(`${help.text}  ${help.command}`);
  }

  log(line: string): void {
    this.#output.write(`${line.replaceAll('\n', ' ')}\n`);
  }

  clear(): void {}

  #logOnce(line: string, id = line): void {
    if (this.#logged.has(id)) return;
    this.#logged.add(id);
    this.log(line);
  }
}

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WorkflowNotFoundError } from '@temporalio/client';
import { getPipelineHandle, type PipelineHandle } from '../../src/client/pipeline-handle.js';
import { startPipeline } from '../../src/client/start-pipeline.js';
import { toMessage } from '../../src/shared/display-text.js';
import type { PipelineFile, PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';
import type { InvocationOptions } from '../../src/testing.js';
import { type House, TASK_QUEUE } from './house.js';
import type { Random } from './random.js';

const STARTER = fileURLToPath(new URL('../../dist/starter.js', import.meta.url));

const RETRY_MS = 1_000;

/** Hundreds of pipelines are looked at at the same time. More often, this would take the processor from them. */
const POLL_MS = 5_000;

/** For one call: while a server or all workers are away, the next one comes later. */
const CALL_TIMEOUT_MS = 15_000;

const CLI_TIMEOUT_MS = 90_000;

const MAX_FILE_BYTES = 16_000;

/** The runtime of one pipeline, and its operator, who repeats everything until it is done or the time is up. */
export class Scene {
  readonly workflowId: string;
  readonly runtimeId: string;
  readonly random: Random;
  readonly handle: PipelineHandle;
  readonly contents = new Map<string, string>();
  readonly required = new Set<string>();
  /** Ends that are right because of what happened, beside those of the story. */
  readonly allowed = new Set<string>();
  /** Runs that the operator knows of. */
  readonly runIds = new Set<string>();
  /** The path of a file that the input names and that is not there yet. */
  missing = '';
  readonly #house: House;
  readonly #signal: AbortSignal;
  #written = 0;
  /** The workflow task of the reset: repeated calls go to the same one. */
  #chosen: number | undefined;

  constructor(
    house: House,
    ids: { workflowId: string; runtimeId: string },
    random: Random,
    signal: AbortSignal,
  ) {
    this.#house = house;
    this.workflowId = ids.workflowId;
    this.runtimeId = ids.runtimeId;
    this.random = random;
    this.handle = getPipelineHandle(house.client, ids.workflowId);
    this.#signal = signal;
  }

  /** Writes files that the pipeline has to collect. */
  async files(
    min: number,
    max: number,
    options: Omit<PipelineFile, 'runtimePath'> = {},
  ): Promise<PipelineFile[]> {
    const files: PipelineFile[] = [];
    for (let count = this.random.between(min, max); count > 0; count -= 1) {
      const runtimePath = this.nextPath();
      await this.write(runtimePath);
      files.push({ runtimePath, ...options });
    }
    return files;
  }

  nextPath(): string {
    this.#written += 1;
    return `out/${this.#written % 7}/file-${this.#written}.bin`;
  }

  async write(runtimePath: string): Promise<void> {
    const bytes = randomBytes(this.random.between(0, MAX_FILE_BYTES));
    const path = join(this.#house.workspaceDir, this.runtimeId, runtimePath);
    await mkdir(dirname(path), { recursive: true });
    // A file that is collected while it is written would be half of it.
    await writeFile(`${path}.part`, bytes);
    await rename(`${path}.part`, path);
    this.contents.set(runtimePath, createHash('sha256').update(bytes).digest('hex'));
    this.required.add(runtimePath);
  }

  createJob(options: Omit<InvocationOptions, 'runtimeId'>): Promise<string> {
    return this.insist(() => this.#house.gateway.createJob({ ...options, runtimeId: this.runtimeId }));
  }

  async start(input: Omit<PipelineInput, 'runtimeId'>, again?: 'if-failed'): Promise<void> {
    const { runtimeId, workflowId } = this;
    await mkdir(join(this.#house.workspaceDir, runtimeId), { recursive: true });
    const complete = { ...input, runtimeId } as PipelineInput;
    const options = { taskQueue: TASK_QUEUE, workflowId, again };
    await this.insist(() => startPipeline(this.#house.client, complete, options));
    const { runId } = await this.insist(() => this.handle.workflowHandle.describe());
    this.runIds.add(runId);
  }

  /** Repeats a call until it succeeds. Rejects with its last error when the time is up. */
  async insist<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.#house.client.withDeadline(Date.now() + CALL_TIMEOUT_MS, call);
      } catch (error) {
        if (this.#signal.aborted) throw error;
        await this.sleep(RETRY_MS);
      }
    }
  }

  sleep(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#signal }).catch(() => {});
  }

  async isRunning(): Promise<boolean> {
    const { status } = await this.insist(() => this.handle.workflowHandle.describe());
    return status.name === 'RUNNING';
  }

  /** Resolves when the newest run has ended. */
  async closed(): Promise<void> {
    while (await this.isRunning()) {
      if (this.#signal.aborted) throw new Error('the pipeline had not ended when the time was up');
      await this.sleep(POLL_MS);
    }
  }

  /** Resolves to `false` if the pipeline ends before the condition holds. */
  async until(condition: (progress: PipelineProgress) => boolean): Promise<boolean> {
    while (await this.isRunning()) {
      if (this.#signal.aborted) throw new Error('the pipeline was not there when the time was up');
      const progress = await this.#tryProgress();
      if (progress && condition(progress)) return true;
      await this.sleep(POLL_MS);
    }
    return false;
  }

  /** Resets the newest run to one of its workflow tasks. */
  async reset(): Promise<void> {
    const { workflowHandle } = this.handle;
    const { runId } = await this.insist(() => workflowHandle.describe());
    const run = this.#house.client.workflow.getHandle(this.workflowId, runId);
    const requestId = `reset-${this.workflowId}`;
    const { newRunId } = await this.insist(async () => {
      const { events } = await run.fetchHistory();
      const tasks = events?.filter((event) => event.workflowTaskCompletedEventAttributes) ?? [];
      const workflowTaskFinishEventId = tasks[this.#chooseOnce(tasks.length)]?.eventId;
      if (!workflowTaskFinishEventId) throw new Error('no workflow task has completed');
      const reset = await this.#house.client.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: this.workflowId, runId },
        workflowTaskFinishEventId,
        requestId,
      });
      return { newRunId: reset.runId };
    });
    this.runIds.add(newRunId);
  }

  /** Resolves to whether the run was terminated before it ended by itself. */
  async terminate(): Promise<boolean> {
    await this.insist(() =>
      this.handle.workflowHandle.terminate('chaos').catch((error: unknown) => {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }),
    );
    const { status } = await this.insist(() => this.handle.workflowHandle.describe());
    return status.name === 'TERMINATED';
  }

  /**
   * Runs the CLI's `rerun` as a user does. An earlier call may have started the pipeline although it failed, so a new run id
   * is what counts.
   *
   * @returns what the CLI says if there is nothing to run again
   */
  async rerun(): Promise<'started' | 'nothing left' | 'never began'> {
    const { runId: before } = await this.insist(() => this.handle.workflowHandle.describe());
    for (;;) {
      const said = await this.#runCli(['rerun', this.workflowId]);
      const { runId } = await this.insist(() => this.handle.workflowHandle.describe());
      if (runId !== before) {
        this.runIds.add(runId);
        return 'started';
      }
      if (said.includes('no file is left to collect')) return 'nothing left';
      if (said.includes('never began to collect')) return 'never began';
      if (this.#signal.aborted) throw new Error(`rerun started nothing: ${said.trim()}`);
      await this.sleep(RETRY_MS);
    }
  }

  async #runCli(argv: readonly string[]): Promise<string> {
    const { dir, cliEnv } = this.#house;
    const env = { PATH: process.env['PATH'], HOME: dir, ...cliEnv };
    return await new Promise((resolve) => {
      const options = { cwd: dir, env, timeout: CLI_TIMEOUT_MS, signal: this.#signal };
      execFile(process.execPath, [STARTER, ...argv], options, (error, stdout, stderr) =>
        resolve(`${stdout}${stderr}${error?.killed ? toMessage(error) : ''}`),
      );
    });
  }

  async #tryProgress(): Promise<PipelineProgress | undefined> {
    const { client } = this.#house;
    const query = () => this.handle.progress();
    return await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, query).catch(() => undefined);
  }

  #chooseOnce(count: number): number {
    if (count > 0) this.#chosen ??= this.random.between(0, count - 1);
    return this.#chosen ?? 0;
  }
}

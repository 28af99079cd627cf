import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ApplicationFailure } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { DEFAULT_TASK_QUEUE } from '../../src/shared/names.js';
import type { PipelinePhase } from '../../src/shared/pipeline-report.js';
import type { FaultRule, InvocationOptions } from '../../src/testing.js';
import { codeBlocksOf, readPage, sectionOf } from '../docs/markdown.js';
import { runExecutable } from '../support/executable.js';
import { fileNotFound } from '../support/faults.js';
import { createTestFolder } from '../support/gateway.js';
import { env, setUp, useTimeSkippingServer } from '../support/pipeline.js';
import { devServerExecutable, withWorker } from '../support/temporal.js';
import { waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

/** What an example describes, set up for real. */
interface Scenario {
  readonly job?: Partial<InvocationOptions>;
  /** Files in the workspace beside `results.csv` and `logs/agent.log`. */
  readonly files?: Record<string, string>;
  readonly faults?: FaultRule[];
  /** A path in the storage that a foreign file has. */
  readonly takenPath?: string;
  readonly activities?: Partial<BctrlActivities>;
  /** The phase in which each command is sent, and the faults from then on. */
  readonly commands?: readonly { phase: PipelinePhase; faults?: FaultRule[] }[];
}

const refuse = (status: number) => ({ kind: 'respond', status }) as const;

/** By heading. The cancelled one comes last: after it the server's clock no longer skips. */
const scenarios: Readonly<Record<string, Scenario>> = {
  'Wait for jobs': {
    job: { output: { files: ['results.csv', 'logs/agent.log'] } },
    files: { 'screenshots/checkout.png': 'picture' },
  },
  'Wait for a signal': { job: {}, commands: [{ phase: 'waiting' }] },
  'Wait for nothing': {},
  'The job fails': { job: { status: 'failed' } },
  'The job does not end in time': {
    job: { durationMs: 24 * 3_600_000 },
    activities: {
      // A long poll would take real time.
      async waitForInvocation() {
        throw ApplicationFailure.create({ type: 'upstream', nextRetryDelay: '1h' });
      },
    },
  },
  'A file is late, or missing': {
    files: { 'late.log': 'late' },
    faults: [{ operation: 'collect', runtimePath: 'late.log', times: 5, fault: fileNotFound }],
  },
  'The destination is taken': { takenPath: '/shop/results.csv' },
  'A file finally fails': {},
  'Hold, fix, resume': {
    faults: [{ operation: 'collect', fault: refuse(401) }],
    commands: [{ phase: 'held', faults: [] }],
  },
  'Hold, give up': {
    faults: [{ operation: 'collect', runtimePath: 'results.csv', times: 1, fault: refuse(401) }],
    commands: [{ phase: 'held' }, { phase: 'held' }],
  },
  'The finish fails': { faults: [{ operation: 'export', fault: refuse(403) }] },
  'Tell someone': {},
  Cancel: { commands: [{ phase: 'waiting' }, { phase: 'waiting' }] },
};

const section = sectionOf(await readPage('docs/pipeline.md'), '## Worked examples');
const [introduction = '', ...examples] = section.split('\n### ');
const [start = ''] = codeBlocksOf(introduction, 'sh');

const WORKFLOW_ID = 'my-pipeline';
const RUNTIME_ID = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';
const INVOCATION_ID = '4d26a7f0-93c1-4b58-8e2d-6f7a8b9c0d1e';

describe('docs/pipeline.md', () => {
  test('has the examples that are run here', () => {
    assert.deepEqual(
      examples.map((example) => example.split('\n', 1)[0]),
      Object.keys(scenarios),
    );
    assert.match(start, /^temporal workflow start [^\n]+$/);
  });

  for (const example of examples) {
    const [heading = ''] = example.split('\n', 1);
    test(`shows what "${heading}" prints`, async (t) => {
      const { job, files, faults = [], takenPath, commands = [], activities } = scenarios[heading] ?? {};
      const contents = { 'results.csv': 'a,b\n1,2\n', 'logs/agent.log': 'done\n', ...files };
      const { gateway, runtimeId, activities: realActivities } = await setUp(t, contents);
      if (takenPath !== undefined) {
        await gateway.collect({ runtimePath: 'results.csv', destinationPath: takenPath });
      }
      gateway.setFaults(faults);
      const invocation = job && (await gateway.createInvocation({ runtimeId, durationMs: 0, ...job }));
      const toReal = (text: string) =>
        text.replaceAll(RUNTIME_ID, runtimeId).replaceAll(INVOCATION_ID, invocation?.id ?? 'none');

      const folder = await createTestFolder(t);
      await symlink(devServerExecutable(), join(folder, 'temporal'));
      const [input = '', ...otherInputs] = codeBlocksOf(example, 'json');
      assert.deepEqual(otherInputs, []);
      await writeFile(join(folder, 'pipeline.json'), toReal(input));
      const { address } = env;
      const run = async (command: string) => {
        const processEnv = {
          HOME: folder,
          PATH: `${folder}:${process.env['PATH']}`,
          TEMPORAL_ADDRESS: address,
        };
        await promisify(execFile)('sh', ['-c', toReal(command)], { cwd: folder, env: processEnv });
      };

      const options = { taskQueue: DEFAULT_TASK_QUEUE, activities: { ...realActivities, ...activities } };
      await withWorker(env, options, async () => {
        await run(start);
        const handle = env.client.workflow.getHandle(WORKFLOW_ID);
        const lines = codeBlocksOf(example, 'sh').flatMap((block) => block.split('\n'));
        assert.equal(lines.length, commands.length);
        for (const [index, { phase, faults: newFaults }] of commands.entries()) {
          await waitForPhase(handle, phase);
          if (newFaults !== undefined) gateway.setFaults(newFaults);
          await run(lines[index] ?? '');
        }
        await handle.result().catch(() => undefined);

        const { stdout, stderr } = await runExecutable(t, 'starter', ['result', WORKFLOW_ID], {
          TEMPORAL_ADDRESS: address,
        });
        const [why = ''] = /^(failed|cancelled): .*$/m.exec(stderr) ?? [];
        const shown = (stdout + why)
          .replaceAll(runtimeId, '3f2b…')
          .replaceAll(invocation?.id ?? 'none', '4d26…')
          .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '…')
          .replaceAll(/\breq_[\w-]+/g, 'req_…');
        assert.deepEqual(codeBlocksOf(example, 'text'), [shown.trimEnd()]);
      });
    });
  }
});

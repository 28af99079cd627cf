import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { Worker, type WorkflowBundle } from '@temporalio/worker';
import { ADD_FILES_UPDATE, POST_RUN_PIPELINE, RESUME_UPDATE } from '../../src/shared/names.js';
import type { AddFilesInput, AddFilesResult } from '../../src/shared/pipeline-messages.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { FaultRule } from '../../src/testing.js';
import { createTestActivities } from '../support/activities.js';
import { useDevServerEnv } from '../support/dev-server.js';
import type { RunningProcess } from '../support/executable.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { devServerExecutable, workflowBundle } from '../support/temporal.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const env = useDevServerEnv();

const FIRST = 'timer-at-the-start';
const SECOND = 'timer-before-the-archive';
const BOTH = [FIRST, SECOND];

const forbidden: FaultRule = { operation: 'collect', fault: { kind: 'respond', status: 403 } };

/** The command line is that of docs/upgrading.md. */
async function temporal(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(devServerExecutable(), [...args, '--address', env().address]);
  return stdout;
}

/**
 * The workflows of a later version, which has a timer at the start of a pipeline and one before the archive. A pipeline that has
 * begun before gets only the second.
 */
async function readChangedWorkflows(): Promise<{ code: string }> {
  const code = await readFile(workflowBundle().codePath, 'utf8');
  const [sdk] = /_temporalio_workflow__WEBPACK_IMPORTED_MODULE_\d+__/.exec(code) ?? [];
  const addTimer = (text: string, before: RegExp, patch: string) => {
    const step = `if ((0,${sdk}.patched)('${patch}')) await (0,${sdk}.sleep)(1);`;
    const changed = text.replace(before, (call) => `${step} ${call}`);
    assert.ok(changed !== text, patch);
    return changed;
  };
  const withFirst = addTimer(code, /await run\(pipeline\);/, FIRST);
  return {
    code: addTimer(withFirst, /await exportArchive\(pipeline\);/, SECOND),
  };
}

/** The patches in the history of a workflow: what the changed workflows did. */
async function fetchPatches(handle: WorkflowHandle): Promise<unknown[]> {
  const { events } = await handle.fetchHistory();
  const markers = events?.flatMap((event) => event.markerRecordedEventAttributes ?? []) ?? [];
  return markers.flatMap(({ details }) =>
    Object.values(details ?? {}).flatMap(({ payloads }) =>
      (payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()).id),
    ),
  );
}

interface Scene {
  readonly gateway: TestGateway;
  /** Starts the built worker, and with a build id a versioned one. */
  deploy(buildId?: string): Promise<RunningProcess>;
  /** Runs a worker with the changed workflows while `use` runs. */
  withChanged<T>(
    bundle: Pick<WorkflowBundle, 'code'>,
    buildId: string | undefined,
    use: () => Promise<T>,
  ): Promise<T>;
  /** Routes new pipelines to a version. */
  makeCurrent(buildId: string): Promise<unknown>;
  /** Starts a pipeline of this file, which cannot be collected, and waits until it is held. */
  hold(runtimePath: string): Promise<WorkflowHandleWithFirstExecutionRunId>;
  /** Resumes a held pipeline after its cause was fixed. Returns its report. */
  resume(handle: WorkflowHandle): Promise<PipelineReport>;
}

/** The runtime's id is the name of the deployment and of the task queue too. */
async function setUp(t: TestContext): Promise<Scene> {
  const gateway = await startTestGateway(t);
  for (const name of ['a', 'b']) await gateway.addFile(name);
  const { runtimeId, url: gatewayUrl } = gateway;
  const version = (buildId: string) => ({ deploymentName: runtimeId, buildId });
  return {
    gateway,
    deploy: (buildId) =>
      startWorkerProcess(t, {
        address: env().address,
        gatewayUrl,
        taskQueue: runtimeId,
        ...(buildId !== undefined && {
          env: { TEMPORAL_DEPLOYMENT_NAME: runtimeId, TEMPORAL_WORKER_BUILD_ID: buildId },
        }),
      }),
    async withChanged(bundle, buildId, use) {
      const worker = await Worker.create({
        connection: env().nativeConnection,
        taskQueue: runtimeId,
        debugMode: true,
        workflowBundle: bundle,
        activities: createTestActivities(t, gatewayUrl),
        ...(buildId !== undefined && {
          workerDeploymentOptions: {
            version: version(buildId),
            useWorkerVersioning: true,
            defaultVersioningBehavior: 'PINNED',
          },
        }),
      });
      return await worker.runUntil(use);
    },
    async makeCurrent(buildId) {
      const deployment = ['--deployment-name', runtimeId, '--build-id', buildId];
      // The server refuses a version until it has seen it poll for workflow and activity tasks.
      await waitFor(`the current version ${buildId}`, () =>
        temporal('worker', 'deployment', 'set-current-version', ...deployment, '--yes').catch(() => ''),
      );
    },
    async hold(runtimePath) {
      gateway.setFaults([forbidden]);
      const input = { runtimeId, files: [{ runtimePath }], onFailure: 'hold' };
      const options = { taskQueue: runtimeId, workflowId: `${runtimeId}/${runtimePath}`, args: [input] };
      const handle = await env().client.workflow.start(POST_RUN_PIPELINE, options);
      await waitForPhase(handle, 'held');
      return handle;
    },
    async resume(handle) {
      gateway.setFaults([]);
      await handle.executeUpdate(RESUME_UPDATE);
      return await handle.result();
    },
  };
}

async function stop({ child }: RunningProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Build id of the version that ran the last workflow task, and what a person has set for this pipeline. */
async function describeVersion(handle: WorkflowHandle): Promise<string> {
  return JSON.parse(
    await temporal('workflow', 'describe', '--workflow-id', handle.workflowId, '--output', 'json'),
  ).workflowExecutionInfo.versioningInfo?.deploymentVersion?.buildId;
}

describe('a held pipeline survives a deploy of changed workflows', () => {
  test('without versions: the new worker replays it, and goes on', async (t) => {
    const { deploy, withChanged, hold, resume } = await setUp(t);
    const worker = await deploy();
    const handle = await hold('a');
    await stop(worker);
    const report = await withChanged(await readChangedWorkflows(), undefined, () => resume(handle));
    assert.equal(report.counts.collected, 1);
    assert.deepEqual(await fetchPatches(handle), [SECOND]);
  });

  test('with versions: it stays on the old worker until it is resumed, and new pipelines run on the new one', async (t) => {
    const { deploy, makeCurrent, withChanged, hold, resume } = await setUp(t);
    await deploy('v1');
    await makeCurrent('v1');
    const handle = await hold('a');
    await withChanged(await readChangedWorkflows(), 'v2', async () => {
      await makeCurrent('v2');
      const later = await hold('b');
      assert.deepEqual([await describeVersion(handle), await describeVersion(later)], ['v1', 'v2']);
      assert.equal((await resume(handle)).counts.collected, 1);
      // A server that tells workflows of a new version, which 1.29.1 does not, lets it go on there in a new run.
      const isTold = (await handle.describe()).runId !== handle.firstExecutionRunId;
      assert.deepEqual(await fetchPatches(handle), isTold ? BOTH : []);
      await resume(later);
      assert.deepEqual(await fetchPatches(later), BOTH);
    });
  });

  test('with versions and without its old worker: `update-options` moves it through ten deploys', async (t) => {
    const { deploy, makeCurrent, withChanged, hold, resume, gateway } = await setUp(t);
    const worker = await deploy('v1');
    await makeCurrent('v1');
    const handle = await hold('a');
    await stop(worker);
    const left = `TemporalWorkerDeploymentVersion = '${gateway.runtimeId}:v1' AND ExecutionStatus = 'Running'`;
    await temporal(
      ...['workflow', 'update-options', '--query', left, '--versioning-override-behavior', 'auto_upgrade'],
      '--yes',
    );
    const bundle = await readChangedWorkflows();
    for (let deploys = 1; deploys <= 10; deploys += 1) {
      const buildId = `v${deploys + 1}`;
      await withChanged(bundle, buildId, async () => {
        await makeCurrent(buildId);
        // Each worker replays the pipeline for a message.
        const args: [AddFilesInput] = [{ files: [{ runtimePath: 'b' }] }];
        const added = await handle.executeUpdate<AddFilesResult, [AddFilesInput]>(ADD_FILES_UPDATE, { args });
        assert.deepEqual(added, deploys === 1 ? { added: 1, known: 0 } : { added: 0, known: 1 });
        assert.equal(await describeVersion(handle), buildId);
        if (deploys === 10) assert.equal((await resume(handle)).counts.collected, 2);
      });
    }
    assert.deepEqual(await fetchPatches(handle), [SECOND]);
    assert.equal(gateway.snapshot().files.length, 2);
  });
});

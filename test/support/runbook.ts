import assert from 'node:assert/strict';
import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type PipelineInput, startPipeline } from '../../src/client.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { readPage, sectionOf } from '../docs/markdown.js';
import type { TestServer } from './dev-server.js';
import { type ProcessResult, startProcess } from './executable.js';
import { API_KEY, createTestFolder, startTestGateway } from './gateway.js';
import { devServerExecutable } from './temporal.js';
import { waitFor } from './wait-for.js';
import { startWorkerProcess } from './worker-process.js';

/** What `bctrl-temporal setup` registers, for `useDevServer`. */
export const registered = Object.fromEntries(
  Object.values(searchAttributes).map(({ name, type }) => [name, type === 'INT' ? 'Int' : 'Keyword']),
);

const STARTER = fileURLToPath(new URL('../../dist/starter.js', import.meta.url));

/** The commands of a section of docs/runbook.md, without those for a Kubernetes cluster. */
export async function readCommands(heading: string): Promise<string[]> {
  const section = sectionOf(await readPage('docs/runbook.md'), heading);
  // Until the next heading, whatever its level.
  const [text = ''] = section.split(/^#/m);
  const blocks = [...text.matchAll(/^( *)```sh\n(.*?)\n *```$/gms)];
  return blocks
    .flatMap(([, , block = '']) => block.split('\n').map((line) => line.trim()))
    .filter((line) => !line.startsWith('kubectl '));
}

export interface Shell {
  /** Where the commands run. */
  readonly folder: string;
  run(command: string, variables?: Readonly<Record<string, string>>): Promise<ProcessResult>;
}

/** A shell with `bctrl-temporal` and `temporal` on its path, and these variables. */
async function createShell(t: TestContext, env: Readonly<Record<string, string>>): Promise<Shell> {
  const folder = await createTestFolder(t);
  const bin = await createTestFolder(t);
  const starter = join(bin, 'bctrl-temporal');
  await writeFile(starter, `#!/bin/sh\nexec "${process.execPath}" "${STARTER}" "$@"\n`);
  await chmod(starter, 0o755);
  await symlink(devServerExecutable(), join(bin, 'temporal'));
  const PATH = `${bin}:${process.env['PATH']}`;
  return {
    folder,
    run: (command, variables) =>
      startProcess(t, 'sh', ['-c', command], { env: { PATH, ...env, ...variables }, cwd: folder }).ended,
  };
}

export const refuse = (status: number, runtimePath = 'b.txt'): FaultRule => ({
  operation: 'collect',
  runtimePath,
  fault: { kind: 'respond', status },
});

/** A gateway, whose files are `a.txt` and `b.txt`, and a shell for the commands of docs/runbook.md. */
export async function setUpRunbook(
  t: TestContext,
  temporal: TestServer,
  options: GatewayOptions = {},
  env: Record<string, string> = {},
) {
  const gateway = await startTestGateway(t, options);
  const taskQueue = gateway.runtimeId;
  const shell = await createShell(t, {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: 'default',
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: API_KEY,
    ...env,
  });
  return {
    gateway,
    shell,
    work: (variables: Record<string, string> = {}) =>
      startWorkerProcess(t, {
        address: temporal.address,
        gatewayUrl: gateway.url,
        taskQueue,
        env: { ...env, ...variables },
      }),
    async start(input: Partial<PipelineInput> = {}) {
      const runtimeId = await gateway.createRuntime({ 'a.txt': 'a', 'b.txt': 'b' });
      const files = [{ runtimePath: 'a.txt' }, { runtimePath: 'b.txt' }];
      const pipeline = { runtimeId, files, ...input } as PipelineInput;
      const started = await startPipeline(temporal.client, pipeline, { taskQueue });
      return { ...started, id: started.workflowId, runtime: runtimeId };
    },
  };
}

export async function runOk(
  shell: Shell,
  command: string,
  variables: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await shell.run(command, variables);
  assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
  return stdout;
}

/** Runs commands one after the other. Returns what each prints. */
export async function runAll(
  shell: Shell,
  commands: readonly string[],
  variables: Record<string, string> = {},
) {
  const outputs: string[] = [];
  for (const command of commands) outputs.push(await runOk(shell, command, variables));
  return outputs;
}

/** Visibility is eventually consistent. */
export async function waitUntilListed({ client }: TestServer, query: string): Promise<void> {
  await waitFor(query, async () => (await client.workflow.count(query)).count > 0);
}

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import testingPackage from '@temporalio/testing/package.json' with { type: 'json' };
import { packInto } from '../support/packed.js';
import { requiredEnv } from '../support/temporal.js';

const run = promisify(execFile);

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];

/** The SDK waits 5 seconds for its test server. On a busy machine, which runs other tests, the server takes longer. */
const MAX_TRIES = 4;

/** Even on a busy machine, a command that has not ended by then never will. */
const TIMEOUT_MS = 180_000;

let folder: string;
let tarball: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runners-'));
  tarball = await packInto(folder);
  // Where the SDK keeps the test server that it downloads, so that it downloads none.
  const server = join(folder, `temporal-test-server-sdk-typescript-${testingPackage.version}`);
  const executable = requiredEnv('BCTRL_TEMPORAL_TEST_SERVER');
  await writeFile(server, `#!/bin/sh\nexec '${executable}' "$@"\n`, { mode: 0o755 });
});
after(() => rm(folder, { recursive: true }));

/** Runs a command of the project and returns what it prints, on both streams. */
async function execute(project: string, command: string, args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: folder, NO_COLOR: '1' };
  const { stdout, stderr } = await run(command, args, {
    cwd: project,
    env,
    timeout: TIMEOUT_MS,
    maxBuffer: 10_000_000,
  });
  return stdout + stderr;
}

/** Copies an example, and installs the packed package in it. */
async function installExample(name: string): Promise<string> {
  const project = join(folder, name);
  await cp(join(examples, name), project, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  await execute(project, 'npm', [...install, tarball]);
  return project;
}

async function runTests(project: string): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await execute(project, 'npm', ['test']);
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      const printed = stdout + stderr;
      if (tries === MAX_TRIES || !printed.includes('did not start within')) assert.fail(printed);
    }
  }
}

describe('a user’s own tests compile and pass with', () => {
  for (const { name, summary } of [
    { name: 'vitest', summary: /^ +Tests +5 passed \(5\)$/m },
    { name: 'jest', summary: /^Tests: +5 passed, 5 total$/m },
  ]) {
    test(name, async () => {
      const project = await installExample(name);
      await execute(project, 'npm', ['run', 'check']);
      assert.match(await runTests(project), summary);
    });
  }
});

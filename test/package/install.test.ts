import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { useDevServer } from '../support/dev-server.js';
import { packInto } from '../support/packed.js';
import { devServerExecutable } from '../support/temporal.js';

const run = promisify(execFile);

/** The oldest and the newest SDK of the peer range that the tests run with. */
const OLDEST_SDK = '1.20.1';
const NEWEST_SDK = '1.24.0';
/** An SDK outside the peer range. */
const TOO_OLD_SDK = '1.14.1';

/** What a user installs beside the package. */
const tools = { typescript: '~5.9.3', '@types/node': '^20.19.0' };

const npm = ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
const pnpm = ['npx', '--yes', 'pnpm@10', 'install', '--ignore-scripts', '--prefer-offline'];

const temporal = useDevServer();

let folder: string;
let tarball: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'install-'));
  tarball = await packInto(folder);
});
after(() => rm(folder, { recursive: true }));

interface Project {
  /** Of package.json. */
  readonly type: 'module' | 'commonjs';
  readonly sdk: string;
  readonly install: readonly string[];
  /** Compiled and run one after the other. */
  readonly compilerOptions: readonly Record<string, unknown>[];
}

const projects: Record<string, Project> = {
  'an ES module project with the newest SDK': {
    type: 'module',
    sdk: NEWEST_SDK,
    install: npm,
    compilerOptions: [{ module: 'nodenext' }],
  },
  'a CommonJS project with the oldest SDK': {
    type: 'commonjs',
    sdk: OLDEST_SDK,
    install: npm,
    compilerOptions: [{ module: 'commonjs', moduleResolution: 'node10' }, { module: 'node16' }],
  },
  'a pnpm project, which does not hoist': {
    type: 'module',
    sdk: NEWEST_SDK,
    install: pnpm,
    compilerOptions: [{ module: 'nodenext' }],
  },
};

describe('the packed package compiles and runs beside another plugin in', () => {
  for (const [what, { type, sdk, install, compilerOptions }] of Object.entries(projects)) {
    test(what, async () => {
      const project = await createProject(what.replaceAll(' ', '-'), type, sdk);
      await execute(install, project);
      for (const [index, options] of compilerOptions.entries()) {
        await compile(project, options);
        const script = [process.execPath, 'dist/run.js', devServerExecutable()];
        const workflows = join(project, 'dist/workflows.js');
        const printed = await execute([...script, temporal.address, `${what} ${index}`, workflows], project);
        assert.deepEqual(JSON.parse(printed.trim().split('\n').at(-1) ?? ''), {
          findings: {
            name: 'a.txt',
            missing: 'file.not_found',
            isTimedOut: true,
            isKept: true,
          },
          counts: { files: 1, collected: 1, kept: 0, missing: 0, skipped: 0, failed: 0 },
          replayed: 1,
          files: 3,
        });
      }
    });
  }
});

test('npm refuses to install the package beside an SDK outside the peer range', async () => {
  const project = await createProject('too-old', 'module', TOO_OLD_SDK);
  await assert.rejects(execute(npm, project), (error: Error & { stderr?: string }) => {
    assert.match(error.stderr ?? '', /ERESOLVE/);
    assert.match(error.stderr ?? '', /peer @temporalio\/\w+@"\^1\.20\.1" from bctrl-temporal/);
    return true;
  });
});

async function createProject(name: string, type: string, sdk: string): Promise<string> {
  const project = join(folder, name);
  await mkdir(project);
  await cp(fileURLToPath(new URL('./project', import.meta.url)), join(project, 'src'), { recursive: true });
  const temporalPackages = ['activity', 'client', 'common', 'plugin', 'worker', 'workflow'];
  const packageJson = {
    name: 'user',
    private: true,
    type,
    dependencies: {
      ...Object.fromEntries(temporalPackages.map((name) => [`@temporalio/${name}`, sdk])),
      'bctrl-temporal': `file:${tarball}`,
      ...tools,
    },
  };
  await writeFile(join(project, 'package.json'), JSON.stringify(packageJson));
  return project;
}

/** Compiles strictly, with the types of all packages. Only Temporal's own may have errors: `ms` has no types. */
async function compile(project: string, options: Record<string, unknown>): Promise<void> {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
    rootDir: 'src',
    outDir: 'dist',
    pretty: false,
    ...options,
  };
  await rm(join(project, 'dist'), { recursive: true, force: true });
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  const { stdout } = await run('npx', ['tsc'], { cwd: project }).catch((error) => error);
  const errors = String(stdout)
    .split('\n')
    .filter((line) => /error TS\d+/.test(line) && !/^node_modules\/(\.pnpm\/)?@temporalio/.test(line));
  assert.deepEqual(errors, []);
}

async function execute([command = '', ...args]: readonly string[], cwd: string): Promise<string> {
  return (await run(command, args, { cwd, maxBuffer: 10_000_000 })).stdout;
}

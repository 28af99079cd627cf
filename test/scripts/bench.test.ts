import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/bench.ts', import.meta.url));

/** Of a hang. A quick run takes about 40 seconds on two idle cores, and several times as long beside other tests. */
const TIMEOUT_MS = 5 * 60_000;

/** Starts the benchmark with its own folder for temporary files. */
function startBench(dir: string, ...argv: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, ...argv], {
    env: { ...process.env, TMPDIR: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }));
  return { child, ended };
}

async function createFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'bench-test-'));
}

/** Folders of the benchmark. tsx keeps its cache in the same folder. */
async function listLeftovers(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.startsWith('bctrl-bench-'));
}

/** The cells of the first table in a Markdown document, without the header. */
function parseTable(markdown: string): string[][] {
  const lines = markdown.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('npm run bench', { concurrency: true }, () => {
  test('a quick run measures everything, and leaves nothing behind', { timeout: TIMEOUT_MS }, async (t) => {
    const dir = await createFolder();
    t.after(() => rm(dir, { recursive: true }));
    const json = join(dir, 'result.json');
    const { code, stdout, stderr } = await startBench(dir, '--quick', '--json', json).ended;
    assert.equal(code, 0, stderr);

    const rows = parseTable(stdout);
    const { rows: raw } = JSON.parse(await readFile(json, 'utf8')) as { rows: { measure: string }[] };
    assert.deepEqual(
      rows.map(([measure]) => measure),
      raw.map(({ measure }) => measure),
    );
    for (const [measure, target, measured, verdict] of rows) {
      assert.match(
        String(measured),
        process.platform === 'linux' ? /^-?\d/ : /^(-?\d|not measured)/,
        measure,
      );
      const isJudged = target !== '–' && measured !== 'not measured';
      assert.match(String(verdict), isJudged ? /^(pass|miss)$/ : /^–$/, measure);
    }
    assert.match(stdout, /\n- machine: .*\n- Node\.js .*\n- date: .*\n- noise: /);
    assert.deepEqual(await listLeftovers(dir), []);
  });

  test('a small fleet is measured, and leaves nothing behind', { timeout: TIMEOUT_MS }, async (t) => {
    const dir = await createFolder();
    t.after(() => rm(dir, { recursive: true }));
    const few = [
      '--pipelines',
      '3',
      '--small',
      '3',
      '--rounds',
      '1',
      '--rest-seconds',
      '1',
      '--pause-seconds',
      '1',
      '--latency-runs',
      '1',
    ];
    const { code, stdout, stderr } = await startBench(dir, 'fleet', ...few).ended;
    assert.equal(code, 0, stderr);
    const rows = parseTable(stdout);
    assert.equal(rows.length, 9);
    for (const [measure, , measured] of rows) {
      assert.match(String(measured), process.platform === 'linux' ? /^\d/ : /^(\d|not measured)/, measure);
    }
    assert.deepEqual(await listLeftovers(dir), []);
  });

  test('an interrupted run ends with exit code 130 and leaves nothing behind', {
    timeout: TIMEOUT_MS,
  }, async (t) => {
    const dir = await createFolder();
    t.after(() => rm(dir, { recursive: true }));
    const { child, ended } = startBench(dir, '--quick');
    child.stderr.on('data', (text: string) => {
      if (text.includes('raw undici loop')) child.kill('SIGINT');
    });
    const { code, stdout } = await ended;
    assert.deepEqual([code, stdout], [130, '']);
    assert.deepEqual(await listLeftovers(dir), []);
  });

  test('an invalid option is reported in one line', async (t) => {
    const dir = await createFolder();
    t.after(() => rm(dir, { recursive: true }));
    const { code, stdout, stderr } = await startBench(dir, '--repetitions', 'many').ended;
    assert.deepEqual(
      [code, stdout, stderr],
      [2, '', 'bench: --repetitions is a whole number from 1 to 99\n'],
    );
    assert.equal((await startBench(dir, '--no-such-option').ended).code, 2);
    const fleet = await startBench(dir, 'fleet', '--pipelines', 'many').ended;
    assert.deepEqual(
      [fleet.code, fleet.stderr],
      [2, 'bench: --pipelines is a whole number from 1 to 99999\n'],
    );
  });
});

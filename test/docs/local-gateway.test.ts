import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { main } from '../../src/gateway/cli.js';
import { type FaultRule, parseFaultRules } from '../../src/gateway/faults.js';
import { startTestGateway } from '../support/gateway.js';
import { codeBlocksOf, readPage } from './markdown.js';

const WORKSPACE = new URL('../../examples/workspace', import.meta.url).pathname;

const page = await readPage('docs/local-gateway.md');

async function readHelp(): Promise<string> {
  let help = '';
  const out = { write: (text: string) => (help += text) };
  await main(['--help'], { stdout: out, stderr: out, stop: AbortSignal.abort() });
  return help.replaceAll(/\n {3,}(?! *-)/g, ' ');
}

describe('docs/local-gateway.md', () => {
  test('lists the options of --help with their defaults', async () => {
    const inHelp = [...(await readHelp()).matchAll(/^ +(--.*?)(?: {2,}.*?)(?:default: "?([^")]*)"?\))?$/gm)];
    const inPage = [...page.matchAll(/^\| `(--.*?)` \| (?:`(.*?)`|–) \|/gm)];
    assert.deepEqual(
      inPage.map(([, option, value]) => [option, value]),
      inHelp.map(([, option, value]) => [option, value]),
    );
  });

  test('creates a job with its curl command', async (t) => {
    const gateway = await startTestGateway(t, { workspaceDir: WORKSPACE, idStyle: 'uuid' });
    const [block = ''] = codeBlocksOf(page, 'sh');
    const command = block.replace('http://localhost:8787', gateway.url);
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    const { id, status, runtimeId } = JSON.parse(stdout);
    assert.equal(status, 'running');
    const found = await gateway.call('GET', `/v1/invocations/${id}`);
    assert.deepEqual([found.status, found.body.runtimeId], [200, runtimeId]);
  });

  test('shows fault rules that have the described effects', async (t) => {
    const faults = parseFaultRules(JSON.parse(codeBlocksOf(page, 'json')[0] ?? ''));
    const gateway = await startTestGateway(t, { faults: faults.filter(({ share }) => share === undefined) });
    await gateway.addFile('results.csv');
    const collect = () => gateway.collect({ runtimePath: 'results.csv', destinationPath: '/results.csv' });
    assert.equal((await collect()).status, 503);
    assert.equal((await collect()).status, 503);
    assert.equal((await collect()).status, 200);
    await assert.rejects(collect());
    assert.equal((await collect()).status, 409);
    assert.deepEqual(gateway.snapshot().faults, { respond: 2, 'drop-response': 1 });
  });

  test('lists every operation and every kind of fault', () => {
    const [, operations = ''] = /^\| `operation` \| (.*?) for all/m.exec(page) ?? [];
    assert.throws(
      () => parseFaultRules([{ operation: '?', fault: { kind: 'reset' } }]),
      ({ message }: Error) => {
        assert.deepEqual(namesIn(operations, /`(.*?)`/g), namesIn(message, /"(.*?)"/g));
        return true;
      },
    );
    const kinds: Record<FaultRule['fault']['kind'], true> = {
      respond: true,
      delay: true,
      reset: true,
      'drop-response': true,
      'malformed-response': true,
      'truncated-response': true,
    };
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (?:sends|resets|handles)/gm)];
    assert.deepEqual(rows.map(([, kind]) => kind).sort(), Object.keys(kinds).sort());
  });
});

function namesIn(text: string, pattern: RegExp): (string | undefined)[] {
  return [...text.matchAll(pattern)].map(([, name]) => name);
}

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { main } from '../../src/gateway/cli.js';
import { type FaultRule, parseFaultRules } from '../../src/gateway/faults.js';
import { startTestGateway } from '../support/gateway.js';

const WORKSPACE = new URL('../../examples/workspace', import.meta.url).pathname;

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const [, section = ''] = /^## The local gateway\n(.*?)^## /ms.exec(readme) ?? [];

function blockOf(language: string): string {
  return new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(section)?.[1] ?? '';
}

async function readHelp(): Promise<string> {
  let help = '';
  const out = { write: (text: string) => (help += text) };
  await main(['--help'], { stdout: out, stderr: out, stop: AbortSignal.abort() });
  return help.replaceAll(/\n {3,}(?! *-)/g, ' ');
}

describe('the README’s section about the local gateway', () => {
  test('lists the options of --help with their defaults', async () => {
    const inHelp = [...(await readHelp()).matchAll(/^ +(--.*?)(?: {2,}.*?)(?:default: "?([^")]*)"?\))?$/gm)];
    const inReadme = [...section.matchAll(/^\| `(--.*?)` \| (?:`(.*?)`|–) \|/gm)];
    assert.deepEqual(
      inReadme.map(([, option, value]) => [option, value]),
      inHelp.map(([, option, value]) => [option, value]),
    );
  });

  test('makes a job with curl', async (t) => {
    const gateway = await startTestGateway(t, { workspaceDir: WORKSPACE, idStyle: 'uuid' });
    const command = blockOf('sh').replace('http://localhost:8787', gateway.url);
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    const { id, status, runtimeId } = JSON.parse(stdout);
    assert.equal(status, 'running');
    const found = await gateway.call('GET', `/v1/invocations/${id}`);
    assert.deepEqual([found.status, found.body.runtimeId], [200, runtimeId]);
  });

  test('has faults that happen as it says', async (t) => {
    const faults = parseFaultRules(JSON.parse(blockOf('json')));
    const gateway = await startTestGateway(t, { faults: faults.filter(({ share }) => share === undefined) });
    await gateway.addFile('results.csv');
    const collect = () => gateway.collect({ runtimePath: 'results.csv', destinationPath: '/results.csv' });
    assert.equal((await collect()).status, 503);
    assert.equal((await collect()).status, 503);
    assert.equal((await collect()).status, 200);
    await assert.rejects(collect());
    assert.equal((await collect()).status, 409);
    assert.deepEqual(gateway.snapshot().faults, { answer: 2, 'drop-response': 1 });
  });

  test('names every operation and every kind of fault', () => {
    const [, operations = ''] = /^- `operation`: (.*?) for all/m.exec(section) ?? [];
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
    const list = /^- `fault\.kind`.*$/m.exec(section)?.[0] ?? '';
    for (const kind of Object.keys(kinds)) assert.ok(list.includes(`\`${kind}\``), kind);
  });
});

function namesIn(text: string, pattern: RegExp): (string | undefined)[] {
  return [...text.matchAll(pattern)].map(([, name]) => name);
}

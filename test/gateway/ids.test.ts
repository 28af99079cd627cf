import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { IdStyle } from '../../src/testing.js';
import { startTestGateway } from '../support/gateway.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const styles: Record<IdStyle, (prefix: string) => RegExp> = {
  uuid: () => UUID,
  prefixed: (prefix) => new RegExp(`^${prefix}_[0-9a-z]{22}$`),
};

for (const [idStyle, pattern] of Object.entries(styles) as [IdStyle, (prefix: string) => RegExp][]) {
  test(`with --id-style ${idStyle}, every id of the API has the style`, async (t) => {
    const gateway = await startTestGateway(t, { idStyle });
    await gateway.addFile('a');
    const { body: file } = await gateway.collect({ runtimePath: 'a' });
    const { body: runtime } = await gateway.call('GET', `/v1/runtimes/${gateway.runtimeId}`);
    const { body: exported } = await gateway.call('POST', `/v1/runs/${file.runId}/files/export`);
    const { body: account } = await gateway.call('GET', '/v1/auth/whoami');
    const invocation = await gateway.createInvocation({ runtimeId: gateway.runtimeId, durationMs: 0 });
    const ids: [prefix: string, id: string][] = [
      ['file', file.id],
      ['file', exported.id],
      ['sp', file.spaceId],
      ['run', file.runId],
      ['rt', file.runtimeId],
      ['rt', runtime.id],
      ['run', runtime.activeRunId],
      ['sp', account.defaultSpaceId],
      ['org', account.organizationId],
      ['key', account.keyId],
      ['inv', invocation.id],
    ];
    for (const [prefix, id] of ids) assert.match(id, pattern(prefix), prefix);
  });

  test(`with --id-style ${idStyle}, each id names its own resource`, async (t) => {
    const gateway = await startTestGateway(t, { idStyle });
    const other = await gateway.createRuntime();
    await gateway.addFile('a');
    await writeFile(join(gateway.workspaceDir, other, 'a'), 'other');
    const collectFrom = async (runtimeId: string) => {
      const path = `/v1/runtimes/${runtimeId}/files/collect`;
      return (await gateway.call('POST', path, { body: { runtimePath: 'a' } })).body;
    };
    const files = [await collectFrom(gateway.runtimeId), await collectFrom(other)];
    for (const file of files) {
      assert.equal((await gateway.call('GET', `/v1/files/${file.id}`)).body.id, file.id);
      assert.equal((await gateway.call('GET', `/v1/runs/${file.runId}`)).body.runtimeId, file.runtimeId);
      for (const query of [`runId=${file.runId}`, `runtimeId=${file.runtimeId}`]) {
        const { body } = await gateway.call('GET', `/v1/files?${query}`);
        assert.deepEqual(body.data, [file], query);
      }
    }
  });
}

const folders: [name: string, runtimeIn: IdStyle | undefined][] = [
  ['11111111-2222-4333-8444-555555555555', 'uuid'],
  ['AAAAAAAA-2222-4333-8444-555555555555', undefined],
  [`rt_${'0z'.repeat(11)}`, 'prefixed'],
  [`rt_${'0'.repeat(21)}`, undefined],
  [`rt_${'0'.repeat(23)}`, undefined],
  [`rt_${'A'.repeat(22)}`, undefined],
  [`run_${'0'.repeat(22)}`, undefined],
];

for (const [name, style] of folders) {
  test(`a folder ${name} is a runtime with ${style ? `--id-style ${style} only` : 'no id style'}`, async (t) => {
    for (const idStyle of ['uuid', 'prefixed'] as const) {
      const gateway = await startTestGateway(t, { idStyle });
      await mkdir(join(gateway.workspaceDir, name));
      const { status } = await gateway.call('GET', `/v1/runtimes/${name}`);
      assert.equal(status, idStyle === style ? 200 : 404, idStyle);
    }
  });
}

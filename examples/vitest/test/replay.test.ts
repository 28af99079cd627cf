import { fileURLToPath } from 'node:url';
import { replayHistories } from 'bctrl-temporal/testing';
import { expect, test } from 'vitest';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

test('running workflows survive a deploy of this code', async () => {
  const histories = pathOf('../histories');
  const workflowsPath = pathOf('../src/workflows.ts');
  expect(await replayHistories({ histories, workflowsPath })).toEqual({ replayed: 1 });
});

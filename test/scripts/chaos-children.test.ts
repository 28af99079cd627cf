import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { Children } from '../../scripts/chaos/children.js';

describe('the processes of a chaos run', { skip: !existsSync('/proc') && 'there is no /proc' }, () => {
  it('are leaked if they stay, not if they are about to end', async (t) => {
    const children = new Children(tmpdir(), randomUUID());
    // Inherits the mark of the run from this process, as a watchdog does.
    const runFor = (ms: number) =>
      spawn(process.execPath, ['-e', `setTimeout(() => {}, ${ms})`], { stdio: 'ignore' });

    runFor(1_000);
    assert.deepEqual(await children.findLeaked(), []);

    const staying = runFor(600_000);
    t.after(() => staying.kill('SIGKILL'));
    const [leaked, ...others] = await children.findLeaked({ timeoutMs: 1_000 });
    assert.match(leaked ?? '', new RegExp(`^process ${staying.pid} is still there: .*setTimeout`));
    assert.deepEqual(others, []);
  });
});

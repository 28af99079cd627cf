import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describePipeline } from '../../src/client/describe-pipeline.js';
import { parseInput } from '../../src/shared/parse-input.js';
import { pipelineInputSchema } from '../../src/shared/pipeline-input.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';
import { renderCurrentDetails } from '../../src/workflows/temporal-ui.js';
import { MARKDOWN_TEXTS, outsideCode } from '../support/markdown-safety.js';
import { STEERING_NAME } from '../support/terminal-safety.js';

/** A pipeline in which every text that can come from outside is this one. */
function toProgress(text: string, files: number): PipelineProgress {
  const problem = { reasonClass: 'server', code: text, message: `${text}: it failed`, hint: text } as const;
  return {
    runtimeId: text,
    phase: 'held',
    outcome: 'failed',
    counts: { files, collected: 0, kept: 0, missing: 0, skipped: 0, failed: files },
    bytes: 0,
    jobs: [
      { id: text, status: 'failed', problem },
      { id: text, status: 'unknown', problem: { message: text } },
    ],
    files: Array.from({ length: files }, () => ({ outcome: 'failed', runtimePath: text, ...problem })),
    warnings: [text, `${text}: the API made it more than once; the other files are ${text}`],
    exportArchive: { outcome: 'failed', ...problem },
    stopRuntime: { outcome: 'failed', ...problem },
  } as PipelineProgress;
}

/** What the details say outside of code, whatever the API says. */
const ordinary = ['1', '2'].map((name, index) =>
  outsideCode(renderCurrentDetails(toProgress(name, index + 1))),
);

function assertIsText(text: string): void {
  for (const files of [1, 2]) {
    const rendered = renderCurrentDetails(toProgress(text, files));
    assert.equal(outsideCode(rendered), ordinary[files - 1], rendered);
  }
}

test('no text of the API or of the input is markup in the current details', () => {
  for (const text of [...MARKDOWN_TEXTS, STEERING_NAME]) assertIsText(text);
});

test('whatever the text is, what stands outside of code is the same', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.string({
      unit: fc.constantFrom('`', '``', '|', '\n', '[', ']', '(', ')', '<', '>', '\\', ' ', 'a', '-', '#'),
    }),
  );
  fc.assert(
    fc.property(text, (each) => {
      assertIsText(`x${each}`);
      assertIsText(`${each}x`);
    }),
  );
});

test('a problem is shown as it is, in code', () => {
  const lines = renderCurrentDetails(toProgress('<img src=x> `a`', 1)).split('\n');
  assert.ok(lines.includes('- `server` `` <img src=x> `a`: it failed ``'), lines.join('\n'));
});

test('no text of the input is markup in summary and details of a pipeline', () => {
  const describeWith = (text: string) => {
    const fields = {
      runtimeId: text,
      account: text,
      files: [{ runtimePath: text }],
      waitFor: { invocationIds: [text] },
      rerunOf: text,
    };
    return describePipeline(parseInput(pipelineInputSchema, fields));
  };
  const { details: expected } = describeWith('rt_1');
  for (const text of MARKDOWN_TEXTS.map((each) => each.replaceAll(/\s+/g, ' '))) {
    const { summary, details } = describeWith(text);
    assert.equal(outsideCode(details), outsideCode(expected));
    assert.equal(outsideCode(summary), '<code>', summary);
    assert.ok(Buffer.byteLength(summary) <= 400);
  }
  assert.equal(describeWith('rt_1').summary, '1 file of runtime rt_1, account rt_1, again');
  assert.ok(Buffer.byteLength(describeWith('`'.repeat(128)).summary) <= 400);
});

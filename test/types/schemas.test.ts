import { test } from 'node:test';
import type { z } from 'zod';
import type * as apiSchema from '../../src/shared/api-schema.js';
import type * as api from '../../src/shared/api-types.js';
import type { ExportRunFilesInput, exportRunFilesInputSchema } from '../../src/shared/archive.js';
import type * as collect from '../../src/shared/collect.js';
import type * as outcome from '../../src/shared/collect-outcome.js';
import type { ApiProblem, apiProblemSchema } from '../../src/shared/failure-details.js';
import type { WaitForInvocationInput, waitForInvocationInputSchema } from '../../src/shared/invocation.js';
import type * as pipeline from '../../src/shared/pipeline-input.js';
import type * as messages from '../../src/shared/pipeline-messages.js';
import type { RuntimeInput, runtimeInputSchema } from '../../src/shared/runtime-input.js';
import { assertSameFields, type Optional } from './same-fields.js';

// `tsc` checks these. At run time there is nothing left to assert.

test('the inputs of the activities have the fields of their schemas', () => {
  assertSameFields<RuntimeInput, z.input<typeof runtimeInputSchema>>();
  assertSameFields<collect.FileOptions, z.input<typeof collect.fileOptionsSchema>>();
  assertSameFields<collect.CollectRuntimeFileInput, z.input<typeof collect.collectRuntimeFileInputSchema>>();
  assertSameFields<collect.CollectBatchInput, z.input<typeof collect.collectRuntimeFilesInputSchema>>();
  assertSameFields<
    collect.VerifyCollectedFilesInput,
    z.input<typeof collect.verifyCollectedFilesInputSchema>
  >();
  assertSameFields<WaitForInvocationInput, z.input<typeof waitForInvocationInputSchema>>();
  assertSameFields<ExportRunFilesInput, z.input<typeof exportRunFilesInputSchema>>();
});

test('the inputs and the messages of the workflows have the fields of their schemas', () => {
  assertSameFields<pipeline.PipelineFile, z.input<typeof pipeline.pipelineFileSchema>>();
  assertSameFields<pipeline.PipelineInput, z.input<typeof pipeline.pipelineFieldsSchema>>();
  assertSameFields<pipeline.ParsedPipelineInput, z.output<typeof pipeline.pipelineFieldsSchema>>();
  assertSameFields<pipeline.CollectFileInput, z.input<typeof pipeline.collectFileInputSchema>>();
  assertSameFields<messages.JobFinishedInput, z.input<typeof messages.jobFinishedFieldsSchema>>();
  assertSameFields<messages.AddFilesInput, z.input<typeof messages.addFilesInputSchema>>();
  assertSameFields<messages.ResumeInput, z.input<typeof messages.resumeInputSchema>>();
});

test('the objects of the API have the fields of their schemas', () => {
  assertSameFields<api.File, z.output<typeof apiSchema.fileSchema>>();
  assertSameFields<api.FilePage, z.output<typeof apiSchema.filePageSchema>>();
  assertSameFields<api.CollectRequest, z.input<typeof apiSchema.collectRequestSchema>>();
  assertSameFields<api.Invocation, Optional<z.output<typeof apiSchema.invocationSchema>, 'id' | 'runId'>>();
  assertSameFields<api.TerminalStatus, (typeof apiSchema.terminalStatuses)[number]>();
  assertSameFields<api.Runtime, Optional<z.output<typeof apiSchema.runtimeSchema>, 'id' | 'status'>>();
  type RuntimeStop = NonNullable<z.output<typeof apiSchema.runtimeStopSchema>>;
  assertSameFields<api.RuntimeStop, Optional<RuntimeStop, 'runId' | 'status'>>();
  assertSameFields<
    api.Whoami,
    Optional<z.output<typeof apiSchema.whoamiSchema>, 'keyId' | 'organizationId' | 'scope'>
  >();
});

test('the outcomes have the fields of the schemas that read them from a checkpoint', () => {
  assertSameFields<ApiProblem, z.output<typeof apiProblemSchema>>();
  assertSameFields<outcome.StoredOutcome, z.output<typeof outcome.storedOutcomeSchema>>();
  assertSameFields<outcome.CollectOutcome, z.output<typeof outcome.collectOutcomeSchema>>();
});

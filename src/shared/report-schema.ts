import * as z from 'zod';
import { terminalStatuses } from './api-schema.js';
import { storedOutcomeSchema } from './collect-outcome.js';
import { apiProblemSchema } from './failure-details.js';
import type {
  ExportArchiveOutcome,
  FailedOutcome,
  FailedStep,
  FileOutcome,
  JobOutcome,
  NextOutcome,
  PipelineReport,
  StartedWorkflow,
  StopRuntimeOutcome,
} from './pipeline-report.js';

/*
 * The parts of a report, which another version of this package may have written: fields that only a newer version knows are
 * dropped.
 */

const problemSchema = apiProblemSchema.extend({
  reasonClass: apiProblemSchema.shape.reasonClass.exactOptional(),
});

export const failedOutcomeSchema: z.ZodType<FailedOutcome> = apiProblemSchema.extend({
  outcome: z.literal('failed'),
  runtimePath: z.string(),
});

export const fileOutcomeSchema: z.ZodType<FileOutcome> = z.union([
  storedOutcomeSchema.extend({ fileId: z.string(), runtimePath: z.string() }),
  failedOutcomeSchema,
  problemSchema.extend({
    outcome: z.literal('missing'),
    runtimePath: z.string(),
    ifMissing: z.enum(['warn', 'ignore']),
  }),
  z.object({ outcome: z.literal('skipped'), runtimePath: z.string(), reason: z.string() }),
]);

export const jobOutcomeSchema: z.ZodType<JobOutcome> = z.object({
  id: z.string(),
  status: z.enum([...terminalStatuses, 'still_running', 'unknown']),
  action: z.string().optional(),
  error: z.object({ code: z.string().optional(), message: z.string().optional() }).optional(),
  durationSeconds: z.number().optional(),
  problem: problemSchema.exactOptional(),
});

export const failedStepSchema: z.ZodType<FailedStep> = problemSchema.extend({ outcome: z.literal('failed') });

const skippedStepSchema = z.object({ outcome: z.literal('skipped'), reason: z.string() });

const exportArchiveSchema: z.ZodType<ExportArchiveOutcome> = z.union([
  z.object({
    outcome: z.literal('exported'),
    fileId: z.string(),
    path: z.string().exactOptional(),
    sizeBytes: z.number().exactOptional(),
  }),
  failedStepSchema,
  skippedStepSchema,
]);

const stopRuntimeSchema: z.ZodType<StopRuntimeOutcome> = z.union([
  z.object({ outcome: z.literal('stopped') }),
  failedStepSchema,
  skippedStepSchema,
]);

const startedWorkflowSchema: z.ZodType<StartedWorkflow> = z.object({
  outcome: z.literal('started'),
  workflowId: z.string(),
});

const nextSchema: z.ZodType<NextOutcome> = z.union([startedWorkflowSchema, skippedStepSchema]);

/** Reads item by item: an item that cannot be read is left out. */
function readableItems<T>(item: z.ZodType<T>) {
  return z.array(z.unknown()).transform((items) => items.flatMap((each) => item.safeParse(each).data ?? []));
}

/** The report in the failure of a pipeline. A step that cannot be read is left out. */
export const pipelineReportSchema = z
  .looseObject({
    runtimeId: z.string(),
    runId: z.string().optional().catch(undefined),
    outcome: z.enum(['succeeded', 'skipped', 'failed', 'abandoned', 'cancelled']).optional().catch(undefined),
    jobs: readableItems(jobOutcomeSchema),
    counts: z.object({
      files: z.number(),
      collected: z.number(),
      kept: z.number(),
      missing: z.number(),
      skipped: z.number(),
      failed: z.number(),
    }),
    bytes: z.number(),
    files: readableItems(fileOutcomeSchema),
    duplicates: z.number().optional().catch(undefined),
    warnings: readableItems(z.string()),
    exportArchive: exportArchiveSchema.optional().catch(undefined),
    stopRuntime: stopRuntimeSchema.optional().catch(undefined),
    next: nextSchema.optional().catch(undefined),
    onClose: startedWorkflowSchema.optional().catch(undefined),
  })
  .transform(
    ({ runId, outcome, duplicates, exportArchive, stopRuntime, next, onClose, ...rest }): PipelineReport => ({
      ...rest,
      ...(runId !== undefined && { runId }),
      ...(outcome !== undefined && { outcome }),
      ...(duplicates !== undefined && { duplicates }),
      ...(exportArchive && { exportArchive }),
      ...(stopRuntime && { stopRuntime }),
      ...(next && { next }),
      ...(onClose && { onClose }),
    }),
  );

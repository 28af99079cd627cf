import { workflowInfo } from '@temporalio/workflow';
import { z } from 'zod';
import { terminalStatuses } from '../shared/api-schema.js';
import { storedOutcomeSchema } from '../shared/collect-outcome.js';
import { truncatePath } from '../shared/display-text.js';
import { apiProblemSchema } from '../shared/failure-details.js';
import { fileKey } from '../shared/keys.js';
import { pipelineFileSchema } from '../shared/pipeline-input.js';
import { jobFinishedInputSchema } from '../shared/pipeline-messages.js';
import type { FailedOutcome, FailedStep, FileOutcome, JobOutcome } from '../shared/pipeline-report.js';
import { type FileEntry, selectReported } from './file-entry.js';
import { warningsStateSchema } from './warnings.js';

const problemSchema = z.strictObject({
  ...apiProblemSchema.shape,
  reasonClass: apiProblemSchema.shape.reasonClass.exactOptional(),
});

const failedOutcomeSchema: z.ZodType<FailedOutcome> = z.strictObject({
  ...apiProblemSchema.shape,
  outcome: z.literal('failed'),
  runtimePath: z.string(),
});

const fileOutcomeSchema: z.ZodType<FileOutcome> = z.union([
  z.strictObject({ ...storedOutcomeSchema.shape, fileId: z.string(), runtimePath: z.string() }),
  failedOutcomeSchema,
  problemSchema.extend({
    outcome: z.literal('missing'),
    runtimePath: z.string(),
    ifMissing: z.enum(['warn', 'ignore']),
  }),
  z.strictObject({ outcome: z.literal('skipped'), runtimePath: z.string(), reason: z.string() }),
]);

const jobOutcomeSchema: z.ZodType<JobOutcome> = z.strictObject({
  id: z.string(),
  status: z.enum([...terminalStatuses, 'still_running', 'unknown']),
  action: z.string().optional(),
  error: z.strictObject({ code: z.string().optional(), message: z.string().optional() }).optional(),
  durationSeconds: z.number().optional(),
  problem: problemSchema.exactOptional(),
});

const failedStepSchema: z.ZodType<FailedStep> = problemSchema.extend({ outcome: z.literal('failed') });

const fileEntriesSchema = z.strictObject({
  pending: z.array(z.strictObject({ position: z.int(), file: pipelineFileSchema, attempted: z.boolean() })),
  failed: z.array(
    z.strictObject({
      position: z.int(),
      file: pipelineFileSchema,
      reasonClass: apiProblemSchema.shape.reasonClass,
      unverified: apiProblemSchema.shape.unverified,
      /** Set if the report lists the file. */
      outcome: failedOutcomeSchema.exactOptional(),
    }),
  ),
  /** Files that the report lists, except the failed ones. */
  reported: z.array(z.strictObject({ position: z.int(), key: z.string(), outcome: fileOutcomeSchema })),
  /** Keys of files that the report only counts. */
  unreportedKeys: z.array(z.string()),
});
type FileEntriesState = z.infer<typeof fileEntriesSchema>;

export const fileListStateSchema = z.strictObject({
  entries: fileEntriesSchema,
  counts: z.strictObject({
    files: z.int(),
    collected: z.int(),
    kept: z.int(),
    missing: z.int(),
    skipped: z.int(),
    failed: z.int(),
  }),
  bytes: z.int(),
  duplicates: z.int(),
  warnings: warningsStateSchema,
  /** Keys of collected files that may have duplicates. */
  unverified: z.array(z.string()),
});
export type FileListState = z.infer<typeof fileListStateSchema>;

const continueAsNewStateSchema = z.strictObject({
  firstExecutionRunId: z.string(),
  files: fileListStateSchema,
  mustCheckExisting: z.boolean(),
  jobs: z.array(jobOutcomeSchema),
  jobFinished: jobFinishedInputSchema.optional(),
  runId: z.string().optional(),
  exportArchive: failedStepSchema.optional(),
});
/** What a run of a pipeline hands to the next one: at most 2 MB of JSON, whatever the pipeline has been through. */
export type ContinueAsNewState = z.infer<typeof continueAsNewStateSchema>;

/**
 * The state that an earlier run of this workflow handed over, `undefined` if there was none. A client may have written the
 * argument too. Only an earlier run can name the first run of the chain, whose id nobody knows before it starts; anything else
 * is ignored.
 *
 * @throws ZodError if this version cannot read what another one wrote. It fails the workflow task, so that nothing is lost:
 *   Temporal retries the task until a version that can read it is deployed.
 */
export function parseContinueAsNewState(argument: unknown): ContinueAsNewState | undefined {
  const { firstExecutionRunId } = workflowInfo();
  const ownState = z.looseObject({ firstExecutionRunId: z.literal(firstExecutionRunId) });
  return ownState.safeParse(argument).success ? continueAsNewStateSchema.parse(argument) : undefined;
}

/** The entries, without the outcomes that no report lists. */
export function saveEntries(
  entries: readonly FileEntry[],
  unreportedKeys: Iterable<string>,
): FileEntriesState {
  const reportedOutcomes = new Map(selectReported(entries).map((file) => [file.position, file.outcome]));
  const state: FileEntriesState = {
    pending: [],
    failed: [],
    reported: [],
    unreportedKeys: [...unreportedKeys],
  };
  for (const { position, file, key, attempted, outcome } of entries) {
    const reported = reportedOutcomes.get(position);
    if (outcome === undefined) state.pending.push({ position, file, attempted });
    else if (outcome.outcome === 'failed') {
      const { reasonClass, unverified } = outcome;
      state.failed.push({
        position,
        file,
        reasonClass,
        ...(unverified && { unverified }),
        ...(reported && { outcome }),
      });
    } else if (reported) state.reported.push({ position, key, outcome: reported });
    else state.unreportedKeys.push(key);
  }
  return state;
}

/** The entries in their order. A file of which only the key was saved has none. */
export function restoreEntries({ pending, failed, reported }: FileEntriesState): FileEntry[] {
  return [
    ...pending.map((entry) => ({ ...entry, key: fileKey(entry.file) })),
    ...failed.map(({ position, file, reasonClass, unverified, outcome }) => {
      const { runtimePath } = file;
      const message = `${truncatePath(runtimePath)}: ${reasonClass}, in an earlier run of this workflow`;
      const brief = { outcome: 'failed', runtimePath, reasonClass, message } as const;
      return {
        position,
        file,
        key: fileKey(file),
        attempted: true,
        outcome: outcome ?? { ...brief, ...(unverified && { unverified }) },
      };
    }),
    ...reported.map(({ position, key, outcome }) => {
      const { runtimePath } = outcome;
      return { position, file: { runtimePath }, key, attempted: true, outcome };
    }),
  ].sort((a, b) => a.position - b.position);
}

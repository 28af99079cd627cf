import { workflowInfo } from '@temporalio/workflow';
import * as z from 'zod';
import { truncatePath } from '../shared/display-text.js';
import { apiProblemSchema } from '../shared/failure-details.js';
import { fileKey } from '../shared/keys.js';
import { type PipelineFile, pipelineFileSchema } from '../shared/pipeline-input.js';
import { jobFinishedInputSchema } from '../shared/pipeline-messages.js';
import type { FailedOutcome } from '../shared/pipeline-report.js';
import {
  failedOutcomeSchema,
  failedStepSchema,
  fileOutcomeSchema,
  jobOutcomeSchema,
} from '../shared/report-schema.js';
import { type FileEntry, selectReported } from './file-entry.js';
import { warningsStateSchema } from './warnings.js';

/*
 * The state's own shape is strict. Outcomes, jobs and problems come from activities: fields that only a newer version of the
 * activities knows are dropped, so that a run never writes a state that it refuses itself.
 */

/** A job's output may name files with options that only the activities know. They are kept, for the activity that collects. */
const fileSchema: z.ZodType<PipelineFile> = pipelineFileSchema.loose();

const failedGroupSchema = z.strictObject({
  reasonClass: apiProblemSchema.shape.reasonClass,
  unverified: apiProblemSchema.shape.unverified,
  files: z.array(
    z.strictObject({
      position: z.int(),
      file: fileSchema,
      /** Set if the report lists the file. */
      outcome: failedOutcomeSchema.exactOptional(),
    }),
  ),
});

const fileEntriesSchema = z.strictObject({
  pending: z.array(z.strictObject({ position: z.int(), file: fileSchema, attempted: z.boolean() })),
  /** In groups, so that 10,000 failures do not repeat their class. */
  failed: z.array(failedGroupSchema),
  /** Files that the report lists, except the failed ones. */
  reported: z.array(z.strictObject({ position: z.int(), key: z.string(), outcome: fileOutcomeSchema })),
  /** Keys of files that the report only counts, except those in `unverified`. */
  unreportedKeys: z.array(z.string()),
});
type FailedGroup = z.infer<typeof failedGroupSchema>;
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
  /** A sum, which may exceed the safe integers. `z.int()` would refuse it. */
  bytes: z.number(),
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
  /** Set if the new run waits for jobs first. */
  phase: z.literal('waiting').optional(),
  jobs: z.array(jobOutcomeSchema),
  jobFinished: jobFinishedInputSchema.optional(),
  runId: z.string().optional(),
  exportArchive: failedStepSchema.optional(),
});
/**
 * What a run of a pipeline hands to the next one. It has to fit into 2 MB together with the input. The limits of the file list,
 * the reported outcomes, the jobs and the warnings keep it there, even if all their texts have the longest length in ASCII.
 */
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
  unreportedKeys: ReadonlySet<string>,
  unverified: ReadonlySet<string>,
): FileEntriesState {
  const reportedOutcomes = new Map(selectReported(entries).map((file) => [file.position, file.outcome]));
  const state: FileEntriesState = { pending: [], failed: [], reported: [], unreportedKeys: [] };
  const addKey = (key: string) => {
    if (!unverified.has(key)) state.unreportedKeys.push(key);
  };
  unreportedKeys.forEach(addKey);
  for (const { position, file, key, attempted, outcome } of entries) {
    const reported = reportedOutcomes.get(position);
    if (outcome === undefined) state.pending.push({ position, file, attempted });
    else if (outcome.outcome === 'failed') {
      getFailedGroup(state, outcome).files.push({ position, file, ...(reported && { outcome }) });
    } else if (reported) state.reported.push({ position, key, outcome: reported });
    else addKey(key);
  }
  return state;
}

function getFailedGroup({ failed }: FileEntriesState, { reasonClass, unverified }: FailedOutcome) {
  const existing = failed.find(
    (group) => group.reasonClass === reasonClass && group.unverified === unverified,
  );
  if (existing !== undefined) return existing;
  const group: FailedGroup = { reasonClass, ...(unverified && { unverified }), files: [] };
  failed.push(group);
  return group;
}

/** The entries in their order. A file of which only the key was saved has none. */
export function restoreEntries({ pending, failed, reported }: FileEntriesState): FileEntry[] {
  return [
    ...pending.map((entry) => ({ ...entry, key: fileKey(entry.file) })),
    ...failed.flatMap(({ files, ...group }) =>
      files.map(({ position, file, outcome = toBriefFailure(file, group) }) => ({
        position,
        file,
        key: fileKey(file),
        attempted: true,
        outcome,
      })),
    ),
    ...reported.map(({ position, key, outcome }) => {
      const { runtimePath } = outcome;
      return { position, file: { runtimePath }, key, attempted: true, outcome };
    }),
  ].sort((a, b) => a.position - b.position);
}

/** Stands for an outcome that no report lists. */
function toBriefFailure(
  { runtimePath }: PipelineFile,
  { reasonClass, unverified }: Omit<FailedGroup, 'files'>,
): FailedOutcome {
  const message = `${truncatePath(runtimePath)}: ${reasonClass}, in an earlier run of this workflow`;
  return { outcome: 'failed', runtimePath, reasonClass, message, ...(unverified && { unverified }) };
}

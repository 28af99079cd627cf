import type { ExitCode } from '../../exit.js';
import { formatCount, formatCountOf } from '../../shared/display-text.js';
import { type AddFilesResult, addFilesInputSchema } from '../../shared/pipeline-messages.js';
import { parseFields } from '../input/parse-fields.js';
import { type FileOptions, toFiles, withFileOptions } from '../input/pipeline-input.js';
import type { Io } from '../io.js';
import { updatePipeline } from '../temporal/update-pipeline.js';
import { forEachPipeline } from './for-each-pipeline.js';

/** `add-files`: adds files to a running pipeline. */
export function addFilesCommand(
  io: Io,
  workflowId: string,
  paths: readonly string[],
  options: FileOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const input = parseFields(addFilesInputSchema, { files: withFileOptions(toFiles(paths), options) });
  return forEachPipeline<AddFilesResult>(io, [workflowId], options, {
    verb: 'add files to',
    pastTense: 'added',
    run: (session, pipeline) => updatePipeline(session, pipeline, (handle) => handle.addFiles(input)),
    describe: ({ added, known }) =>
      `${formatCountOf(added, 'file')}${known > 0 ? `, ${formatCount(known)} already listed` : ''}`,
  });
}

import type { ExitCode } from '../../exit.js';
import { ADD_FILES_UPDATE } from '../../shared/names.js';
import { type AddFilesResult, addFilesInputSchema } from '../../shared/pipeline-messages.js';
import { parseInput } from '../input/parse-input.js';
import { type FileOptions, toFileList, toFiles } from '../input/pipeline-options.js';
import type { Io } from '../io.js';
import { updatePipeline } from '../temporal/update-pipeline.js';
import { forEachPipeline } from './act-on-each.js';

export interface AddFilesCommandOptions extends FileOptions {
  readonly json?: boolean;
}

/** `add-files`: gives a running pipeline further files. */
export function addFilesCommand(
  io: Io,
  workflowId: string,
  paths: readonly string[],
  options: AddFilesCommandOptions,
): Promise<ExitCode> {
  const message = parseInput(addFilesInputSchema, { files: toFiles(toFileList(paths), options) });
  return forEachPipeline<AddFilesResult>(io, [workflowId], options, {
    verb: 'add files to',
    pastTense: 'added',
    run: (session, pipeline) => updatePipeline(session, pipeline, ADD_FILES_UPDATE, message),
    describe: ({ added, known }) => `${added} files${known > 0 ? `, ${known} it had already` : ''}`,
  });
}

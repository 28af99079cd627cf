import { fileIdentity } from '../shared/file-identity.js';
import { shortPath } from '../shared/one-line.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import type { FailedOutcome, FileOutcome } from '../shared/pipeline-report.js';
import type { ReasonClass } from '../shared/reason-class.js';
import type { FileEntry } from './file-entry.js';
import { selectListed } from './select-listed.js';

/** Files as a run hands them to the next one: in a payload of 2 MB, whatever the pipeline has been through. */
export interface HandedOnFiles {
  readonly open: readonly Pick<FileEntry, 'number' | 'file' | 'tried'>[];
  readonly failed: readonly HandedOnFailure[];
  /** The others that the report lists. */
  readonly listed: readonly (Pick<FileEntry, 'number' | 'identity'> & { readonly outcome: FileOutcome })[];
  /** Identities of those that are only counted. */
  readonly counted: readonly string[];
}

interface HandedOnFailure {
  readonly number: number;
  readonly file: PipelineFile;
  readonly reasonClass: ReasonClass;
  /** It may be there all the same. */
  readonly unverified?: true;
  /** Of one that the report lists. */
  readonly outcome?: FailedOutcome;
}

export function handOn(entries: readonly FileEntry[], counted: Iterable<string>): HandedOnFiles {
  const listed = new Map(selectListed(entries).map(({ number, outcome }) => [number, outcome]));
  const open: HandedOnFiles['open'][number][] = [];
  const failed: HandedOnFailure[] = [];
  const others: HandedOnFiles['listed'][number][] = [];
  const onlyCounted = [...counted];
  for (const { number, file, identity, tried, outcome } of entries) {
    const inReport = listed.get(number);
    if (outcome === undefined) open.push({ number, file, tried });
    else if (outcome.outcome === 'failed') {
      const { reasonClass, unverified } = outcome;
      failed.push({
        number,
        file,
        reasonClass,
        ...(unverified && { unverified }),
        ...(inReport !== undefined && { outcome }),
      });
    } else if (inReport !== undefined) others.push({ number, identity, outcome: inReport });
    else onlyCounted.push(identity);
  }
  return { open, failed, listed: others, counted: onlyCounted };
}

/** In their order; those that are only counted have no entry. */
export function toEntries({ open, failed, listed }: HandedOnFiles): FileEntry[] {
  return [
    ...open.map((entry) => ({ ...entry, identity: fileIdentity(entry.file) })),
    ...failed.map(({ number, file, reasonClass, unverified, outcome }) => ({
      number,
      file,
      identity: fileIdentity(file),
      tried: true,
      outcome: outcome ?? toFailure(file, reasonClass, unverified),
    })),
    ...listed.map(({ number, identity, outcome }) => {
      const { runtimePath } = outcome;
      return { number, file: { runtimePath }, identity, tried: true, outcome };
    }),
  ].sort((a, b) => a.number - b.number);
}

function toFailure(
  { runtimePath }: PipelineFile,
  reasonClass: ReasonClass,
  unverified: true | undefined,
): FailedOutcome {
  const message = `${shortPath(runtimePath)}: ${reasonClass}, in an earlier run of this workflow`;
  return { outcome: 'failed', runtimePath, reasonClass, message, ...(unverified && { unverified }) };
}

import { setCurrentDetails } from '@temporalio/workflow';
import type {
  FailedOutcome,
  FileOutcome,
  PipelineCounts,
  PipelinePhase,
  PipelineProgress,
} from '../shared/pipeline.js';

/** Failures that the details show; the report lists them all. */
const SHOWN_FAILURES = 5;

type Counts = { -readonly [Kind in keyof PipelineCounts]: PipelineCounts[Kind] };

/** What became of a pipeline's files so far, kept where the query and the Temporal UI find it. */
export class Progress {
  #phase: PipelinePhase = 'waiting';
  #bytes = 0;
  readonly #counts: Counts;
  readonly #outcomes: (FileOutcome | undefined)[];
  readonly #failures: FailedOutcome[] = [];

  constructor(files: number) {
    this.#counts = { files, collected: 0, kept: 0, failed: 0 };
    this.#outcomes = new Array<undefined>(files).fill(undefined);
  }

  enter(phase: PipelinePhase): void {
    this.#phase = phase;
    this.#show();
  }

  /** Notes the outcome of the file at `index` of the input. */
  settle(index: number, outcome: FileOutcome): void {
    this.#outcomes[index] = outcome;
    this.#counts[outcome.outcome] += 1;
    if (outcome.outcome === 'collected') this.#bytes += outcome.sizeBytes;
    if (outcome.outcome === 'failed') this.#failures.push(outcome);
    this.#show();
  }

  /** Outcomes of the settled files, in the order of the input. */
  get outcomes(): FileOutcome[] {
    return this.#outcomes.filter((outcome) => outcome !== undefined);
  }

  get snapshot(): PipelineProgress {
    return { phase: this.#phase, counts: { ...this.#counts }, bytes: this.#bytes };
  }

  #show(): void {
    const { files, collected, kept, failed } = this.#counts;
    const lines = [
      '| phase | files | collected | kept | failed | bytes |',
      '|---|---|---|---|---|---|',
      `| ${this.#phase} | ${files} | ${collected} | ${kept} | ${failed} | ${this.#bytes} |`,
    ];
    if (failed > 0) lines.push('', 'Last failures:');
    for (const { reasonClass, message } of this.#failures.slice(-SHOWN_FAILURES)) {
      lines.push(`- \`${reasonClass}\` ${message}`);
    }
    setCurrentDetails(lines.join('\n'));
  }
}

import { writeFile } from 'node:fs/promises';
import { toMessage } from '../src/shared/display-text.js';
import { type ChaosOptions, parseChaosOptions } from './chaos/options.js';
import { collectEvidence, judge, renderChaosReport, toFigures } from './chaos/report.js';
import { runChaos } from './chaos/run.js';

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 };

const interruption = new Error('interrupted');
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort(interruption));
}
const log = (line: string) => console.error(line);

process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return exitCodes.usage;
  try {
    const result = await runChaos(options, { log, signal: stop.signal });
    const verdicts = judge(result.facts);
    if (options.json !== undefined) {
      const { resources } = result.facts;
      const evidence = collectEvidence(result, verdicts);
      const document = { options, ...toFigures(result), verdicts, resources, evidence };
      await writeFile(options.json, `${JSON.stringify(document, undefined, 2)}\n`);
    }
    console.log(renderChaosReport(result, verdicts));
    return verdicts.every(({ problems }) => problems.length === 0) ? exitCodes.done : exitCodes.failed;
  } catch (error) {
    if (stop.signal.aborted) return exitCodes.interrupted;
    log(`chaos: ${error instanceof Error ? error.stack : toMessage(error)}`);
    return exitCodes.failed;
  }
}

function readOptions(): ChaosOptions | undefined {
  try {
    return parseChaosOptions(process.argv.slice(2));
  } catch (error) {
    log(`chaos: ${toMessage(error)}`);
    return undefined;
  }
}

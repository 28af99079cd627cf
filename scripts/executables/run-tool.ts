import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { EnvHttpProxyAgent, request } from 'undici';

/** A host that is up responds in well under a second. Without a network, everybody waits this long. */
const PROBE_TIMEOUT_MS = 3_000;

/** Some HTTP clients of downloading tools have no deadline. 100 MB in this time is a slow connection. */
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

interface ToolOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal | undefined;
  cwd?: string;
}

/**
 * Runs a tool to its end. When `signal` aborts, kills the tool, waits until it is gone and throws the signal's reason.
 *
 * @throws Error with the last line of the tool's output when it fails
 */
export async function runTool(file: string, args: readonly string[], options: ToolOptions): Promise<void> {
  const tool = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = new Promise<Error>((resolve) => tool.on('error', resolve));
  const [[code, signal], out, err] = await Promise.all([
    once(tool, 'close').catch(async () => [await failed, null]),
    text(tool.stdout),
    text(tool.stderr),
  ]);
  options.signal?.throwIfAborted();
  if (code instanceof Error) throw code;
  if (code === 0) return;
  const lastLine = `${out}\n${err}`.trim().split('\n').at(-1);
  throw new Error(
    `${basename(file)} ended with ${signal ?? `exit code ${code}`}: ${lastLine || 'no output'}`,
  );
}

/** Like `runTool`, for a tool that downloads from `origin`. Fails within seconds when that cannot be reached. */
export async function runDownload(
  origin: string,
  file: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<void> {
  await assertReachable(origin, PROBE_TIMEOUT_MS, options.env);
  const deadline = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  await runTool(file, args, { ...options, signal });
}

/** Resolves with any HTTP response. The proxy variables of `env` are obeyed. */
export async function assertReachable(
  origin: string,
  timeoutMs: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const httpsProxy = env['https_proxy'] ?? env['HTTPS_PROXY'];
  const dispatcher = new EnvHttpProxyAgent(httpsProxy === undefined ? {} : { httpsProxy });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { body } = await request(origin, { method: 'HEAD', dispatcher, signal });
    await body.dump();
  } catch (cause) {
    throw new Error(`${new URL(origin).host} cannot be reached`, { cause });
  } finally {
    await dispatcher.destroy();
  }
}

import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import headless from '@xterm/headless';

const STARTER = fileURLToPath(new URL('../../dist/starter.js', import.meta.url));
const ROWS = 40;

export interface TerminalLine {
  readonly text: string;
  /** The line continues the previous one, which was too long. */
  readonly isWrapped: boolean;
  readonly isColored: boolean;
}

export interface Recording {
  /** The content of the terminal after each change. */
  readonly screens: readonly (readonly TerminalLine[])[];
  /** All that the terminal received. */
  readonly output: string;
  readonly exitCode: number;
}

export interface TerminalOptions {
  readonly columns: number;
  readonly env: Readonly<Record<string, string>>;
  /** Is called after each change, and may type. */
  readonly onScreen?: (screen: readonly TerminalLine[], type: (text: string) => void) => void;
}

/** Runs the built starter in a terminal until it ends. */
export async function recordStarter(
  t: TestContext,
  argv: readonly string[],
  { columns, env, onScreen }: TerminalOptions,
): Promise<Recording> {
  const terminal = new headless.Terminal({ cols: columns, rows: ROWS, allowProposedApi: true });
  const starter = spawn(process.execPath, [STARTER, ...argv], {
    cols: columns,
    rows: ROWS,
    cwd: '/',
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'xterm-256color', ...env },
  });
  const ended = new Promise<number>((resolve) => starter.onExit(({ exitCode }) => resolve(exitCode)));
  t.after(() => starter.kill('SIGKILL'));
  const screens: TerminalLine[][] = [];
  const written: Promise<void>[] = [];
  let output = '';
  starter.onData((data) => {
    output += data;
    const done = new Promise<void>((resolve) => terminal.write(data, resolve));
    written.push(
      done.then(() => {
        const screen = read(terminal);
        if (JSON.stringify(screen) === JSON.stringify(screens.at(-1))) return;
        screens.push(screen);
        onScreen?.(screen, (text) => starter.write(text));
      }),
    );
  });
  const exitCode = await ended;
  await Promise.all(written);
  terminal.dispose();
  return { screens, output, exitCode };
}

/** Reads all lines, including those that have scrolled away. */
function read({ buffer }: headless.Terminal): TerminalLine[] {
  const lines: TerminalLine[] = [];
  for (let row = 0; row < buffer.active.length; row += 1) {
    const line = buffer.active.getLine(row);
    if (line === undefined) continue;
    const cells = Array.from({ length: line.length }, (_, column) => line.getCell(column));
    lines.push({
      text: line.translateToString(true),
      isWrapped: line.isWrapped,
      isColored: cells.some((cell) => cell && !cell.isFgDefault()),
    });
  }
  while (lines.at(-1)?.text === '') lines.pop();
  return lines;
}

export interface Instruction {
  name: string;
  flags: Record<string, string>;
  /** Split at white space; of `RUN` together they are the command. */
  args: string[];
  /** Of the exec form: the array that ends the instruction. */
  json: string[] | undefined;
}

export function parseDockerfile(text: string): Instruction[] {
  return text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseInstruction);
}

function parseInstruction(line: string): Instruction {
  const [name = '', ...words] = line.trim().split(/\s+/);
  const flags: Record<string, string> = {};
  while (words[0]?.startsWith('--')) {
    const [flag = '', value = ''] = (words.shift() ?? '').slice(2).split('=');
    flags[flag] = value;
  }
  const array = /\[".*\]$/.exec(line)?.[0];
  return { name, flags, args: words, json: array === undefined ? undefined : JSON.parse(array) };
}

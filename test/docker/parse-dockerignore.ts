interface Ignore {
  ignores(path: string): boolean;
  /** A folder in which nothing can be that is not ignored. */
  wholly(folder: string): boolean;
}

/** The last rule that matches a path, or a folder above it, decides. */
export function createIgnore(text: string): Ignore {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const except = line.startsWith('!');
      const pattern = line.slice(except ? 1 : 0).replaceAll(/^\/|\/$/g, '');
      return { except, pattern, matches: new RegExp(`^${toRegExp(pattern)}(/|$)`) };
    });
  const ignores = (path: string) => !(rules.findLast(({ matches }) => matches.test(path))?.except ?? true);
  return {
    ignores,
    wholly: (folder) =>
      ignores(folder) && !rules.some(({ except, pattern }) => except && pattern.startsWith(`${folder}/`)),
  };
}

function toRegExp(pattern: string): string {
  return pattern.replaceAll(/\*\*\/?|[*?]|[^\w/]/g, (found) => {
    if (found.startsWith('**')) return '(?:.*/)?';
    if (found === '*') return '[^/]*';
    return found === '?' ? '[^/]' : `\\${found}`;
  });
}

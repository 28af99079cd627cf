/** Name of the executable. */
export const NAME = 'bctrl-temporal';

/** A command of this CLI that a person can paste into a shell. */
export function toCommand(...words: readonly string[]): string {
  return [NAME, ...words.map(quote)].join(' ');
}

/** A word that a POSIX shell takes as it is needs no quotes. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

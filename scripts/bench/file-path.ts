/** The path of one file of a runtime's workspace. They are of one length, so that sizes per file can be compared. */
export function filePath(number: number): string {
  return `results/part-${String(number).padStart(6, '0')}.json`;
}

export function filePaths(count: number): string[] {
  return Array.from({ length: count }, (_, index) => filePath(index + 1));
}

/** The code, such as `ENOENT`, of an error that Node throws when a system call fails; undefined for any other error. */
export function systemErrorCode(error: unknown): string | undefined {
  const failed = error instanceof Error && 'syscall' in error && 'code' in error;
  return failed && typeof error.code === 'string' ? error.code : undefined;
}

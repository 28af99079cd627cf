/** A variable that is missing or wrong. The message is one line: variable, problem, right example. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

import { ExitError, exitCodes } from '../../exit.js';
import type { CheckSuccess } from './doctor-report.js';

/** The oldest version that this package supports (`engines` in package.json). */
const OLDEST = [20, 19] as const;

/** @throws Exit `usage` for a version that is too old, as of `process.versions.node` */
export function checkNode(version: string): CheckSuccess<undefined> {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (!isOld) return { message: version, value: undefined };
  throw new ExitError(exitCodes.usage, `${version} is too old: install Node.js ${OLDEST.join('.')} or newer`);
}

import { startDevServer } from '../../scripts/dev-server.js';

const server = await startDevServer({ executable: String(process.argv[2]) });
process.send?.(server.pid);

// Builds the Go peers ahead of the tests: `pnpm --filter @rpcxjs/interop run build:go`.
import { buildGoPrograms } from './go-programs.ts';

const built = await buildGoPrograms();
if (built.missing !== undefined) {
  console.error(built.missing);
  process.exitCode = 1;
} else {
  console.log(`Go peers: ${built.server}, ${built.client}`);
}

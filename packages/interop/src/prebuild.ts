// Builds the Go peers ahead of the tests: `pnpm --filter @rpcxjs/interop run build:go`.
import { buildGoKcpPrograms, buildGoPrograms, buildGoQuicPrograms } from './go-programs.ts';

for (const build of [buildGoPrograms, buildGoQuicPrograms, buildGoKcpPrograms]) {
  const built = await build();
  if (built.missing !== undefined) {
    console.error(built.missing);
    process.exitCode = 1;
  } else {
    console.log(`Go peers: ${built.server}, ${built.client}`);
  }
}

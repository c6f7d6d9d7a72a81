// The page, until you press Ctrl-C.
import { openSite } from './site.ts';

const site = await openSite(Number(process.env['PORT'] ?? 8080)).catch((error: NodeJS.ErrnoException) => {
  if (error.code !== 'EADDRINUSE') throw error;
  return openSite(0); // somebody has that port
});
process.stdout.write(`open ${site.url} in one or two browser windows; Ctrl-C ends it\n`);
process.once('SIGINT', () => void site.close().then(() => process.exit(0)));

// Compares each package's public surface with etc/<package>.api.md, and that of each subpath with etc/<package>-<subpath>.api.md; `--local` writes the reports instead.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { entries, packages, root } from './workspace.mjs';

const local = process.argv.includes('--local');
const silent = { logLevel: 'none' };

function configOf({ report, stem, path }) {
  const temp = join(path, '.cache', 'api', stem);
  mkdirSync(temp, { recursive: true });
  const configObject = {
    projectFolder: path,
    mainEntryPointFilePath: join(path, 'dist', `${stem}.d.ts`),
    newlineKind: 'lf',
    compiler: {
      overrideTsconfig: {
        compilerOptions: { target: 'es2022', lib: ['ES2023', 'ESNext.Disposable', 'WebWorker'], module: 'nodenext', moduleResolution: 'nodenext',
          strict: true, skipLibCheck: true, noEmit: true, allowImportingTsExtensions: true, types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] },
        files: [join(path, 'dist', `${stem}.d.ts`)],
      },
    },
    apiReport: { enabled: true, reportFileName: `${report}.api.md`, reportFolder: join(path, 'etc'), reportTempFolder: temp, includeForgottenExports: true },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: {
      compilerMessageReporting: { default: { logLevel: 'error' } },
      extractorMessageReporting: {
        default: { logLevel: 'error' },
        'ae-missing-release-tag': silent, 'ae-undocumented': silent, 'ae-wrong-input-file-type': silent, 'ae-unresolved-link': silent,
        // A helper type that is part of a signature is in the report, but no user needs to name it.
        'ae-forgotten-export': silent,
      },
      tsdocMessageReporting: { default: silent },
    },
  };
  return ExtractorConfig.prepare({ packageJsonFullPath: join(path, 'package.json'), configObjectFullPath: undefined, configObject });
}

function check(entry) {
  const config = configOf(entry);
  if (!existsSync(config.mainEntryPointFilePath)) return [`${entry.folder}: no dist/${entry.stem}.d.ts; compile first`];
  const problems = [];
  const result = Extractor.invoke(config, {
    localBuild: local,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel !== 'error') return;
      problems.push(`${entry.folder}: ${message.text}${message.sourceFilePath ? ` (${message.sourceFilePath}:${message.sourceFileLine ?? 0})` : ''}`);
    },
  });
  if (result.apiReportChanged && !local) problems.push(`${entry.folder}: the public surface is not that of etc/${entry.report}.api.md; run "npm run generate" and look at the difference`);
  return problems;
}

const all = packages();
for (const entry of all) mkdirSync(join(entry.path, 'etc'), { recursive: true });
const doors = all.flatMap((entry) => entries(entry).map(({ stem }) => ({ ...entry, stem, report: stem === 'index' ? entry.folder : `${entry.folder}-${stem}` })));
const problems = doors.flatMap(check);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`${all.length} packages, ${doors.length} entries, ${problems.length} problems\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

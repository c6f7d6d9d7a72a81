import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe } from 'vitest';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const found = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name))).find((file) => existsSync(file));
if (found === undefined && process.env['CI'] !== undefined) throw new Error(`a browser must be there when CI is set: none of ${names.join(', ')} is in the PATH`);

/** A group of tests that needs a real browser: skipped with the reason in its name on a machine without Chromium. */
export function describeWithBrowser(name: string, tests: (browser: () => Browser) => void): void {
  if (found === undefined) {
    describe.skip(`${name} (skipped: no Chromium in the PATH)`, () => tests(() => { throw new Error('no browser'); }));
    return;
  }
  describe(name, () => {
    let browser: Browser;
    beforeAll(async () => {
      // As root, and in most containers, Chromium has no sandbox of its own.
      browser = await chromium.launch({ executablePath: found, args: ['--no-sandbox'] });
    }, 60_000);
    afterAll(() => browser?.close());
    tests(() => browser);
  });
}

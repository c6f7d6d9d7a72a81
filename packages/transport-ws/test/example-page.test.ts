import { expect, it } from 'vitest';
import { openSite } from '../../../examples/browser/site.ts';
import { describeWithBrowser } from './with-browser.ts';

describeWithBrowser('the page of examples/browser', (browser) => {
  it('shows in every window what is said in one, refuses nothing said, and goes on after a restart', async () => {
    const site = await openSite(0);
    const errors: string[] = [];
    const [one, two] = [await browser().newPage(), await browser().newPage()];
    for (const page of [one, two]) {
      page.on('pageerror', ({ message }) => errors.push(message)).on('console', (line) => line.type() === 'error' && errors.push(line.text()));
      await page.goto(site.url);
      await page.waitForSelector('text=/connected to server 1/');
    }
    await one.fill('#text', 'hello from one');
    await one.click('#say button');
    await two.waitForSelector('text=hello from one');
    await one.waitForFunction("document.getElementById('text').value === ''");
    await one.click('#say button');
    await one.waitForSelector('text=type something first');
    await one.click('#restart');
    for (const page of [one, two]) await page.waitForSelector('text=/connected to server 2/');
    await two.fill('#text', 'still here');
    await two.click('#say button');
    await one.waitForSelector('text=still here');
    await Promise.all([one.close(), two.close()]);
    await site.close();
    expect(errors).toEqual([]);
  });
});

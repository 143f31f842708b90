// Goal P14, for `make bench`: how soon pages paint with the wasm blocked, beside the same pages with it. A visit is a
// browser context of its own, so that nothing is cached; the two kinds alternate, and which of them goes first as well: what
// one visit leaves behind weighs on the next. Prints one JSON line a page.
//
//   UNSTICK_COOKIE='name=value; …' node paint.mjs ORIGIN ROUNDS /path …
import { chromium } from '@playwright/test';

const [origin, rounds, ...paths] = process.argv.slice(2);
const cookies = process.env.UNSTICK_COOKIE.split('; ').map((cookie) => {
  const [name, value] = cookie.split(/=(.*)/s);
  // A `__Host-` cookie is one of a secure address; Chromium sends it to this machine over http all the same.
  return { name, value, url: origin.replace('http:', 'https:'), secure: true };
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
});

/** Milliseconds from the navigation's start to the first contentful paint, and what the page's heading says. */
async function visit(path, blocked) {
  const context = await browser.newContext();
  await context.addCookies(cookies);
  const page = await context.newPage();
  if (blocked) {
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.setBlockedURLs', { urls: ['*.wasm'] });
  }
  await page.goto(origin + path, { waitUntil: 'load' });
  const paint = await page.evaluate(
    () =>
      new Promise((done) =>
        new PerformanceObserver((list) => {
          const first = list.getEntriesByName('first-contentful-paint')[0];
          if (first) done(first.startTime);
        }).observe({ type: 'paint', buffered: true }),
      ),
  );
  const heading = await page.getByRole('heading', { level: 1 }).innerText();
  await context.close();
  return { paint, heading };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
for (const path of paths) {
  const blocked = [], allowed = [];
  let heading = '';
  for (let round = 0; round <= Number(rounds); round++) {
    const first = await visit(path, round % 2 === 0);
    const second = await visit(path, round % 2 === 1);
    const [without, within] = round % 2 === 0 ? [first, second] : [second, first];
    if (!without.heading || without.heading !== within.heading) throw new Error(`${path}: «${without.heading}» without wasm, «${within.heading}» with it`);
    heading = without.heading;
    if (round === 0) continue;
    blocked.push(without.paint);
    allowed.push(within.paint);
  }
  const ratios = blocked.map((time, index) => time / allowed[index]);
  console.log(JSON.stringify({ path, heading, blocked: median(blocked), allowed: median(allowed), ratio: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) }));
}
await browser.close();

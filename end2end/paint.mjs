// Goal P14, for `make bench`: how soon pages paint with the wasm blocked, beside the same pages with it. Each kind has a tab of
// its own that keeps nothing it fetched; a tab leaves its page before the other one goes, for what it does there weighs on
// the other's paint. The two kinds alternate, and which of them goes first as well. Prints one JSON line a page.
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

async function tab(blocked) {
  const context = await browser.newContext();
  await context.addCookies(cookies);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  if (blocked) await session.send('Network.setBlockedURLs', { urls: ['*.wasm'] });
  return page;
}

const without = await tab(true);
const within = await tab(false);

/** Milliseconds from the navigation's start to the first contentful paint, and what the page's heading says. */
async function visit(page, path) {
  await page.bringToFront();
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
  // Of the same origin, so that the next visit finds the same process.
  await page.goto(origin + '/healthz', { waitUntil: 'load' });
  return { paint, heading };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
for (const path of paths) {
  const blocked = [], allowed = [];
  let heading = '';
  for (let round = 0; round <= Number(rounds); round++) {
    const seen = new Map();
    for (const page of round % 2 === 0 ? [without, within] : [within, without]) seen.set(page, await visit(page, path));
    const [one, other] = [seen.get(without), seen.get(within)];
    if (!one.heading || one.heading !== other.heading) throw new Error(`${path}: «${one.heading}» without wasm, «${other.heading}» with it`);
    heading = one.heading;
    if (round === 0) continue;
    blocked.push(one.paint);
    allowed.push(other.paint);
  }
  const ratios = blocked.map((time, index) => time / allowed[index]);
  console.log(JSON.stringify({ path, heading, blocked: median(blocked), allowed: median(allowed), ratio: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) }));
}
await browser.close();

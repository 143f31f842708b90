// Journeys on the lab: a real HAProxy with real traffic, the console, and a browser. The lab starts once (lab.setup.ts),
// and its controls do what customers and operators would do.
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: './tests',
  // One lab, two cores: one journey at a time. A flaky test is a failure, so none is tried twice.
  workers: 1,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 20_000 },
  globalSetup: './lab.setup.ts',
  reporter: [['list']],
  outputDir: 'test-results',
  use: {
    viewport: { width: 1280, height: 900 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
    },
  },
});

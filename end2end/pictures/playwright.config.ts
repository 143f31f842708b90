// Makes README's pictures anew: `make pictures`.
import { defineConfig } from '@playwright/test';
import journeys from '../playwright.config';

export default defineConfig({ ...journeys, testDir: '.', globalSetup: undefined, timeout: 240_000, outputDir: '../test-results' });

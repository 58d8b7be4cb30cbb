/** Chromium, without a window, and pages in it. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Browser } from 'playwright-core'
import { chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

const find = (): string => {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
  const path = process.env['CHROMIUM'] ?? found
  if (path !== undefined) return path
  throw new Error(
    `the browser tests need Chromium: install it, or set CHROMIUM to its path. Looked for ${names.join(', ')}.`,
  )
}

const args = ['--disable-gpu', '--disable-quic', '--disable-sync']

/** Starts the Chromium that CHROMIUM names, or that there is; it asks nothing of the network. */
export const launch = (): Promise<Browser> => chromium.launch({ executablePath: find(), args })

/** A page that remembers what its console said. */
export interface Tab {
  /** Errors and warnings of the page, its workers included. */
  readonly complaints: readonly string[]
  /**
   * What the function gives for the argument in the page; it sees the page's globals and its argument only. An error has the
   * complaints in its message.
   */
  run<A, R>(f: (argument: A) => R | Promise<R>, argument: A): Promise<R>
  readonly close: () => Promise<void>
}

export const openTab = async (browser: Browser, url: string): Promise<Tab> => {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.stack ?? error.message}`))
  page.on('crash', () => complaints.push('the page crashed'))
  await page.goto(url)
  const run = async <A, R>(f: (argument: A) => R | Promise<R>, argument: A): Promise<R> => {
    try {
      return (await page.evaluate(f as (argument: unknown) => unknown, argument)) as R
    } catch (error) {
      if (complaints.length > 0) (error as Error).message += `\nThe page's console:\n${complaints.join('\n')}`
      throw error
    }
  }
  return { complaints, run, close: () => page.close() }
}

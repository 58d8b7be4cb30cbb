/** The WebAssembly back end in a real browser: with threads, without, and where a page's policy forbids parts of it. */
import { operations } from 'pullback/testing'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import type * as page from './page/index.ts'
import { train } from './page/training.ts'
import { bundleChecks } from './support/bundle.ts'
import type { Tab } from './support/chromium.ts'
import { launch, openTab } from './support/chromium.ts'
import { digitBatches } from './support/digits.ts'
import type { Headers, PageServer } from './support/server.ts'
import { servePage } from './support/server.ts'
import { workerFile, workerRevision } from '../../src/backends/wasm/workerSource.ts'

declare global {
  /** In the page. */
  const checks: typeof page
}

let server: PageServer
let browser: Browser
beforeAll(async () => {
  server = await servePage({
    '/checks.js': await bundleChecks(),
    '/worker.js': workerFile,
    '/old-worker.js': workerFile.replace(workerRevision, 'another'),
  })
  return server.close
})
beforeAll(async () => {
  browser = await launch()
  return () => browser.close()
})

/** Opens a page with these headers before the tests of a group. */
const usePage = (headers: Headers): (() => Tab) => {
  let tab: Tab
  beforeAll(async () => {
    tab = await openTab(browser, server.url(headers))
    return tab.close
  })
  return () => tab
}

const training = { batches: digitBatches(5, 64), steps: 40 }

/** Losses of these steps may differ by this much, relatively, where operations round differently. */
const ROUNDING = 1e-4

const expectClose = (losses: readonly number[], expected: readonly number[]): void => {
  expect(losses).toHaveLength(expected.length)
  losses.forEach((loss, i) => {
    expect(Math.abs(loss / expected[i]! - 1), `step ${i}: ${loss}, not ${expected[i]!}`).toBeLessThan(ROUNDING)
  })
}

const trainIn = (tab: Tab, on: page.Training['on']): Promise<readonly number[]> =>
  tab.run((given) => checks.train(given), { ...training, on })

const workersStarted = (tab: Tab): Promise<number> => tab.run(() => checks.workersStarted(), null)

// What a page needs to share memory between threads.
const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

describe.each([
  { name: 'a page that is isolated', headers: isolation, isolated: true },
  { name: 'a page that is not isolated', headers: {}, isolated: false },
])('$name', ({ headers, isolated }) => {
  const tab = usePage(headers)

  it('has the compiler, and threads where memory may be shared', async () => {
    expect(await tab().run(() => checks.platform(), null)).toEqual({
      isolated,
      devices: ['wasm', 'interpreter'],
      threads: isolated ? 4 : 1,
    })
  })

  it('lets threads take part in kernels, or none', async () => {
    const seen = await tab().run((given) => checks.sharers(given), { threads: 3, time: isolated ? 20_000 : 100 })
    expect(seen).toEqual(isolated ? [0, 1, 2] : [0])
  })

  it.each(operations)('conforms: %s', async (op) => {
    await tab().run(
      (given) => {
        checks.checkOperation(given)
      },
      { op, runs: 15 },
    )
  })

  it('conforms: random programs', async () => {
    for (let round = 0; round < 20; round++)
      await tab().run(
        (given) => {
          checks.checkPrograms(given)
        },
        { runs: 30, round },
      )
  })

  it('trains on digits as Node and the interpreter do, whatever the number of threads', async () => {
    const before = await workersStarted(tab())
    const losses = await trainIn(tab(), 'two threads')
    expect((await workersStarted(tab())) - before).toBe(isolated ? 1 : 0)
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 4)
    expect(await trainIn(tab(), 'one thread')).toEqual(losses)
    expectClose(losses, await trainIn(tab(), 'interpreter'))
    expectClose(losses, await train({ ...training, on: 'one thread' }))
  })

  it('trains in a worker just so', async () => {
    const inWorker = await tab().run((given) => checks.trainInWorker(given), {
      ...training,
      on: 'two threads',
    } as const)
    expect(inWorker).toEqual(await trainIn(tab(), 'one thread'))
  })

  it('never tries to sleep on the main thread, nor complains', async () => {
    expect(await tab().run(() => checks.sleepsTried(), null)).toBe(0)
    expect(tab().complaints).toEqual([])
  })
})

const advice = (tab: Tab): readonly string[] => tab.complaints.filter((line) => line.includes('Pullback:'))

describe('an isolated page whose policy forbids workers', () => {
  const tab = usePage({ ...isolation, 'content-security-policy': "worker-src 'none'" })

  it('trains on its main thread', async () => {
    const losses = await trainIn(tab(), 'two threads')
    expect(losses).toEqual(await trainIn(tab(), 'one thread'))
    expect(await tab().run((given) => checks.sharers(given), { threads: 2, time: 100 })).toEqual([0])
  })

  it('says once what would allow them', () => {
    expect(advice(tab())).toEqual([
      expect.stringMatching(/^warning: .*worker-src blob:.*pullback\/worker.*setWorkerUrl/),
    ])
  })
})

/** The strictest policy under which everything works. */
const strict = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src data:"

describe('an isolated page under a strict policy, with a file for its workers', () => {
  const tab = usePage({ ...isolation, 'content-security-policy': strict })
  const setWorkerUrl = (path: string, headers: Headers): Promise<void> =>
    tab().run(
      (url) => {
        checks.setWorkerUrl(url)
      },
      `${path}?${new URLSearchParams(headers)}`,
    )

  it('lets threads take part, and trains', async () => {
    await setWorkerUrl('/worker.js', { ...isolation, 'content-security-policy': strict })
    expect(await tab().run((given) => checks.sharers(given), { threads: 3, time: 20_000 })).toEqual([0, 1, 2])
    expect(await trainIn(tab(), 'two threads')).toEqual(await trainIn(tab(), 'one thread'))
    expect(tab().complaints).toEqual([])
  })

  it('goes on alone where the file is of another version', async () => {
    await setWorkerUrl('/old-worker.js', isolation)
    expect(await tab().run((given) => checks.sharers(given), { threads: 2, time: 500 })).toEqual([0])
    expect(tab().complaints.join('\n')).toContain('not of the version')
  })
})

describe('a page whose policy forbids compiling', () => {
  const tab = usePage({ 'content-security-policy': "script-src 'self'" })

  it('trains on the interpreter', async () => {
    const losses = await trainIn(tab(), 'the first device')
    expect(losses).toEqual(await trainIn(tab(), 'interpreter'))
  })

  it('says so, once, where no device was chosen, and what would allow it', async () => {
    for (let i = 0; i < 3; i++) expect(await tab().run(() => checks.compiledSum(5000), null)).toBe(5000)
    expect(advice(tab())).toEqual([expect.stringMatching(/^warning: .*'wasm-unsafe-eval'.*script-src/)])
    expect(await tab().run(() => checks.errorOfWasm(), null)).toMatch(/no device 'wasm'.*'wasm-unsafe-eval'/)
  })
})

describe('a page whose policy forbids compiling, and that asks for no advice', () => {
  const tab = usePage({ 'content-security-policy': "script-src 'self'" })

  it('gets none', async () => {
    await tab().run(() => {
      checks.silence()
    }, null)
    expect(await tab().run(() => checks.compiledSum(5000), null)).toBe(5000)
    expect(advice(tab())).toEqual([])
  })
})

/** `pullback/train` in a real browser. */
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import type * as page from './page/lora.ts'
import { tuneLora } from './page/lora.ts'
import { bundleTuning, nodeImportsOf } from './support/bundle.ts'
import { launch, openTab } from './support/chromium.ts'
import type { PageServer } from './support/server.ts'
import { servePage } from './support/server.ts'

declare global {
  /** In the page. */
  const tuning: typeof page
}

let server: PageServer
let browser: Browser
beforeAll(async () => {
  server = await servePage({ '/checks.js': `${await bundleTuning()}\nvar tuning = checks` })
  return server.close
})
beforeAll(async () => {
  browser = await launch()
  return () => browser.close()
})

describe('pullback/train in a page', () => {
  it('tunes a LoRA as Node does, and leaves the base as it was', async () => {
    const tab = await openTab(browser, server.url({}))
    const seen = await tab.run((given) => tuning.tuneLora(given), { epochs: 10 })
    await tab.close()
    expect(seen).toMatchObject({ reason: 'data', kept: true })
    expect(seen.losses).toHaveLength(40)
    expect(seen.losses.at(-1)).toBeLessThan(seen.losses[0]! / 4)
    const here = await tuneLora({ epochs: 10 })
    seen.losses.forEach((loss, i) => {
      expect(Math.abs(loss - here.losses[i]!), `step ${i}`).toBeLessThan(1e-3)
    })
  })

  it.each(['.', 'io', 'models', 'tokenizers', 'train'])('the bundle of %s needs no module of Node', async (entry) => {
    expect(await nodeImportsOf(entry)).toEqual([])
  })
})

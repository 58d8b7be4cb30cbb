import { describe, expect, it } from 'vitest'
import type { Host } from '../../src/core/turns.ts'
import { clearAway, noteTurn, pileUp, schedulerOf, turnIfDue } from '../../src/core/turns.ts'

const MB = 2 ** 20

describe('turnIfDue', () => {
  it('is null until enough has piled up, and again after a turn', () => {
    noteTurn()
    expect(turnIfDue()).toBeNull()
    pileUp(63 * MB)
    expect(turnIfDue()).toBeNull()
    pileUp(MB)
    expect(turnIfDue()).not.toBeNull()
    expect(turnIfDue()).toBeNull()
  })

  it('does not count what was given back, nor what was given back of an earlier turn', () => {
    noteTurn()
    const first = pileUp(63 * MB)
    clearAway(60 * MB, first)
    pileUp(60 * MB)
    expect(turnIfDue()).toBeNull()
    noteTurn()
    pileUp(64 * MB)
    clearAway(3 * MB, first)
    expect(turnIfDue()).not.toBeNull()
  })
})

describe('schedulerOf', () => {
  const setTimeout = (f: () => void): void => {
    f()
  }
  class Channel {
    static made = 0
    readonly port1: { onmessage: (() => void) | null } = { onmessage: null }
    readonly port2 = {
      postMessage: () => {
        queueMicrotask(() => this.port1.onmessage?.())
      },
    }
    constructor() {
      Channel.made++
    }
  }

  it('takes what is there: immediates, else messages, else timers', async () => {
    const seen: string[] = []
    const setImmediate = (f: () => void): void => {
      seen.push('immediate')
      f()
    }
    schedulerOf({ setImmediate, MessageChannel: Channel, setTimeout })(() => seen.push('1'))
    expect(seen).toEqual(['immediate', '1'])
    expect(Channel.made).toBe(0)
    schedulerOf({ setTimeout })(() => seen.push('2'))
    expect(seen.at(-1)).toBe('2')
    const byMessages = schedulerOf({ MessageChannel: Channel, setTimeout })
    expect(Channel.made).toBe(0)
    await new Promise<void>((resolve) => {
      byMessages(() => seen.push('3'))
      byMessages(() => {
        seen.push('4')
        resolve()
      })
    })
    expect(seen.slice(-2)).toEqual(['3', '4'])
    expect(Channel.made).toBe(1)
  })

  it('runs after resolved promises, in a turn of its own', async () => {
    const seen: string[] = []
    const turn = new Promise<void>((resolve) => {
      schedulerOf(globalThis as unknown as Host)(() => {
        seen.push('turn')
        resolve()
      })
    })
    for (let i = 0; i < 20; i++) await Promise.resolve()
    seen.push('promises')
    await turn
    expect(seen).toEqual(['promises', 'turn'])
  })
})

/** A range of indices: half open, negatives count from the end, `null` means the default. */
export class Slice {
  readonly start: number | null
  readonly stop: number | null
  readonly step: number
  constructor(start: number | null, stop: number | null, step: number) {
    this.start = start
    this.stop = stop
    this.step = step
  }
}

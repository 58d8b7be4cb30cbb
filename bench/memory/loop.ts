/** A synchronous loop of a million small operations: neither finalisers nor timers get a chance to run. */
import { np } from 'pullback'
import { peakResidentBytes } from './peak.ts'

let x = np.array([1, 2, 3, 4, 5, 6, 7, 8])
for (let i = 0; i < 500_000; i++) x = x.mul(0.5).add(1)
process.send!({ peakBytes: peakResidentBytes() })

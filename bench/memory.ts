import { spawnSync } from 'node:child_process'

const code = `import { np } from 'pullback'
let x = np.array([1, 2, 3, 4, 5, 6, 7, 8])
for (let i = 0; i < 500000; i++) x = x.mul(0.5).add(1)
console.log(process.resourceUsage().maxRSS / 1024)`

/** Most megabytes resident in a synchronous loop of a million small operations, in a process of its own. */
export const residentMegabytes = (): number => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  })
  const megabytes = Number.parseFloat(stdout)
  if (Number.isNaN(megabytes)) throw new Error(`The loop of a million operations failed: ${stderr}`)
  return megabytes
}

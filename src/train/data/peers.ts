/** Optional peer packages, loaded when they are first needed. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { IoError } from '../../io/index.ts'
import { left, right } from './cursor.ts'

/** A package, or the error that it is not installed. `hint` names an alternative. */
export const peer = async <M>(name: string, source: string, why: string, hint = ''): Promise<Either<IoError, M>> => {
  try {
    return right((await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as M)
  } catch {
    return left({
      _tag: 'Access',
      source,
      code: 'ERR_MODULE_NOT_FOUND',
      message: `${source}: the package ${name} is needed ${why}. Install it: npm install ${name}${hint}`,
    })
  }
}
